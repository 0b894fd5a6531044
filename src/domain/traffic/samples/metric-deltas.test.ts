import assert from 'node:assert/strict';
import { test } from 'node:test';
import { latencyBucket, latencyBucketCount } from './latency-buckets.ts';
import { type MetricBaseline, type MetricDelta, metricStep } from './metric-deltas.ts';
import type { MetricReading } from './metric-selection.ts';

function deltas(readings: readonly MetricReading[]): readonly MetricDelta[] {
  let baseline: MetricBaseline | null = null;
  return readings.map((reading) => {
    const step = metricStep(baseline, reading);
    baseline = step.baseline;
    return step.delta;
  });
}

const pair = (bad: number, total: number): MetricReading => ({ kind: 'counter', bad, total });
const ratio = (bad: number, total: number): MetricDelta => ({ kind: 'ratio', bad, total });
const none: MetricDelta = { kind: 'none' };
const broken: MetricReading = { kind: 'unusable', sentence: 'it is NaN' };

const rows: readonly (readonly [string, readonly MetricReading[], readonly MetricDelta[]])[] = [
  ['the first look is a beginning', [pair(5, 100)], [none]],
  [
    'a look counts what is new',
    [pair(5, 100), pair(6, 110), pair(6, 110)],
    [none, ratio(1, 10), ratio(0, 0)],
  ],
  [
    'a restart counts from 0',
    [pair(5, 100), pair(1, 3), pair(1, 4)],
    [none, ratio(1, 3), ratio(0, 1)],
  ],
  ['a restart is seen by one of both', [pair(5, 100), pair(0, 120)], [none, ratio(0, 120)]],
  [
    'an unusable look makes the next one a beginning',
    [pair(0, 1), broken, pair(9, 9), pair(9, 10)],
    [none, broken, none, ratio(0, 1)],
  ],
  [
    'a bad event seen before its total counts with it',
    [pair(0, 10), pair(3, 12), pair(3, 13), pair(3, 14)],
    [none, ratio(2, 2), ratio(1, 1), ratio(0, 1)],
  ],
  [
    '1,000 are carried',
    [pair(0, 0), pair(1000, 0), pair(1000, 1000)],
    [none, ratio(0, 0), ratio(1000, 1000)],
  ],
  [
    '1,001 are not',
    [pair(0, 0), pair(1001, 0), pair(1002, 5)],
    [
      none,
      {
        kind: 'unusable',
        sentence: '1001 more bad events than events in all: bad is not part of total',
      },
      none,
    ],
  ],
];

for (const [name, readings, want] of rows) {
  test(name, () => assert.deepEqual(deltas(readings), want));
}

const buckets = (...counts: readonly number[]): MetricReading => ({
  kind: 'histogram',
  buckets: counts.map((count, index) => ({
    upperSeconds: [0.1, 0.25, Infinity][index] ?? 0,
    count,
  })),
});
const [tenth, quarter, last] = [
  latencyBucket(100_000),
  latencyBucket(250_000),
  latencyBucketCount - 1,
];
const grown = (...histogram: readonly (readonly [number, number])[]): MetricDelta => ({
  kind: 'histogram',
  histogram,
});

test('a histogram counts what is new by its upper limits', () => {
  assert.deepEqual(deltas([buckets(1, 2, 2), buckets(3, 7, 8), buckets(3, 7, 8)]), [
    none,
    grown([tenth, 2], [quarter, 3], [last, 1]),
    grown(),
  ]);
});

test('a histogram that was not there had no events, one that restarted begins at 0', () => {
  assert.deepEqual(deltas([buckets(), buckets(1, 2, 2), buckets(1, 1, 1)]), [
    none,
    grown([tenth, 1], [quarter, 1]),
    grown([tenth, 1]),
  ]);
});

test('other limits are a new beginning', () => {
  const other: MetricReading = {
    kind: 'histogram',
    buckets: [{ upperSeconds: Infinity, count: 9 }],
  };
  assert.deepEqual(deltas([buckets(1, 2, 2), other, buckets(1, 2, 3)]), [none, none, none]);
});

test('an event that a larger bucket lacks is counted once, later', () => {
  assert.deepEqual(deltas([buckets(0, 0, 0), buckets(2, 1, 1), buckets(2, 2, 3)]), [
    none,
    grown([tenth, 2]),
    grown([quarter, 1], [last, 1]),
  ]);
});
