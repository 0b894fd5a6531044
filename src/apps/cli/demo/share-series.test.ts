import assert from 'node:assert/strict';
import { test } from 'node:test';

import { rolloutView } from './rollout-view.fixture.ts';
import { ShareSeries } from './share-series.ts';

function at(wantedSharePercent: number, candidate: number, stable: number) {
  return rolloutView({
    wantedSharePercent,
    totals: {
      candidate: { requests: candidate, failures: 0 },
      stable: { requests: stable, failures: 0 },
    },
  });
}

test('a share is measured over its own window and never over two weights', () => {
  const series = new ShareSeries();
  series.add(0, at(10, 0, 0));
  series.add(200, at(10, 16, 144));
  series.add(400, at(10, 32, 288));
  series.add(500, at(50, 40, 360));
  series.add(900, at(50, 200, 520));
  const points = series
    .mergedWith([], null)
    .map((point) => [point.atMs, point.wantedPercent, point.measuredPercent]);
  assert.deepEqual(points, [
    [0, 10, null],
    [400, 10, 10],
    [500, 50, null],
    [900, 50, 50],
  ]);
});

test('entries of the ledger stand among them, and no evidence is shown after the decision', () => {
  const series = new ShareSeries();
  series.add(0, at(10, 0, 0));
  series.add(400, at(10, 4, 36));
  const evidence = { against: 2025, againstLimit: 1000, for: 0.4, forLimit: 20 };
  const decided = { atMs: 300, wantedPercent: 0, measuredPercent: 12, evidence };
  const merged = series.mergedWith([decided], 300);
  assert.deepEqual(
    merged.map((point) => [point.atMs, point.measuredPercent, point.evidence?.against ?? null]),
    [
      [0, null, 1.84],
      [300, null, 2025],
      [400, 10, null],
    ],
  );
});
