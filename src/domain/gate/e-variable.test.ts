import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  clampRatio,
  logArmRatio,
  logLikelihoodRatio,
  logSumExp,
  onMargin,
  pooled,
  type RatePair,
} from './e-variable.ts';
import { worseRatios } from './onset-mixture.ts';

const grid = [0.000_01, 0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.99];
const sizes = [
  { candidate: 1, stable: 1 },
  { candidate: 4, stable: 7 },
  { candidate: 6, stable: 2 },
];

test('the two-sample e-variable averages to 1 at most while the candidate is no worse', () => {
  for (const size of sizes) {
    for (const base of grid) {
      for (const candidateRatio of worseRatios(base)) {
        const alternative = { candidateRatio, stableRatio: base };
        const nearest = pooled(size, alternative);
        for (const stable of grid) {
          for (const factor of [0, 0.3, 1]) {
            const truth = { candidateRatio: stable * factor, stableRatio: stable };
            const mean = expectation(size, truth, alternative, nearest);
            assert.ok(
              mean <= 1 + 1e-9,
              `${mean} for ${JSON.stringify({ size, alternative, truth })}`,
            );
          }
        }
      }
    }
  }
});

test('the two-sample e-variable grows when the candidate is as bad as the alternative says', () => {
  const size = { candidate: 4, stable: 7 };
  const alternative = { candidateRatio: 0.4, stableRatio: 0.01 };
  const mean = expectation(size, alternative, alternative, pooled(size, alternative));
  assert.ok(mean > 2, `${mean}`);
});

test('the non-inferiority e-variable averages to 1 at most on the margin and beyond', () => {
  const ratio = fc.double({ min: 0.000_01, max: 0.999, noNaN: true });
  fc.assert(
    fc.property(
      fc.record({
        base: ratio,
        margin: fc.double({ min: 0.0001, max: 0.5, noNaN: true }),
        position: fc.double({ min: 0, max: 1, noNaN: true }),
        beyond: fc.double({ min: 0, max: 1, noNaN: true }),
        healthy: fc.constantFrom(0, 0.5, 1, 1.4),
        candidate: fc.integer({ min: 0, max: 6 }),
        stable: fc.integer({ min: 0, max: 6 }),
      }),
      (row) => {
        const stableRatio = clampRatio(row.base);
        const healthier = stableRatio * Math.min(1, row.healthy);
        const worse = row.healthy > 1 ? 0.4 * row.margin : 0;
        const alternative = { candidateRatio: clampRatio(healthier + worse), stableRatio };
        const trueStable = row.position * (1 - row.margin);
        const least = trueStable + row.margin;
        const truth = {
          candidateRatio: least + row.beyond ** 4 * (1 - least),
          stableRatio: trueStable,
        };
        const size = { candidate: row.candidate, stable: row.stable };
        if (size.candidate + size.stable === 0) return;
        const nearest = onMargin(size, alternative, row.margin);
        const mean = expectation(size, truth, alternative, nearest);
        assert.ok(mean <= 1 + 1e-6, `${mean}`);
      },
    ),
    { seed: 20_261_120, numRuns: 3000 },
  );
});

test('the projection on the margin is the nearest point of the margin', () => {
  const size = { candidate: 40, stable: 760 };
  const alternative = { candidateRatio: 0.002, stableRatio: 0.002 };
  const nearest = onMargin(size, alternative, 0.03);
  const distanceAt = (x: number): number => {
    const { candidateRatio: c, stableRatio: s } = alternative;
    const at = (t: number, y: number): number =>
      t * Math.log(t / y) + (1 - t) * Math.log((1 - t) / (1 - y));
    return size.candidate * at(c, x + 0.03) + size.stable * at(s, x);
  };
  const best = distanceAt(nearest.stableRatio);
  assert.equal(nearest.candidateRatio, nearest.stableRatio + 0.03);
  for (const factor of [0.9, 0.99, 1.01, 1.1]) {
    assert.ok(best < distanceAt(nearest.stableRatio * factor));
  }
});

test('the one-sample e-variable averages to 1 at most while the ratio is allowed', () => {
  for (const allowed of grid) {
    for (const alternative of worseRatios(allowed)) {
      for (const truth of [0, allowed / 3, allowed]) {
        let mean = 0;
        for (let failures = 0; failures <= 6; failures += 1) {
          const log = logArmRatio({ requests: 6, failures }, alternative, allowed);
          mean += chance(6, failures, truth) * Math.exp(log);
        }
        assert.ok(mean <= 1 + 1e-9, `${mean} for ${alternative} against ${allowed}`);
      }
    }
  }
});

test('the worked example of the opening comment holds', () => {
  const alternative = { candidateRatio: 0.97, stableRatio: 0.005 };
  const nearest = pooled({ candidate: 4, stable: 76 }, alternative);
  const block = {
    candidate: { requests: 4, failures: 4 },
    stable: { requests: 76, failures: 0 },
  };
  assert.ok(Math.abs(nearest.stableRatio - 0.053_25) < 1e-12);
  assert.ok(Math.abs(logLikelihoodRatio(block, alternative, nearest) - 15.4) < 0.05);
});

test('a sum of exponentials does not overflow or vanish', () => {
  assert.equal(logSumExp([5000, 5000]), 5000 + Math.log(2));
  assert.equal(logSumExp([-1e12, 0]), 0);
  assert.equal(logSumExp([-Infinity, -Infinity]), -Infinity);
});

/** E[E], summed over all outcomes. */
function expectation(
  size: { readonly candidate: number; readonly stable: number },
  truth: RatePair,
  alternative: RatePair,
  nearest: RatePair,
): number {
  let mean = 0;
  for (let failed = 0; failed <= size.candidate; failed += 1) {
    for (let failedStable = 0; failedStable <= size.stable; failedStable += 1) {
      const block = {
        candidate: { requests: size.candidate, failures: failed },
        stable: { requests: size.stable, failures: failedStable },
      };
      mean +=
        chance(size.candidate, failed, truth.candidateRatio) *
        chance(size.stable, failedStable, truth.stableRatio) *
        Math.exp(logLikelihoodRatio(block, alternative, nearest));
    }
  }
  return mean;
}

function chance(requests: number, failures: number, ratio: number): number {
  let ways = 1;
  for (let i = 1; i <= failures; i += 1) ways = (ways * (requests - failures + i)) / i;
  return ways * ratio ** failures * (1 - ratio) ** (requests - failures);
}
