import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SamplePoint } from '../../../../api/rollout-wire.ts';
import { evidenceChart, latencyChart, metricChart } from './metric-series.ts';

type Counts = readonly [requests: number, failures: number];

function pointOf(second: number, candidate: Counts, stable: Counts | null): SamplePoint {
  const arm = ([requests, failures]: Counts) => ({ requests, failures });
  return {
    at: new Date(second * 1000).toISOString(),
    entryIndex: second,
    weightPercent: 5,
    verdict: 'undecided',
    against: 1 + second,
    againstLimit: 1000,
    for: 1,
    forLimit: 20,
    p95: second === 0 ? null : { candidateMs: 9, stableMs: 8 },
    metrics: [
      {
        metric: 'errors',
        kind: 'ratio',
        candidate: arm(candidate),
        stable: stable === null ? null : arm(stable),
        slowFromMs: null,
        interval: null,
        evidence: 1,
        limit: 1000,
      },
    ],
    sentence: '',
  };
}

function valuesOf(points: readonly SamplePoint[], label: string) {
  const { lines } = metricChart({ points: [...points] }, 'errors', 0.01);
  return lines.find((line) => line.label === label)?.values;
}

test('a share is of the requests since the point before, and of nothing while there are too few', () => {
  const points = [
    pointOf(0, [19, 1], [100, 1]),
    pointOf(1, [20, 1], [200, 2]),
    pointOf(2, [30, 11], [300, 3]),
    pointOf(3, [60, 21], [400, 4]),
  ];
  assert.deepEqual(valuesOf(points, 'candidate'), [null, 0.05, 0.05, 0.5]);
  assert.deepEqual(valuesOf(points, 'stable'), [0.01, 0.01, 0.01, 0.01]);
  assert.deepEqual(valuesOf(points, 'limit'), [0.02, 0.02, 0.02, 0.02]);
});

test('without a control arm there is no line of stable and none of a limit to it', () => {
  const points = [pointOf(0, [50, 0], null)];
  assert.deepEqual(valuesOf(points, 'stable'), undefined);
  assert.deepEqual(valuesOf(points, 'limit'), undefined);
});

test('a point without the metric or without latencies is left out of its chart', () => {
  const points = [pointOf(0, [50, 0], [50, 0]), pointOf(4, [90, 0], [90, 0])];
  assert.deepEqual(latencyChart({ points })?.times, [4]);
  assert.equal(latencyChart({ points: points.slice(0, 1) }), null);
  assert.deepEqual(metricChart({ points }, 'latency', 0).times, []);
});

test('evidence is drawn with the limit it grows towards, and never as nothing on a logarithmic axis', () => {
  const points = [{ ...pointOf(0, [0, 0], null), for: 0 }, pointOf(5, [50, 1], [50, 0])];
  const { lines } = evidenceChart({ points });
  assert.deepEqual(lines[0]?.values, [1, 6]);
  assert.deepEqual(lines[1]?.values, [1000, 1000]);
  assert.ok((lines[2]?.values[0] ?? 0) > 0);
});
