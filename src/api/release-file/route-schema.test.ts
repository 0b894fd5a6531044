import assert from 'node:assert/strict';
import test from 'node:test';
import { parseReleaseFiles } from './parse-release-files.ts';
import { formatProblem } from './problem.ts';

/** A service whose traffic has these lines, from line 7 and column 5 on. */
function fileWith(traffic: string, steps = '[10%]'): string {
  return `apiVersion: tidegate.dev/v1
kind: Service
metadata: { name: web }
spec:
  run: { command: [node, a.js] }
  traffic:
    host: web.localhost
${traffic.replace(/^/gm, '    ')}
  rollout:
    steps: ${steps}
`;
}

function problemsOf(traffic: string, steps?: string): string[] {
  const { problems } = parseReleaseFiles([{ path: 'f', text: fileWith(traffic, steps) }]);
  return problems.map((problem) => formatProblem(problem).split('\n')[0]?.slice('f:'.length) ?? '');
}

const nothing = {
  path: { type: 'PathPrefix', value: '/' },
  method: null,
  headers: [],
  queryParams: [],
  cookies: [],
};

test('rules and key are read in the words of the Gateway API', () => {
  const traffic = `rules:
  - name: search
    matches:
      - path: { type: Exact, value: /search }
        method: GET
        headers: [{ type: Exact, name: X-Team, value: shop }]
        queryParams: [{ name: v, value: "2 a" }]
        cookies: [{ name: beta, value: "yes" }]
      - path: { value: /find }
    timeouts: { request: 1m, backendRequest: 500ms, idle: 10s }
    maxBodyBytes: 1000
    retries: { attempts: 1, on: [503] }
  - { name: stream, matches: [{ method: POST }], timeouts: { request: 0s, backendRequest: 0s } }
  - name: rest
sticky: { header: X-User }`;
  const { services, problems } = parseReleaseFiles([
    { path: 'f', text: fileWith(traffic, '[{ weight: 5%, matches: [{ method: GET }] }]') },
  ]);
  assert.deepEqual(problems.map(formatProblem), []);
  assert.deepEqual(services[0]?.traffic, {
    host: 'web.localhost',
    requestTimeoutMs: 15_000,
    rules: [
      {
        name: 'search',
        matches: [
          {
            path: { type: 'Exact', value: '/search' },
            method: 'GET',
            headers: [{ name: 'x-team', value: 'shop' }],
            queryParams: [{ name: 'v', value: '2 a' }],
            cookies: [{ name: 'beta', value: 'yes' }],
          },
          { ...nothing, path: { type: 'PathPrefix', value: '/find' } },
        ],
        timeouts: { requestMs: 60_000, backendRequestMs: 500, idleMs: 10_000 },
        maxBodyBytes: 1000,
        retries: {
          attempts: 1,
          onConnectFailure: false,
          onRefusedStream: false,
          onReset: false,
          onStatuses: [503],
          methods: 'idempotent',
          perTryTimeoutMs: null,
          backOffMs: 25,
          budgetPercent: 20,
          minPerSecond: 10,
        },
      },
      { name: 'stream', matches: [{ ...nothing, method: 'POST' }] },
      { name: 'rest', matches: [] },
    ],
    sticky: { kind: 'header', name: 'x-user' },
  });
  assert.deepEqual(services[0]?.rollout.steps[0]?.matches, [{ ...nothing, method: 'GET' }]);
});

for (const [written, key] of [
  ['{ cookie: sid }', { kind: 'cookie', name: 'sid' }],
  ['{ client: address }', { kind: 'address' }],
] as const) {
  test(`sticky: ${written} is read`, () => {
    const { services } = parseReleaseFiles([{ path: 'f', text: fileWith(`sticky: ${written}`) }]);
    assert.deepEqual(services[0]?.traffic.sticky, key);
  });
}

test('a file that says nothing of it is as before', () => {
  const { services } = parseReleaseFiles([{ path: 'f', text: fileWith('timeout: 1s') }]);
  assert.deepEqual(Object.keys(services[0]?.traffic ?? {}), ['host', 'requestTimeoutMs']);
  assert.ok(!('matches' in (services[0]?.rollout.steps[0] ?? {})));
});

const rule = (rest: string): string => `rules: [{ name: a, ${rest} }]`;
const path = (rest: string): string => rule(`matches: [{ path: { ${rest} } }]`);
const headers = (rest: string): string => rule(`matches: [{ headers: [${rest}] }]`);
const many = (count: number, item: (n: number) => string): string =>
  Array.from({ length: count }, (_, n) => item(n)).join(', ');

for (const [traffic, ...want] of [
  [
    path('type: RegularExpression, value: "/a.*"'),
    '8:50: "type" must be Exact or PathPrefix, not "RegularExpression"; regular expressions are not taken: name each path, or a prefix of them',
  ],
  [
    path('type: exact, value: /a'),
    '8:50: "type" must be Exact or PathPrefix, not "exact"; did you mean "Exact"?',
  ],
  [path('type: Exact'), '8:36: "path" has no "value"'],
  [
    path('value: a'),
    '8:51: "value" must be a path such as /search, without a query, not "a"; did you mean "/a"?',
  ],
  [
    path('value: "/a?b"'),
    '8:51: "value" must be a path such as /search, without a query, not "/a?b"',
  ],
  [path('value: /a//b'), '8:51: "value" must not have "//"'],
  [path('value: /a/../b'), '8:51: "value" must not have "/../"'],
  [path('value: /a%2fb'), '8:51: "value" must not have "%2f"'],
  [path('value: /a/..'), '8:51: "value" must not end with "/.."'],
  [
    path('value: /a%zz'),
    '8:51: "value" must be a path such as /search, without a query, not "/a%zz"',
  ],
  [
    path(`value: /${'a'.repeat(1024)}`),
    '8:51: "value" must have at most 1024 characters, not 1025',
  ],
  [rule('matches: []'), '8:33: "matches" must have at least one item'],
  [
    rule('matches: [{}]'),
    '8:34: item 1 of "matches" must have at least one of path, method, headers, queryParams and cookies',
  ],
  [
    rule('matches: [{ method: get }]'),
    '8:44: "method" must be a method such as GET, not "get"; did you mean "GET"?',
  ],
  [
    headers('{ name: "x y", value: 1 }'),
    '8:54: "name" must be a header name such as x-canary, not "x y"',
    '8:68: "value" must be a text, not 1; write it in quotes: "1"',
  ],
  [
    headers('{ name: x, value: a }, { name: X, value: b }'),
    '8:77: "name" "X" is the name of an earlier item',
  ],
  [
    headers('{ type: RegularExpression, name: x, value: a }'),
    '8:54: "type" must be Exact, not "RegularExpression"; values are compared as they are',
  ],
  [headers(many(17, (n) => `{ name: x${n}, value: a }`)), '8:45: "headers" has more than 16 items'],
  [
    rule('matches: [{ cookies: [{ name: "a;b", value: "1" }] }]'),
    '8:54: "name" must be a cookie name such as session, not "a;b"',
  ],
  [
    rule('matches: [{ cookies: [{ name: a, value: "1;2" }] }]'),
    '8:64: "value" must be a cookie value: visible ASCII but comma, semicolon, quotes and backslash, not "1;2"',
  ],
  [`rules: [{ name: a }, { name: a }]`, '8:34: "name" "a" is the name of an earlier rule'],
  [`rules: [${many(17, (n) => `{ name: a${n} }`)}]`, '8:12: "rules" has more than 16 items'],
  [
    rule('retry: { attempts: 2 }'),
    '8:24: unknown key "retry"; known are name, matches, timeouts, maxBodyBytes, retries, rateLimit, jwt',
  ],
  [rule('retries: { attempts: 11 }'), '8:45: "attempts" must be 0 to 10, not 11'],
  [
    rule('timeouts: { request: 1s, backendRequest: 2s }'),
    '8:65: "backendRequest" must not be longer than "request": one attempt is a part of it',
  ],
  [rule('timeouts: { idle: 0s }'), '8:42: "idle" must be 1ms to 1h, not "0s"'],
  ['sticky: {}', '8:13: "sticky" must have exactly one of header, cookie and client; it has none'],
  [
    'sticky: { header: x, cookie: y }',
    '8:13: "sticky" must have exactly one of header, cookie and client; it has header and cookie',
  ],
  ['sticky: { client: name }', '8:23: "client" must be address, not "name"'],
] as const) {
  test(`traffic ${traffic.slice(0, 60)} is refused`, () => {
    assert.deepEqual(problemsOf(traffic), want);
  });
}

for (const [written, mirror] of [
  ['10%', { percent: 10 }],
  ['{ percent: 0.5% }', { percent: 0.5 }],
  ['{ percent: 100%, methods: all }', { percent: 100, methods: 'all' }],
] as const) {
  test(`mirror: ${written} is read`, () => {
    const text = fileWith('timeout: 1s', `[{ weight: 5%, mirror: ${written} }]`);
    const { services, problems } = parseReleaseFiles([{ path: 'f', text }]);
    assert.deepEqual(problems.map(formatProblem), []);
    assert.deepEqual(services[0]?.rollout.steps[0]?.mirror, mirror);
  });
}

const unjudged =
  '"weight" must be at least 0.1% where nothing is copied, or the gate judges; at 0% put "mirror" and "gate: false" beside it';

test('copies alone go to a candidate at 0 %, where the gate stays out of it', () => {
  const text = fileWith('timeout: 1s', '[{ weight: 0%, mirror: 5%, gate: false }, 10%]');
  const { services, problems } = parseReleaseFiles([{ path: 'f', text }]);
  assert.deepEqual(problems.map(formatProblem), []);
  const [first] = services[0]?.rollout.steps ?? [];
  assert.deepEqual([first?.weightPercent, first?.mirror], [0, { percent: 5 }]);
});

for (const [step, want] of [
  ['weight: 5%, mirror: 0.05%', '"mirror" must be 0.1% to 100%, not "0.05%"'],
  ['weight: 5%, mirror: 0.15%', '"mirror" must be a multiple of 0.1%, not 0.15%'],
  [
    'weight: 5%, mirror: { percent: 5%, methods: none }',
    '"methods" must be safe or all, not "none"',
  ],
  [
    'weight: 100%, mirror: 5%',
    '"mirror" cannot stand at 100%: no request goes to stable that could be copied',
  ],
  ['weight: 0%, mirror: 5%', unjudged],
  ['weight: 0%, gate: false', unjudged],
  ['weight: 0.05%, mirror: 5%, gate: false', '"weight" must be a multiple of 0.1%, not 0.05%'],
] as const) {
  test(`a step with ${step} is refused`, () => {
    const found = problemsOf('timeout: 1s', `[{ ${step} }]`).map((each) =>
      each.replace(/^[\d:]+ /, ''),
    );
    assert.deepEqual(found, [want]);
  });
}

test('a step has one of match and matches', () => {
  const both = '[{ weight: 5%, match: { header: x, value: a }, matches: [{ method: GET }] }]';
  assert.deepEqual(problemsOf('timeout: 1s', both), [
    '10:68: "matches" cannot stand beside "match", which is the same for one header',
  ]);
});
