import assert from 'node:assert/strict';
import test from 'node:test';
import { parseReleaseFiles } from './parse-release-files.ts';
import { formatProblem } from './problem.ts';

/** A service whose gate has these lines, from line 8 and column 7 on. */
function fileWith(gate: string): string {
  return `apiVersion: tidegate.dev/v1
kind: Service
metadata: { name: web }
spec:
  run: { command: [node, a.js] }
  rollout:
    gate:
${gate.replace(/^/gm, '      ')}
`;
}

function problemsOf(gate: string): string[] {
  const { problems } = parseReleaseFiles([{ path: 'f', text: fileWith(gate) }]);
  return problems.map((problem) => formatProblem(problem).split('\n')[0]?.slice('f:'.length) ?? '');
}

test('strata, votes and metrics are read in the words of the gate', () => {
  const { services, problems } = parseReleaseFiles([
    {
      path: 'f',
      text: fileWith(String.raw`strata: [
  { name: orders, match: { path: /orders, method: POST } },
  { name: bots, match: { header: X-Kind, value: bot } } ]
oneVotePer: { client: header X-User }
metrics: [
  { name: declined, counter: { bad: 'orders_total{ outcome = "de\"cl\\ined", a="", }', total: orders_total } },
  { name: queries, weight: 1, histogram: 'db:query_seconds{db="main"}', slowerBy: 20% } ]`),
    },
  ]);
  assert.deepEqual(problems.map(formatProblem), []);
  const { strata, oneVotePer, metrics, scrape } = services[0]?.rollout.gate ?? {};
  assert.deepEqual(strata, [
    { name: 'orders', path: '/orders', method: 'POST', header: null },
    { name: 'bots', path: null, method: null, header: { name: 'x-kind', value: 'bot' } },
  ]);
  assert.deepEqual(oneVotePer, { client: { kind: 'header', name: 'x-user' }, windowMs: 10_000 });
  assert.deepEqual(metrics, [
    {
      name: 'declined',
      kind: 'ratio',
      weight: 0.25,
      source: {
        kind: 'counter',
        bad: { name: 'orders_total', labels: { outcome: 'de"cl\\ined', a: '' } },
        total: { name: 'orders_total', labels: {} },
      },
    },
    {
      name: 'queries',
      kind: 'histogram',
      weight: 1,
      source: {
        kind: 'histogram',
        histogram: { name: 'db:query_seconds', labels: { db: 'main' } },
      },
      slowerByRatio: 0.2,
    },
  ]);
  assert.deepEqual(scrape, { path: '/metrics', intervalMs: 2000 });
});

const sixteen = Array.from({ length: 16 }, (_, n) => `{ name: s${n}, match: { path: / } }`);
const metric = (rest: string): string => `metrics: [{ name: m, ${rest} }]`;

const refusals: readonly (readonly [gate: string, problem: string])[] = [
  ['strata: []', '8:15: "strata" must have at least one item'],
  [`strata: [${[...sixteen, sixteen[0]].join()}]`, '8:15: "strata" has more than 16 items'],
  [
    'strata: [{ name: other, match: { path: / } }]',
    '8:24: "name" must not be "other": that has what no stratum fits',
  ],
  [
    'strata: [{ name: a, match: { path: / } }, { name: a, match: { path: / } }]',
    '8:57: "name" "a" is the name of an earlier stratum',
  ],
  [
    'strata: [{ name: a, match: {} }]',
    '8:34: "match" must have at least one of path, method, and header with value',
  ],
  [
    'strata: [{ name: a, match: { header: x } }]',
    '8:34: "match" must have both header and value, or neither',
  ],
  [
    'strata: [{ name: a, match: { path: /a?b } }]',
    '8:42: "path" must have no query; queries are not compared',
  ],
  [
    'strata: [{ name: a, match: { method: get } }]',
    '8:44: "method" must be a method such as GET, not "get"; did you mean "GET"?',
  ],
  [
    'oneVotePer: { client: ip }',
    '8:29: "client" must be address, or header and a name such as header x-user, not "ip"',
  ],
  [
    'oneVotePer: { client: address, window: 999ms }',
    '8:46: "window" must be 1s to 1h, not "999ms"',
  ],
  ['oneVotePer: { window: 1s }', '8:7: "oneVotePer" has no "client"'],
  [metric('histogram: a, weight: 0'), '8:50: "weight" must be 0.01 to 100, not 0'],
  [
    metric('histogram: a, weight: "1"'),
    '8:50: "weight" must be a number, not the text "1"; write 1 without quotes',
  ],
  [
    metric('weight: 1'),
    '8:17: item 1 of "metrics" must have exactly one of counter and histogram; it has none',
  ],
  [
    metric('histogram: a, counter: { bad: a, total: b }'),
    '8:17: item 1 of "metrics" must have exactly one of counter and histogram; it has both',
  ],
  [
    metric('counter: { bad: a, total: b }, slowerBy: 1%'),
    '8:69: "slowerBy" is only for a histogram',
  ],
  [metric('counter: { bad: a }'), '8:28: "counter" has no "total"'],
  [
    metric('histogram: a_seconds_bucket'),
    '8:39: "histogram" must be a histogram\'s own name, not "a_seconds_bucket"; leave _bucket out',
  ],
  [metric(`histogram: 'a{le="1"}'`), '8:39: "histogram" must not have the label "le"; remove it'],
  [
    metric(`histogram: 'a{b!="1"}'`),
    '8:39: "histogram" must be a metric such as orders_total{outcome="declined"}, not "a{b!=\\"1\\"}"; only = is understood',
  ],
  [metric(`histogram: 'a{b="1",b="2"}'`), '8:39: "histogram" names the label "b" twice'],
  [
    metric('histogram: 1a'),
    '8:39: "histogram" must be a metric such as orders_total{outcome="declined"}, not "1a"',
  ],
  [
    'metrics: [{ name: errors, histogram: a }]',
    '8:25: "name" must not be "errors": the gate\'s own metric has that name',
  ],
];

for (const [gate, problem] of refusals) {
  test(`refused: ${gate.slice(0, 80)}`, () => {
    assert.deepEqual(problemsOf(gate), [problem]);
  });
}

test('a metric can not have the name of an objective', () => {
  const objectives = '  objectives: [{ name: m, success: 99% }]\n';
  const text = `${fileWith(metric('histogram: a'))}${objectives}`;
  const { problems } = parseReleaseFiles([{ path: 'f', text }]);
  assert.deepEqual(
    problems.map(({ line, message }) => [line, message]),
    [[8, '"name" "m" is the name of an objective']],
  );
});

test('the least and the most of what is allowed', () => {
  for (const gate of [
    `strata: [${sixteen.join()}]`,
    'oneVotePer: { client: address, window: 1h }',
    metric('histogram: a, weight: 0.01'),
    metric('histogram: a, weight: 100, slowerBy: 0%'),
  ]) {
    assert.deepEqual(problemsOf(gate), [], gate);
  }
});
