import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { logSlower, slowerRatios, slowerWeights } from './latency-alternatives.ts';
import { scaleLength } from './latency-scale.ts';

test('the histogram e-variable averages to 1 at most while the candidate is not slower', () => {
  // Three places carry the truth; all outcomes of 2 candidate and 3 stable requests are summed.
  const places = [14, 20, 27];
  const truths = [
    { candidate: [0.5, 0.3, 0.2], stable: [0.5, 0.3, 0.2] },
    { candidate: [0.7, 0.2, 0.1], stable: [0.5, 0.3, 0.2] },
    { candidate: [0, 1, 0], stable: [0, 0.2, 0.8] },
    { candidate: [1, 0, 0], stable: [0, 0, 1] },
    { candidate: [0.9, 0.0999, 0.0001], stable: [0.9, 0.0999, 0.0001] },
  ];
  for (const shares of references()) {
    const ratios = slowerRatios(shares);
    for (const { candidate, stable } of truths) {
      const means = slowerWeights.map(() => 0);
      for (const slow of outcomes(2, candidate)) {
        for (const usual of outcomes(3, stable)) {
          const logs = logSlower(ratios, on(places, slow.counts), on(places, usual.counts));
          for (const [index, log] of logs.entries()) {
            means[index] = (means[index] ?? 0) + slow.chance * usual.chance * Math.exp(log);
          }
        }
      }
      for (const mean of means) assert.ok(mean <= 1 + 1e-9, `${mean}`);
    }
  }
});

test('the ratios never fall, whatever the reference, so that faster is never worse', () => {
  const counts = fc.array(fc.oneof(fc.constant(0), fc.nat({ max: 1000 })), {
    minLength: scaleLength,
    maxLength: scaleLength,
  });
  fc.assert(
    fc.property(counts, (row) => {
      const total = row.reduce((sum, count) => sum + count, 0) + 0.1 * scaleLength;
      for (const ratios of slowerRatios(row.map((count) => (count + 0.1) / total)).ratios) {
        for (let place = 1; place < scaleLength; place += 1) {
          assert.ok((ratios[place] ?? 0) >= (ratios[place - 1] ?? Infinity));
        }
        assert.ok((ratios[0] ?? 0) > 0);
      }
    }),
    { seed: 11, numRuns: 200 },
  );
});

test('a slower candidate brings evidence, a faster one takes it away', () => {
  const [shares = []] = references();
  const ratios = slowerRatios(shares);
  const at = (place: number, count: number): readonly number[] => on([place], [count]);
  assert.ok(Math.max(...logSlower(ratios, at(26, 4), at(20, 40))) > 5);
  assert.ok(Math.max(...logSlower(ratios, at(16, 4), at(20, 40))) < 0);
});

test('the weights of the alternatives sum to one', () => {
  assert.ok(Math.abs(slowerWeights.reduce((sum, weight) => sum + weight) - 1) < 1e-12);
});

/** Shares of stable as a gate may know them: one hill, two hills, nearly nothing known. */
function references(): readonly (readonly number[])[] {
  const hill = (place: number, middle: number, width: number): number =>
    Math.exp(-0.5 * ((place - middle) / width) ** 2);
  const shapes = [
    (place: number) => hill(place, 20, 2.6),
    (place: number) => hill(place, 8, 1) + 0.2 * hill(place, 27, 2),
    () => 1,
  ];
  return shapes.map((shape) => {
    const raw = Array.from({ length: scaleLength }, (_, place) => shape(place) + 1e-4);
    const total = raw.reduce((sum, share) => sum + share);
    return raw.map((share) => share / total);
  });
}

interface Outcome {
  readonly counts: readonly number[];
  readonly chance: number;
}

/** Every way in which `requests` fall on three places. */
function outcomes(requests: number, shares: readonly number[]): readonly Outcome[] {
  const [a = 0, b = 0, c = 0] = shares;
  const all: Outcome[] = [];
  for (let first = 0; first <= requests; first += 1) {
    for (let second = 0; second <= requests - first; second += 1) {
      const third = requests - first - second;
      const ways = factorial(requests) / (factorial(first) * factorial(second) * factorial(third));
      all.push({
        counts: [first, second, third],
        chance: ways * a ** first * b ** second * c ** third,
      });
    }
  }
  return all;
}

function factorial(n: number): number {
  return n <= 1 ? 1 : n * factorial(n - 1);
}

function on(places: readonly number[], counts: readonly number[]): readonly number[] {
  const scale = Array.from({ length: scaleLength }, () => 0);
  for (const [index, place] of places.entries()) scale[place] = counts[index] ?? 0;
  return scale;
}
