import assert from 'node:assert/strict';
import { test } from 'node:test';
import { latencyBucket, latencyBucketCount } from '../traffic/samples/latency-buckets.ts';
import {
  addToScale,
  emptyScale,
  quantileUs,
  scaleLength,
  scaleLowerUs,
  slowCount,
  withTolerance,
} from './latency-scale.ts';

test('the scale has three places for each doubling from 128 us to 5.2 s', () => {
  assert.deepEqual([1, 2, 3, 4].map(scaleLowerUs), [128, 160, 200, 256]);
  assert.equal(scaleLowerUs(scaleLength - 1), 5_242_880);
  for (let place = 1; place < scaleLength; place += 1) {
    assert.ok(scaleLowerUs(place) > scaleLowerUs(place - 1));
  }
});

test('a latency is never moved above what the tolerance leaves of it', () => {
  for (const slowerByRatio of [0, 0.1, 0.5, 10]) {
    for (let bucket = 0; bucket < latencyBucketCount; bucket += 1) {
      const place = addToScale(emptyScale, [[bucket, 1]], slowerByRatio).indexOf(1);
      const plain = addToScale(emptyScale, [[bucket, 1]], 0).indexOf(1);
      assert.ok(place <= plain);
    }
  }
  // Slower than an edge by the tolerance is not yet above it; by a sixteenth more it is.
  for (let place = 2; place < scaleLength; place += 1) {
    const edgeUs = scaleLowerUs(place);
    const at = (us: number): number =>
      addToScale(emptyScale, [[latencyBucket(us), 1]], 0.1).indexOf(1);
    const allowedUs = withTolerance(edgeUs, 0.1);
    assert.ok(at(allowedUs - 20) < place);
    assert.ok(at(1.064 * allowedUs) >= place);
  }
});

test('quantiles are right to within a place of the scale', () => {
  const histogram = Array.from(
    { length: 1000 },
    (_, i) => [latencyBucket(1000 * (i + 1)), 1] as const,
  );
  const counts = addToScale(emptyScale, histogram, 0);
  for (const ratio of [0.1, 0.5, 0.95, 0.99]) {
    const gotMs = (quantileUs(counts, ratio) ?? 0) / 1000;
    assert.ok(Math.abs(gotMs / (1000 * ratio) - 1) < 0.13, `${gotMs} ms for ${ratio}`);
  }
  assert.equal(quantileUs(emptyScale, 0.5), null);
});

test('slow requests are those that surely took as long as the limit', () => {
  const histogram = [499_000, 500_000, 520_000, 900_000].map(
    (us) => [latencyBucket(us), 1] as const,
  );
  assert.equal(slowCount(histogram, 500_000), 2);
  assert.equal(slowCount([], 500_000), 0);
});
