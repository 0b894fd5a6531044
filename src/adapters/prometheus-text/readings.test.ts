import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MetricSelection } from '../../domain/traffic/samples/metric-selection.ts';
import { parseExposition } from './exposition-text.ts';
import { readingOf, wantedNames } from './readings.ts';

const pair: MetricSelection = {
  kind: 'counter',
  bad: { name: 'orders_total', labels: { outcome: 'declined' } },
  total: { name: 'orders_total', labels: {} },
};
const seconds: MetricSelection = {
  kind: 'histogram',
  histogram: { name: 'q_seconds', labels: { db: 'main' } },
};

function reading(selection: MetricSelection, text: string) {
  const names = wantedNames([selection]);
  const exposition = parseExposition(text, (name) => names.has(name));
  assert.ok(!('fault' in exposition));
  return readingOf(exposition, selection);
}

test('all series that fit are summed, whatever other labels they have', () => {
  const text = `# TYPE orders_total counter
orders_total{outcome="declined",shop="a"} 2
orders_total{outcome="declined",shop="b"} 3
orders_total{outcome="paid"} 1e2
orders_total_created 5
`;
  assert.deepEqual(reading(pair, text), { kind: 'counter', bad: 5, total: 105 });
  const unlabelled: MetricSelection = {
    ...pair,
    bad: { name: 'orders_total', labels: { shop: '' } },
  };
  assert.deepEqual(reading(unlabelled, text), { kind: 'counter', bad: 100, total: 105 });
});

test('buckets of all series that fit are summed by their limits', () => {
  const text = `# TYPE q_seconds histogram
q_seconds_bucket{db="main",le="0.1"} 1
q_seconds_bucket{db="main",le="1.0"} 4
q_seconds_bucket{db="main",le="+Inf"} 5
q_seconds_bucket{db="main",host="b",le="1"} 10
q_seconds_bucket{db="main",host="b",le="0.1"} 10
q_seconds_bucket{db="main",host="b",le="+Inf"} 10
q_seconds_bucket{db="other",le="7"} 99
q_seconds_sum{db="main"} NaN
q_seconds_count{db="main"} 5
`;
  assert.deepEqual(reading(seconds, text), {
    kind: 'histogram',
    buckets: [
      { upperSeconds: 0.1, count: 11 },
      { upperSeconds: 1, count: 14 },
      { upperSeconds: Infinity, count: 15 },
    ],
  });
});

const bucket = (le: string, count: string): string =>
  `q_seconds_bucket{db="main",le="${le}"} ${count}\n`;

const unusable: readonly (readonly [MetricSelection, text: string, want: RegExp])[] = [
  [pair, 'orders_total NaN\n', /^line 1: orders_total is NaN, which is no count of events$/],
  [pair, 'orders_total -1\n', /orders_total is -1,/],
  [pair, 'orders_total 1.5\n', /orders_total is 1\.5,/],
  [pair, 'orders_total +Inf\n', /orders_total is \+Inf,/],
  [pair, 'orders_total 9007199254740992\n', /no count/],
  [pair, 'orders_total 9007199254740991\norders_total{a="b"} 1\n', /^line 2: .*no count/],
  [
    pair,
    'orders_total{a="b",c="d"} 1\norders_total{c="d",a="b"} 1\n',
    /^line 2: this series of orders_total is there twice$/,
  ],
  [pair, '# TYPE orders_total gauge\norders_total 1\n', /^orders_total is a gauge, not a counter$/],
  [seconds, '# TYPE q_seconds summary\n', /^q_seconds is a summary, not a histogram$/],
  [seconds, bucket('1', '1'), /^q_seconds\{db="main"\} has no bucket le="\+Inf"$/],
  [
    seconds,
    bucket('1', '5') + bucket('+Inf', '4'),
    /has 4 events up to Infinity s and 5 up to less/,
  ],
  [seconds, bucket('-1', '1') + bucket('+Inf', '1'), /le="-1" is no limit in seconds/],
  [seconds, bucket('x', '1') + bucket('+Inf', '1'), /le="x" is no limit/],
  [seconds, 'q_seconds_bucket{db="main"} 1\n', /le="" is no limit/],
  [
    seconds,
    `${bucket('1', '1')}${bucket('+Inf', '1')}q_seconds_bucket{db="main",host="b",le="+Inf"} 1\n`,
    /not all series of .* have a bucket le="Infinity"/,
  ],
];

for (const [selection, text, want] of unusable) {
  test(`unusable: ${JSON.stringify(text).slice(0, 90)}`, () => {
    const found = reading(selection, text);
    assert.ok(found.kind === 'unusable', found.kind);
    assert.match(found.sentence, want);
  });
}
