import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  afterTaking,
  policyItem,
  type RateLimit,
  shapeOf,
  standingItem,
  tokensAt,
  waitMsFor,
} from './rate-limit.ts';

const tenASecond: RateLimit = { name: 'all', ratePerSecond: 10, burst: 5, per: { kind: 'route' } };
const shape = shapeOf(tenASecond);

test('a full bucket gives its burst at once, and then a token for each interval', () => {
  let fullAtMs = 0;
  for (let token = 0; token < 5; token += 1) {
    assert.equal(waitMsFor(fullAtMs, shape, 1000), 0);
    fullAtMs = afterTaking(fullAtMs, shape, 1000);
  }
  assert.equal(fullAtMs, 1500);
  assert.equal(waitMsFor(fullAtMs, shape, 1000), 100);
  assert.equal(waitMsFor(fullAtMs, shape, 1099), 1);
  assert.equal(waitMsFor(fullAtMs, shape, 1100), 0);
  assert.equal(tokensAt(fullAtMs, shape, 1100), 1);
  assert.equal(tokensAt(fullAtMs, shape, 9000), 5);
});

test('a bucket never gives more than its burst and what came since', () => {
  const limits = fc.record({
    ratePerSecond: fc.double({ min: 1 / 3600, max: 1e6, noNaN: true }),
    burst: fc.integer({ min: 1, max: 1000 }),
  });
  const waits = fc.array(fc.double({ min: 0, max: 500, noNaN: true }), { maxLength: 300 });
  fc.assert(
    fc.property(limits, waits, (limit, steps) => {
      const bucket = shapeOf({ ...limit, name: 'x', per: { kind: 'route' } });
      let [nowMs, fullAtMs, given] = [0, 0, 0];
      for (const step of steps) {
        nowMs += step;
        if (waitMsFor(fullAtMs, bucket, nowMs) > 0) continue;
        fullAtMs = afterTaking(fullAtMs, bucket, nowMs);
        given += 1;
      }
      const most = limit.burst + nowMs / bucket.msPerToken;
      assert.ok(given <= most * (1 + 1e-9) + 1e-6, `${given} of ${most}`);
    }),
  );
});

test('instances that share a bucket have as many times the limit', () => {
  assert.deepEqual(shapeOf(tenASecond, 3), { msPerToken: 1000 / 30, burst: 15 });
});

const policies = [
  [1000, 1000, '"a";q=1000;w=1'],
  [1000, 100, '"a";q=1000;w=1'],
  [10, 30, '"a";q=30;w=3'],
  [0.5, 30, '"a";q=30;w=60'],
  [1 / 3600, 1, '"a";q=1;w=3600'],
  [1 / 3, 1, '"a";q=1;w=3'],
] as const;

for (const [ratePerSecond, burst, item] of policies) {
  test(`${ratePerSecond} a second with a burst of ${burst} is told as ${item}`, () => {
    const limit: RateLimit = { name: 'a', ratePerSecond, burst, per: { kind: 'route' } };
    assert.equal(policyItem('a', shapeOf(limit)), item);
  });
}

test('what is left is told in whole requests, and when all of it is back in whole seconds', () => {
  const told = (fullAtMs: number) => standingItem('a', { fullAtMs, shape, nowMs: 1000 });
  assert.equal(told(0), '"a";r=5;t=0');
  assert.equal(told(1100), '"a";r=4;t=1');
  assert.equal(told(1450), '"a";r=0;t=1');
  assert.equal(told(3000), '"a";r=0;t=2');
});
