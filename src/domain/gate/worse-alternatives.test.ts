import assert from 'node:assert/strict';
import { test } from 'node:test';
import { logLikelihoodRatio, pooled, sizesOf } from './e-variable.ts';
import { worseRatios } from './onset-mixture.ts';
import { logWorse } from './worse-alternatives.ts';

test('the tables give what the formula gives, on their grid', () => {
  for (const step of [1, 20, 230, 345, 690]) {
    const stableRatio = Math.min(1 - 1e-6, Math.max(1e-6, Math.exp(-step / 50)));
    for (const [requests, failures, stableRequests, stableFailures] of [
      [4, 4, 76, 0],
      [4, 0, 76, 3],
      [1, 1, 1, 1],
      [100_000, 130, 900_000, 990],
    ] as const) {
      const block = {
        candidate: { requests, failures },
        stable: { requests: stableRequests, failures: stableFailures },
      };
      const logs = logWorse(block, stableRatio);
      for (const [index, candidateRatio] of worseRatios(stableRatio).entries()) {
        const alternative = { candidateRatio, stableRatio };
        const nearest = pooled(sizesOf(block), alternative);
        const want = logLikelihoodRatio(block, alternative, nearest);
        assert.ok(Math.abs((logs[index] ?? 0) - want) <= 1e-8 * Math.max(1, Math.abs(want)));
      }
    }
  }
});
