import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseReleaseFiles } from './parse-release-files.ts';
import { formatProblem } from './problem.ts';

function read(...lines: readonly string[]) {
  const text = [
    'apiVersion: tidegate.dev/v1',
    'kind: Service',
    'metadata: { name: cart }',
    'spec:',
    '  run: { command: [node, server.js] }',
    ...lines.map((line) => `  ${line}`),
  ].join('\n');
  return parseReleaseFiles([{ path: 'shop.yaml', text }]);
}

test('a service says whether its callers prove who they are', () => {
  for (const mode of ['permissive', 'strict'] as const) {
    const { services, problems } = read(
      'appProtocol: https',
      `traffic: { mtls: { mode: ${mode} } }`,
    );
    assert.deepEqual(problems, []);
    assert.deepEqual(services[0]?.traffic.policy, { mtls: { mode } });
  }
  const permissive = read('traffic: { mtls: { mode: permissive } }');
  assert.deepEqual(permissive.services[0]?.traffic.policy, { mtls: { mode: 'permissive' } });
});

test('off is the same as not to say anything', () => {
  const { services } = read('traffic: { mtls: { mode: off } }');
  assert.ok(services[0] !== undefined && !('policy' in services[0].traffic));
});

const refused: readonly (readonly [lines: readonly string[], problem: RegExp])[] = [
  [
    ['traffic: { mtls: { mode: strict } }'],
    /^shop\.yaml:6:28: .*"strict" needs "appProtocol: https"/,
  ],
  [['appProtocol: https'], /^shop\.yaml:6:16: .*"https" needs "traffic\.mtls\.mode"/],
  [['appProtocol: https', 'traffic: { mtls: { mode: off } }'], /^shop\.yaml:6:16: .*"https" needs/],
  [['traffic: { mtls: { mode: STRICT } }'], /^shop\.yaml:6:28: .*off, permissive or strict/],
  [['traffic: { mtls: { mode: false } }'], /^shop\.yaml:6:28: .*off, permissive or strict/],
  [['traffic: { mtls: {} }'], /^shop\.yaml:6:14: .*has no "mode"/],
  [['traffic: { mtls: { modus: strict } }'], /^shop\.yaml:6:14: .*mtls/],
];

for (const [lines, problem] of refused) {
  test(`${lines.join(', ')} is refused with its place`, () => {
    const { problems } = read(...lines);
    assert.ok(problems.length > 0);
    const [first = ''] = problems.map(formatProblem);
    assert.match(first, problem);
  });
}
