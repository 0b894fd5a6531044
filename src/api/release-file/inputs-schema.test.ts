import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseReleaseFiles } from './parse-release-files.ts';
import { formatProblem } from './problem.ts';

function parse(run: string) {
  const text = `apiVersion: tidegate.dev/v1
kind: Service
metadata: { name: shop }
spec:
  run: { command: [node], ${run} }
`;
  return parseReleaseFiles([{ path: 'shop.yaml', text }]);
}

test('files and secrets are read as they are written', () => {
  const { problems, services } = parse(
    'envFiles: [a.env, /b.env], secrets: { A: { file: x }, B: { env: C } }, configFiles: [c.json]',
  );
  assert.deepEqual(problems, []);
  const { envFiles, secrets, configFiles } = services[0]?.run ?? assert.fail();
  assert.deepEqual(envFiles, ['a.env', '/b.env']);
  assert.deepEqual({ ...secrets }, { A: { file: 'x' }, B: { env: 'C' } });
  assert.deepEqual(configFiles, ['c.json']);
});

const many = Array.from({ length: 65 }, (_each, at) => `f${at}`).join(', ');
const refused: readonly (readonly [string, RegExp])[] = [
  ['envFiles: [""]', /item 1 of "envFiles" must not be empty/],
  ['envFiles: []', /"envFiles" must have at least one item/],
  [`configFiles: [${many}]`, /"configFiles" has more than 64 items/],
  ['secrets: { A: { } }', /"A" must have one of file, env; it has neither/],
  ['secrets: { A: { file: x, env: Y } }', /"A" must have one of file, env; it has both/],
  ['secrets: { PORT: { file: x } }', /is set for each instance and cannot be given/],
  ['secrets: { A: { value: x } }', /unknown key "value"/],
  ['secrets: { 1A: { file: x } }', /begins with no digit/],
];
for (const [run, wanted] of refused) {
  test(`run: ${run.slice(0, 60)} is refused`, () => {
    const { problems } = parse(run);
    assert.match(problems.map(formatProblem).join('\n'), wanted);
  });
}
