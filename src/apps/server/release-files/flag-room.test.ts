import assert from 'node:assert/strict';
import test from 'node:test';
import { parseReleaseFiles } from '../../../api/release-file/parse-release-files.ts';
import { emptyService } from '../../../domain/release/service-state.ts';
import { flagRoomProblems } from './flag-room.ts';
import { serviceSpecOf } from './service-spec.ts';

function servicesOf(count: number) {
  const texts = Array.from({ length: count }, (_each, index) => {
    const flags = Array.from({ length: 4 }, (_flag, at) => {
      return `    f${at}: { variants: { a: { k: ${'x'.repeat(3900)} } }, defaultVariant: a }`;
    });
    return `apiVersion: tidegate.dev/v1
kind: Service
metadata: { name: s${index} }
spec:
  run: { command: [node, s.js] }
  flags:
${flags.join('\n')}
`;
  });
  const files = texts.map((text, index) => ({ path: `/s${index}.yaml`, text }));
  const { services, problems } = parseReleaseFiles(files);
  assert.deepEqual(problems, []);
  return services;
}

test('flags of all services together have a bound, with those that are applied and without those replaced', () => {
  const services = servicesOf(67);
  const specs = services.map((each) => serviceSpecOf(each));
  const states = specs.map((spec) => ({ ...emptyService(spec.name), spec }));
  const each = JSON.stringify(specs[0]?.revision.flags).length;
  const most = Math.floor(1_048_576 / each);
  assert.ok(most < 67, `${most}`);
  const problemsOf = (count: number, living: typeof states) =>
    flagRoomProblems(services.slice(0, count), specs.slice(0, count), living);
  assert.deepEqual(problemsOf(most, []), []);
  const [problem] = problemsOf(most + 1, []);
  assert.match(problem?.message ?? '', /flags of all services have more than 1048576 characters/);
  assert.deepEqual([problem?.path, problem?.line], [`/s${most}.yaml`, 7]);
  // Applied again they are the same, and not twice.
  assert.deepEqual(problemsOf(most, states.slice(0, most)), []);
  assert.equal(
    flagRoomProblems(services.slice(0, 1), specs.slice(0, 1), states.slice(0, most)).length,
    0,
  );
  assert.equal(
    flagRoomProblems(services.slice(-1), specs.slice(-1), states.slice(0, most)).length,
    1,
  );
});
