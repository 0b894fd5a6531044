import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addToInterval, differenceBounds, openDifferenceInterval } from './difference-interval.ts';
import { logLikelihoodRatio, onMargin } from './e-variable.ts';
import { arrivals, seeded } from './simulated-traffic.fixture.ts';

test('the e-variable with a negative margin averages to 1 at most on its line and beyond', () => {
  const size = { candidate: 3, stable: 4 };
  for (const marginRatio of [-0.3, -0.05, 0]) {
    for (const alternative of [
      { candidateRatio: 0.01, stableRatio: 0.5 },
      { candidateRatio: 0.1, stableRatio: 0.6 },
    ]) {
      const nearest = onMargin(size, alternative, marginRatio);
      assert.ok(nearest.candidateRatio >= 0 && nearest.stableRatio <= 1);
      for (const stableRatio of [0.3, 0.5, 0.9]) {
        for (const more of [0, 0.1]) {
          const candidateRatio = Math.min(1, stableRatio + marginRatio + more);
          let mean = 0;
          for (let failed = 0; failed <= 3; failed += 1) {
            for (let failedStable = 0; failedStable <= 4; failedStable += 1) {
              const block = {
                candidate: { requests: 3, failures: failed },
                stable: { requests: 4, failures: failedStable },
              };
              mean +=
                chance(3, failed, candidateRatio) *
                chance(4, failedStable, stableRatio) *
                Math.exp(logLikelihoodRatio(block, alternative, nearest));
            }
          }
          assert.ok(mean <= 1 + 1e-9, `${mean}`);
        }
      }
    }
  }
});

test('the interval has the difference in it at all times in nearly all runs, and narrows', () => {
  const runs = 120;
  let missed = 0;
  for (let run = 0; run < runs; run += 1) {
    const random = seeded(4000 + run);
    let interval = openDifferenceInterval(0);
    let hasMissed = false;
    for (let atMs = 500; atMs <= 60_000; atMs += 500) {
      const drift = 0.002 + 0.002 * Math.sin(atMs / 9000);
      const rates = { shareRatio: 0.3, candidateRatio: drift + 0.01, stableRatio: drift };
      interval = addToInterval(interval, arrivals(random, atMs, 200, rates), atMs);
      const { lowRatio, highRatio } = differenceBounds(interval);
      // The true difference is on the grid: the hardest place for it.
      if (lowRatio >= 0.01 || highRatio <= 0.01) hasMissed = true;
    }
    if (hasMissed) missed += 1;
    const { lowRatio, highRatio } = differenceBounds(interval);
    assert.ok(lowRatio >= 0.0025 && highRatio <= 0.05, `${lowRatio} to ${highRatio}`);
  }
  assert.ok(missed <= 0.05 * runs + 3 * Math.sqrt(0.05 * runs), `${missed} of ${runs}`);
});

test('nothing is excluded before there is evidence', () => {
  assert.deepEqual(differenceBounds(openDifferenceInterval(0)), { lowRatio: -1, highRatio: 1 });
});

function chance(requests: number, failures: number, ratio: number): number {
  let ways = 1;
  for (let i = 1; i <= failures; i += 1) ways = (ways * (requests - failures + i)) / i;
  return ways * ratio ** failures * (1 - ratio) ** (requests - failures);
}
