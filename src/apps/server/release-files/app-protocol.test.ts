import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseReleaseFiles } from '../../../api/release-file/parse-release-files.ts';
import { formatProblem } from '../../../api/release-file/problem.ts';
import { serviceSpecOf } from './service-spec.ts';

function read(line: string) {
  const text = [
    'apiVersion: tidegate.dev/v1',
    'kind: Service',
    'metadata: { name: greeter }',
    'spec:',
    '  run: { command: [greeter] }',
    ...(line === '' ? [] : [`  ${line}`]),
    '',
  ].join('\n');
  const { services, problems } = parseReleaseFiles([{ path: '/shop/greeter.yaml', text }]);
  return {
    specs: services.map((each) => serviceSpecOf(each)),
    problems: problems.map(formatProblem),
  };
}

test('what instances speak is of the revision, and another one makes another revision', () => {
  const [h2c] = read('appProtocol: kubernetes.io/h2c').specs;
  const [plain] = read('').specs;
  assert.equal(h2c?.revision.appProtocol, 'kubernetes.io/h2c');
  assert.notEqual(h2c?.revision.id, plain?.revision.id);
  assert.ok(plain !== undefined && !('appProtocol' in plain.revision));
});

test('zones are of the revision, and another list makes another one', () => {
  const [zoned] = read('zones: [eu-1a, eu-1b]').specs;
  const [other] = read('zones: [eu-1b, eu-1a]').specs;
  const [plain] = read('').specs;
  assert.deepEqual(zoned?.revision.zones, ['eu-1a', 'eu-1b']);
  assert.equal(new Set([zoned, other, plain].map((each) => each?.revision.id)).size, 3);
  assert.ok(plain !== undefined && !('zones' in plain.revision));
});

for (const zones of [
  '[]',
  '[a b]',
  '[-a]',
  '[a.]',
  `[${'z'.repeat(64)}]`,
  `[${'z, '.repeat(17)}]`,
]) {
  test(`zones: ${zones.slice(0, 20)} is refused`, () => {
    assert.equal(read(`zones: ${zones}`).problems.length, 1);
  });
}

test('what the gateway does not speak is refused with its place', () => {
  const { problems } = read('appProtocol: kubernetes.io/wss');
  assert.equal(problems.length, 1);
  assert.match(problems[0] ?? '', /greeter\.yaml:6:\d+.*kubernetes\.io\/h2c/s);
});
