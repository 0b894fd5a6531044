import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  advance,
  alternativeWeights,
  capped,
  logEvidence,
  openMixture,
  worseRatios,
} from './onset-mixture.ts';

const neutral = [0, 0, 0, 0, 0, 0, 0];

test('mass comes into play at once, over the planned time, and after it', () => {
  const rows = [
    { atMs: 0, want: 0.75 },
    { atMs: -5, want: 0.75 },
    { atMs: 12_000, want: 0.794 },
    { atMs: 60_000, want: 0.97 },
    { atMs: 120_000, want: 0.985 },
    { atMs: 1e12, want: 1 },
  ];
  for (const { atMs, want } of rows) {
    const mixture = advance(
      openMixture(alternativeWeights, 0, 60_000),
      alternativeWeights,
      atMs,
      neutral,
    );
    assert.ok(Math.abs(mixture.inPlayRatio - want) < 1e-6, `${mixture.inPlayRatio} at ${atMs}`);
    assert.ok(mixture.inPlayRatio < 1);
    assert.ok(Math.abs(logEvidence(mixture)) < 1e-9, 'neutral evidence leaves W at 1');
  }
});

test('a regression that begins late is not hidden behind a long good time', () => {
  const good = neutral.map(() => -1e6);
  const bad = neutral.map(() => 12);
  let mixture = openMixture(alternativeWeights, 0, 600_000);
  for (let atMs = 1000; atMs < 300_000; atMs += 1000)
    mixture = advance(mixture, alternativeWeights, atMs, good);
  assert.ok(logEvidence(mixture) < 0);
  mixture = advance(mixture, alternativeWeights, 300_000, bad);
  mixture = advance(mixture, alternativeWeights, 301_000, bad);
  assert.ok(logEvidence(mixture) > Math.log(500), `${logEvidence(mixture)}`);
});

test('a clock set back puts nothing into play and takes nothing out', () => {
  const later = advance(
    openMixture(alternativeWeights, 100_000, 60_000),
    alternativeWeights,
    130_000,
    neutral,
  );
  assert.equal(advance(later, alternativeWeights, 0, neutral).inPlayRatio, later.inPlayRatio);
});

test('a cap lowers what is above it and leaves what is below', () => {
  const high = advance(
    openMixture(alternativeWeights, 0, 60_000),
    alternativeWeights,
    0,
    neutral.map(() => 50),
  );
  assert.ok(Math.abs(logEvidence(capped(high, 5)) - 5) < 0.01);
  const low = advance(
    openMixture(alternativeWeights, 0, 60_000),
    alternativeWeights,
    0,
    neutral.map(() => -1),
  );
  assert.equal(capped(low, 5), low);
});

test('every alternative is worse than the base and below 1', () => {
  for (const base of [1e-6, 0.001, 0.3, 0.4, 0.5, 0.97, 0.99, 1 - 1e-6]) {
    const ratios = worseRatios(base);
    assert.equal(ratios.length, alternativeWeights.length);
    for (const ratio of ratios) assert.ok(ratio > base && ratio < 1, `${ratio} for ${base}`);
  }
  assert.ok(Math.abs(alternativeWeights.reduce((sum, weight) => sum + weight) - 1) < 1e-12);
});
