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

const strict = ['appProtocol: https', 'traffic: { mtls: { mode: strict } }'];
const standby = (what: string): string =>
  `rollout: { strategy: blueGreen, blueGreen: { ${what} } }`;
const loaded = standby('load: { requestsPerSecond: 10, for: 5s }');

test('a standby that nothing asks in plaintext can be of a strict service', () => {
  assert.deepEqual(read(...strict, standby('within: 1m')).problems, []);
  const permissive = ['appProtocol: https', 'traffic: { mtls: { mode: permissive } }'];
  assert.deepEqual(read(...permissive, loaded).problems, []);
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
  [
    [...strict, standby('checks: [{ name: a }]')],
    /^shop\.yaml:8:\d+: .*"checks" asks without TLS, which "traffic\.mtls\.mode: strict" refuses/,
  ],
  [
    [...strict, standby('warmUp: { requests: 3 }')],
    /^shop\.yaml:8:\d+: .*"warmUp" asks without TLS/,
  ],
  [[...strict, loaded], /^shop\.yaml:8:\d+: .*"load" asks without TLS/],
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
