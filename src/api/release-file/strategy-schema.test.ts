import assert from 'node:assert/strict';
import test from 'node:test';
import { parseReleaseFiles } from './parse-release-files.ts';
import { formatProblem } from './problem.ts';

/** A service whose rollout has these lines, from line 8 and column 5 on. */
function fileWith(rollout: string): string {
  return `apiVersion: tidegate.dev/v1
kind: Service
metadata: { name: web }
spec:
  run: { command: [node, a.js] }
  scale: { min: 3 }
  rollout:
${rollout.replace(/^/gm, '    ')}
`;
}

function rolloutOf(rollout: string) {
  const { services, problems } = parseReleaseFiles([{ path: 'f', text: fileWith(rollout) }]);
  assert.deepEqual(problems.map(formatProblem), []);
  return services[0]?.rollout;
}

function problemsOf(rollout: string): string[] {
  const { problems } = parseReleaseFiles([{ path: 'f', text: fileWith(rollout) }]);
  return problems.map((problem) => formatProblem(problem).split('\n')[0]?.slice('f:'.length) ?? '');
}

test('a blue-green release is read with all it may say', () => {
  const rollout = rolloutOf(`strategy: blueGreen
blueGreen:
  standby: 2
  warmUp: { path: /warm, requests: 50 }
  checks:
    - { name: home, contains: hello }
    - { name: order, method: POST, path: '/orders?dry=1', headers: { X-User: ana }, body: '{}', status: 201, timeout: 2s }
  load: { path: /search, requestsPerSecond: 50, for: 20s, failures: 1%, p95: 300ms }
  within: 1m
  approvals: { roles: { sre: 1 } }
bake: 10m`);
  assert.deepEqual(rollout?.strategy, {
    kind: 'blue-green',
    standbyInstances: 2,
    warmUp: { path: '/warm', requests: 50 },
    checks: [
      {
        name: 'home',
        method: 'GET',
        path: '/',
        headers: {},
        body: null,
        status: 200,
        contains: 'hello',
        timeoutMs: 5_000,
      },
      {
        name: 'order',
        method: 'POST',
        path: '/orders?dry=1',
        headers: { 'x-user': 'ana' },
        body: '{}',
        status: 201,
        contains: null,
        timeoutMs: 2_000,
      },
    ],
    load: {
      path: '/search',
      requestsPerSecond: 50,
      durationMs: 20_000,
      failureRatioMax: 0.01,
      p95LimitMs: 300,
    },
    withinMs: 60_000,
  });
  const places = rollout.steps.map(({ weightPercent, gated, wait }) => [
    weightPercent,
    gated,
    wait.kind,
  ]);
  assert.deepEqual(places, [
    [0, false, 'approval'],
    [100, false, 'none'],
  ]);
  assert.equal(rollout.bakeMs, 600_000);
});

test('a blue-green release needs no more than its name', () => {
  const rollout = rolloutOf('strategy: blueGreen');
  assert.deepEqual(rollout?.strategy, {
    kind: 'blue-green',
    standbyInstances: 3,
    warmUp: null,
    checks: [],
    load: null,
    withinMs: 120_000,
  });
  assert.equal(rolloutOf('strategy: canary')?.strategy, undefined);
});

test('no more instances stand by than the service has', () => {
  const { strategy } = rolloutOf('strategy: blueGreen\nblueGreen: { standby: 7 }') ?? {};
  assert.equal(strategy?.kind === 'blue-green' && strategy.standbyInstances, 3);
});

test('a rolling release has the words and the defaults of a Deployment', () => {
  assert.deepEqual(rolloutOf('strategy: rolling')?.strategy, {
    kind: 'rolling',
    maxSurge: { kind: 'percent', percent: 25 },
    maxUnavailable: { kind: 'percent', percent: 25 },
    progressDeadlineMs: 600_000,
  });
  const written =
    'strategy: rolling\nrolling: { maxSurge: 2, maxUnavailable: 0%, progressDeadline: 90s }';
  const rollout = rolloutOf(written);
  assert.deepEqual(rollout?.strategy, {
    kind: 'rolling',
    maxSurge: { kind: 'count', count: 2 },
    maxUnavailable: { kind: 'percent', percent: 0 },
    progressDeadlineMs: 90_000,
  });
  assert.deepEqual(
    rollout.steps.map(({ weightPercent }) => weightPercent),
    [100],
  );
});

test('a recreated release has a deadline', () => {
  const wanted = { kind: 'recreate', progressDeadlineMs: 600_000 };
  assert.deepEqual(rolloutOf('strategy: recreate')?.strategy, wanted);
  const written = rolloutOf('strategy: recreate\nrecreate: { progressDeadline: 5s }');
  assert.deepEqual(written?.strategy, { ...wanted, progressDeadlineMs: 5_000 });
});

const refused: readonly (readonly [rollout: string, problem: RegExp])[] = [
  [
    'strategy: bluegreen',
    /^8:15: "strategy" must be canary, blueGreen, rolling or recreate, not "bluegreen"/,
  ],
  [
    'blueGreen: {}',
    /^8:16: "blueGreen" cannot stand beside the strategy canary; it is for the strategy blueGreen/,
  ],
  [
    'strategy: blueGreen\nsteps: [5%]',
    /^9:12: "steps" cannot stand beside the strategy blueGreen; it is for the strategy canary/,
  ],
  ['strategy: blueGreen\nblueGreen: { standby: 0 }', /"standby" must be 1 to 1000, not 0/],
  ['strategy: blueGreen\nblueGreen: { checks: [{ path: / }] }', /has no "name"/],
  [
    'strategy: blueGreen\nblueGreen: { checks: [{ name: a }, { name: a }] }',
    /"a" is the name of an earlier check/,
  ],
  [
    'strategy: blueGreen\nblueGreen: { checks: [{ name: a, path: orders }] }',
    /did you mean "\/orders"/,
  ],
  [
    'strategy: blueGreen\nblueGreen: { checks: [{ name: a, status: 99 }] }',
    /"status" must be 100 to 599, not 99/,
  ],
  [
    'strategy: blueGreen\nblueGreen: { checks: [{ name: a, method: CONNECT }] }',
    /"method" must be GET, HEAD/,
  ],
  [
    'strategy: blueGreen\nblueGreen: { checks: [{ name: a, body: x }] }',
    /"body" cannot stand beside the method GET/,
  ],
  [
    'strategy: blueGreen\nblueGreen: { checks: [{ name: a, contains: "" }] }',
    /"contains" must not be empty/,
  ],
  [
    'strategy: blueGreen\nblueGreen: { checks: [{ name: a, headers: { Host: b } }] }',
    /"Host" is set by the check itself/,
  ],
  ['strategy: blueGreen\nblueGreen: { load: { path: / } }', /has no "requestsPerSecond"/],
  [
    'strategy: blueGreen\nblueGreen: { load: { requestsPerSecond: 6000 } }',
    /must be 1 to 5000, not 6000/,
  ],
  [
    'strategy: blueGreen\nblueGreen: { load: { requestsPerSecond: 1, for: 30s }, within: 30s }',
    /"for" is 30s, not shorter than "within" \(30s\)/,
  ],
  [
    'strategy: blueGreen\nblueGreen: { approval: true, approvals: { roles: { sre: 1 } } }',
    /"approvals" cannot stand beside "approval"/,
  ],
  ['rolling: {}', /^8:14: "rolling" cannot stand beside the strategy canary/],
  ['strategy: rolling\nrecreate: {}', /^9:15: "recreate" cannot stand beside the strategy rolling/],
  [
    'strategy: rolling\nrolling: { maxSurge: 0, maxUnavailable: 0% }',
    /"maxUnavailable" cannot be 0 beside a "maxSurge" of 0/,
  ],
  [
    'strategy: rolling\nrolling: { maxSurge: -1 }',
    /"maxSurge" must be 0 to 1000 or a percentage, not -1/,
  ],
  [
    'strategy: rolling\nrolling: { maxSurge: 1.5 }',
    /"maxSurge" must be 0 to 1000 or a percentage, not 1.5/,
  ],
  ['strategy: rolling\nrolling: { maxSurge: 101% }', /"maxSurge" must be 0% to 100%, not "101%"/],
  ['strategy: rolling\nrolling: { maxSurge: all }', /"maxSurge" must be a percentage such as 25%/],
  ['strategy: blueGreen\nblueGreen: { warmup: { requests: 5 } }', /unknown key "warmup"/],
];

for (const [rollout, problem] of refused) {
  test(`refused: ${rollout.replaceAll('\n', ' ')}`, () => {
    const problems = problemsOf(rollout);
    assert.equal(problems.length, 1, problems.join('\n'));
    assert.match(problems[0] ?? '', problem);
  });
}
