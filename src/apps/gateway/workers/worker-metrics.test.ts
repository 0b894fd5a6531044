import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mergeMetrics } from '../metrics/merge-metrics.ts';
import { type MetricFamily, scalar } from '../metrics/metric-family.ts';
import { WorkerMetrics } from './worker-metrics.ts';

function told(requests: number, open: number, worker = '0') {
  const families: readonly MetricFamily[] = [
    scalar({ kind: 'counter', merge: 'sum', name: 'requests', help: 'h' }, requests),
    scalar({ kind: 'gauge', merge: 'sum', name: 'open', help: 'h' }, open),
    scalar({ kind: 'counter', merge: 'each', name: 'cpu', help: 'h' }, 1),
  ];
  return { worker, families };
}

function valuesOf(metrics: WorkerMetrics): Record<string, number> {
  const values: Record<string, number> = {};
  for (const { name, points } of mergeMetrics(metrics.all())) {
    for (const point of points) if ('value' in point) values[name] = point.value;
  }
  return values;
}

test('counters never fall when a worker ends; what it was is gone with it', () => {
  const metrics = new WorkerMetrics();
  const [first, second] = [{}, {}];
  metrics.heard(first, told(5, 3));
  metrics.heard(second, told(7, 1, '1'));
  assert.deepEqual(valuesOf(metrics), { requests: 12, open: 4, cpu: 1 });
  metrics.ended(first);
  metrics.ended(first);
  assert.deepEqual(valuesOf(metrics), { requests: 12, open: 1, cpu: 1 });
  metrics.heard({}, told(2, 0));
  metrics.ended(second);
  assert.deepEqual(valuesOf(metrics), { requests: 14, open: 0, cpu: 1 });
});
