import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { GateSettings } from '../release/revision.ts';
import { latencyBucket } from '../traffic/samples/latency-buckets.ts';
import { requestsToFindSlower } from './estimate-latency.ts';
import { addToScale, emptyScale } from './latency-scale.ts';
import { normal, seeded } from './simulated-traffic.fixture.ts';

const settings: GateSettings = {
  falseRollbackRatio: 0.001,
  falsePromotionRatio: 0.01,
  worseByRatio: 0.0025,
  soakMs: 0,
  atMostMs: 600_000,
  slowerByRatio: 0,
};

/** The study's service: p50 80 ms, p95 215 ms. */
function stable(medianMs = 80): readonly number[] {
  const random = seeded(3);
  const histogram = Array.from({ length: 20_000 }, () => {
    const us = 1000 * medianMs * Math.exp(0.6 * normal(random));
    return [latencyBucket(Math.round(us)), 1] as const;
  });
  return addToScale(emptyScale, histogram, 0);
}

function candidateRequests(factor: number, share: number, more: Partial<GateSettings> = {}) {
  const slower = { factor, shareRatio: share };
  return requestsToFindSlower(slower, stable(), { ...settings, ...more }) * share;
}

test('slower candidates are found when the study of the gate found them', () => {
  // Factor, share, median of the candidate's requests (node bench/gates/main.ts --table latency, 400 releases each).
  const rows: readonly (readonly [number, number, number])[] = [
    [1.1, 0.05, 916],
    [1.2, 0.05, 238],
    [1.5, 0.05, 52],
    [1.2, 0.5, 530],
  ];
  for (const [factor, share, want] of rows) {
    const got = candidateRequests(factor, share);
    assert.ok(Math.abs(got / want - 1) < 0.25, `${factor} at ${share}: ${got}, not ${want}`);
  }
});

test('the tolerance is not slower, and of a quick service 2 ms are not', () => {
  assert.equal(candidateRequests(1.1, 0.05, { slowerByRatio: 0.2 }), Infinity);
  assert.ok(candidateRequests(1.5, 0.05, { slowerByRatio: 0.1 }) > candidateRequests(1.5, 0.05));
  const tolerant = { ...settings, slowerByRatio: 0.1 };
  const quick = requestsToFindSlower({ factor: 1.5, shareRatio: 0.5 }, stable(1), tolerant);
  assert.equal(quick, Infinity);
  assert.equal(candidateRequests(2, 0.05, { latency: 'off' }), Infinity);
});
