import assert from 'node:assert/strict';
import { test } from 'node:test';
import { latencyBucket, latencyBucketCount, latencyBucketLowerUs } from './latency-buckets.ts';

test('a latency falls into the bucket whose bounds hold it', () => {
  for (let us = 0; us < 70_000_000; us = Math.ceil(us * 1.01) + 1) {
    const bucket = latencyBucket(us);
    assert.ok(latencyBucketLowerUs(bucket) <= us, `${us} us in bucket ${bucket}`);
    if (bucket < latencyBucketCount - 1) assert.ok(us < latencyBucketLowerUs(bucket + 1));
  }
});

test('buckets are contiguous and at most 6.25 % wide from 16 us on', () => {
  for (let bucket = 1; bucket < latencyBucketCount; bucket++) {
    const lower = latencyBucketLowerUs(bucket);
    assert.equal(latencyBucket(lower), bucket);
    if (bucket >= 16) {
      assert.ok((latencyBucketLowerUs(bucket + 1) - lower) / lower <= 1 / 16);
    }
  }
});

const rows: readonly (readonly [latencyUs: number, bucket: number])[] = [
  [-5, 0],
  [0, 0],
  [0.9, 0],
  [15, 15],
  [16, 16],
  [31, 31],
  [32, 32],
  [33, 32],
  [34, 33],
  [1e12, latencyBucketCount - 1],
];

test('limits of the first and last buckets', () => {
  for (const [latencyUs, bucket] of rows) assert.equal(latencyBucket(latencyUs), bucket);
});
