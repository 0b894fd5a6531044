import assert from 'node:assert/strict';
import { test } from 'node:test';

import { linearScale, linePath, logScale, powerTicks, roundTicks, stepPath } from './plot-scale.ts';

test('scales put values where they belong, and evidence beyond the edge on the edge', () => {
  const linear = linearScale({ min: 0, max: 100 }, { min: 200, max: 0 });
  assert.deepEqual([0, 50, 100].map(linear), [200, 100, 0]);
  const log = logScale({ min: 1e-2, max: 1e6 }, { min: 80, max: 0 });
  const rows: [evidence: number, want: number][] = [
    [1, 60],
    [100, 40],
    [1e6, 0],
    [1e300, 0],
    [0, 80],
  ];
  for (const [evidence, want] of rows)
    assert.ok(Math.abs(log(evidence) - want) < 1e-9, `${evidence}`);
});

test('ticks are round, few, and within', () => {
  const rows: [max: number, want: number[]][] = [
    [34, [0, 5, 10, 15, 20, 25, 30]],
    [10, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]],
    [0.9, [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]],
    [3600, [0, 500, 1000, 1500, 2000, 2500, 3000, 3500]],
  ];
  for (const [max, want] of rows) assert.deepEqual(roundTicks(max, 10), want, String(max));
  assert.deepEqual(powerTicks({ min: 1e-2, max: 1e6 }), [0.01, 1, 100, 1e4, 1e6]);
});

test('paths are interrupted where nothing was measured, and steps do not slide', () => {
  assert.equal(linePath([[0, 1], [2, 3.0612], null, [4, 5]]), 'M0 1L2 3.1M4 5');
  assert.equal(
    stepPath([
      [0, 9],
      [5, 9],
      [5, 1],
    ]),
    'M0 9H5V9H5V1',
  );
  assert.equal(linePath([]), '');
});
