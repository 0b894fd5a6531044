import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OwnBuckets } from './buckets.ts';

const shape = { msPerToken: 1000, burst: 1 };

test('names made up beyond the bound share one bucket, and those known before keep theirs', () => {
  const buckets = new OwnBuckets(2);
  const given = (client: string, nowMs: number): boolean => {
    const key = { scope: 'a', client };
    if (buckets.waitMs(key, shape, nowMs) > 0) return false;
    buckets.take(key, shape, nowMs);
    return true;
  };
  assert.ok(given('one', 0));
  assert.ok(given('two', 0));
  // One of all that are made up is let through.
  assert.deepEqual(
    ['x', 'y', 'z'].map((client) => given(client, 10)),
    [true, false, false],
  );
  assert.ok(!given('one', 999));
  assert.ok(given('one', 1001));
  // By now the bucket of `two` is full again and forgotten.
  assert.ok(given('new', 2500));
});

test('limits that are in no table any more are forgotten, others are not', () => {
  const buckets = new OwnBuckets();
  const [kept, gone] = [
    { scope: 'kept', client: '' },
    { scope: 'gone', client: '' },
  ];
  for (const key of [kept, gone]) buckets.take(key, shape, 0);
  buckets.retain(new Set(['kept']));
  assert.equal(buckets.waitMs(kept, shape, 0), 1000);
  assert.equal(buckets.waitMs(gone, shape, 0), 0);
});
