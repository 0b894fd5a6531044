import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LoadPoint } from './load-series.ts';
import { appendPoint, failuresBetween, totalsBetween } from './load-series.ts';

function seriesOf(errors: readonly number[]): LoadPoint[] {
  return errors.map((count, index) => ({
    atMs: 1000 + index * 100,
    durationMs: 100,
    requests: 80,
    errors: count,
  }));
}

test('failures between two moments count every point they touch', () => {
  const series = seriesOf([1, 2, 4, 8]);
  const rows: [fromMs: number, toMs: number, want: number][] = [
    [0, 9999, 15],
    [1000, 1100, 1],
    [1100, 1200, 2],
    [1099, 1101, 3],
    [1150, 1350, 14],
    [0, 1000, 0],
    [1400, 9999, 0],
    [1250, 1250, 4],
  ];
  for (const [fromMs, toMs, want] of rows) {
    assert.equal(failuresBetween(series, fromMs, toMs), want, `${fromMs}-${toMs}`);
  }
});

test('a full series keeps its bound and every count', () => {
  const series: LoadPoint[] = [];
  const points = seriesOf(Array.from({ length: 101 }, (_, index) => index % 3));
  for (const point of points) {
    appendPoint(series, point, 10);
    assert.ok(series.length <= 10);
  }
  const totals = totalsBetween(series, 0, Infinity);
  assert.deepEqual(totals, totalsBetween(points, 0, Infinity));
  for (const [index, point] of series.entries()) {
    const next = series[index + 1];
    if (next !== undefined) assert.equal(point.atMs + point.durationMs, next.atMs);
  }
});
