import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { MemoryTokens } from '../../../adapters/memory/memory-tokens.ts';
import type { BucketShape } from '../../../domain/traffic/limits/rate-limit.ts';
import { type TokenLoan, turnMs } from '../../../domain/traffic/limits/token-loan.ts';
import { BorrowedBuckets } from './borrowed-buckets.ts';

const key = { scope: 'all', client: '' };

interface Traffic {
  readonly shape: BucketShape;
  /** Between two requests of a process. */
  readonly everyMs: readonly number[];
  readonly seconds: number;
  /** How long a loan is on its way. */
  readonly lateMs: number;
}

/** In virtual time: how many requests each of the processes let through. */
function allowed({ shape, everyMs, seconds, lateMs }: Traffic): readonly number[] {
  const share = 1 / everyMs.length;
  let nowMs = 0;
  const lender = new MemoryTokens(() => nowMs);
  const processes = everyMs.map((every, index) => {
    const buckets = new BorrowedBuckets(share);
    return {
      buckets,
      every,
      nextMs: index / 10,
      allowed: 0,
      loans: [] as [number, readonly TokenLoan[]][],
    };
  });
  for (; nowMs < seconds * 1000; nowMs += 1) {
    for (const each of processes) {
      for (const [atMs, loans] of each.loans) if (atMs <= nowMs) each.buckets.learn(loans, nowMs);
      each.loans = each.loans.filter(([atMs]) => atMs > nowMs);
      for (; each.nextMs < nowMs + 1; each.nextMs += each.every) {
        if (each.buckets.waitMs(key, shape, nowMs) > 0) continue;
        each.buckets.take(key, shape, nowMs);
        each.allowed += 1;
      }
      if (nowMs % turnMs !== 0) continue;
      each.loans.push([nowMs + lateMs, lender.lendNow(each.buckets.asks())]);
    }
  }
  return processes.map((each) => each.allowed);
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

const thousandASecond = { msPerToken: 1, burst: 1000 };

test('three processes offered three times the limit let through the limit, evenly', () => {
  const counts = allowed({
    shape: thousandASecond,
    everyMs: [1, 1, 1],
    seconds: 20,
    lateMs: 1,
  });
  const wanted = 1000 + 20 * 1000;
  assert.ok(Math.abs(sum(counts) - wanted) <= 0.01 * wanted, `${counts.join(' + ')} of ${wanted}`);
  for (const count of counts)
    assert.ok(Math.abs(count - wanted / 3) <= 0.05 * wanted, counts.join());
});

test('what is too little for all is dealt by demand: each request has the same chance, whichever process it comes to', () => {
  const worlds = [
    [0.5, 100, 100],
    [0.4, 2, 3],
    [1, 0.7, 2, 2, 3, 5],
    [0.6, 0.6, 30],
  ];
  for (const everyMs of worlds) {
    for (const lateMs of [1, 3]) {
      const seconds = 60;
      const counts = allowed({ shape: thousandASecond, everyMs, seconds, lateMs });
      const wanted = 1000 + seconds * 1000;
      assert.ok(
        Math.abs(sum(counts) - wanted) <= 0.01 * wanted,
        `${counts.join(' + ')} of ${wanted}`,
      );
      const offeredPerMs = sum(everyMs.map((every) => 1 / every));
      const even = everyMs.map((every) => wanted / every / offeredPerMs);
      const least = Math.min(...counts.map((count, index) => count / (even[index] ?? 1)));
      assert.ok(
        least >= 0.85,
        `${everyMs.join()}: ${counts.join()} of ${even.map(Math.round).join()}`,
      );
    }
  }
});

test('below the limit nobody is refused, wherever the requests come', () => {
  for (const everyMs of [
    [2, 4, 8],
    [1.1, 1000, 1000],
    [4, 4, 4],
  ]) {
    const counts = allowed({ shape: thousandASecond, everyMs, seconds: 10, lateMs: 2 });
    const offered = everyMs.map((every, index) => Math.ceil((10_000 - index / 10) / every));
    assert.deepEqual(counts, offered);
  }
});

test('a small bucket gives all it has to a caller whose requests all come to one process', () => {
  let nowMs = 0;
  const lender = new MemoryTokens(() => nowMs);
  const buckets = new BorrowedBuckets(1 / 4);
  const hourly = { msPerToken: 3_600_000, burst: 3 };
  let used = 0;
  for (; nowMs < 300; nowMs += turnMs) {
    if (nowMs % 20 === 0 && buckets.waitMs(key, hourly, nowMs) === 0) {
      buckets.take(key, hourly, nowMs);
      used += 1;
      assert.equal(nowMs, 20 * (used - 1), 'none is refused before all are used');
    }
    buckets.learn(lender.lendNow(buckets.asks()), nowMs);
  }
  assert.equal(used, 3);
});

test('in the long run no more gets through than the limit says, whatever comes when', () => {
  const traffic = fc.record({
    shape: fc.record({
      msPerToken: fc.constantFrom(1, 7, 100, 6000),
      burst: fc.integer({ min: 1, max: 100 }),
    }),
    everyMs: fc.array(fc.constantFrom(0.3, 1, 13, 150, 700), { minLength: 1, maxLength: 4 }),
    seconds: fc.constant(20),
    lateMs: fc.constantFrom(0, 1, 4),
  });
  fc.assert(
    fc.property(traffic, (each) => {
      const { shape, everyMs } = each;
      const count = sum(allowed(each));
      // T2: a part of a full bucket each, and what came with a loan, between two messages.
      const ahead = shape.burst + everyMs.length * (1 + 2 * shape.burst);
      const most = shape.burst + 20_000 / shape.msPerToken + ahead;
      assert.ok(count <= most, `${count} of ${most}`);
    }),
    { numRuns: 60 },
  );
});

test('tokens that are not used come back', () => {
  let nowMs = 0;
  const lender = new MemoryTokens(() => nowMs);
  const [one, other] = [new BorrowedBuckets(0.5), new BorrowedBuckets(0.5)];
  const hourly = { msPerToken: 3_600_000, burst: 8 };
  const turn = (buckets: BorrowedBuckets): void => {
    buckets.learn(lender.lendNow(buckets.asks()), nowMs);
  };
  assert.equal(one.waitMs(key, hourly, 0), 0);
  one.take(key, hourly, 0);
  for (; nowMs < 2000; nowMs += turnMs) turn(one);
  let used = 0;
  for (; nowMs < 3000; nowMs += turnMs) {
    if (other.waitMs(key, hourly, nowMs) === 0) {
      other.take(key, hourly, nowMs);
      used += 1;
    }
    turn(other);
  }
  assert.equal(used, 7, 'eight, and one is used');
});

test('who has used up a bucket is not new when it comes back, until the bucket is full again', () => {
  let nowMs = 0;
  const lender = new MemoryTokens(() => nowMs);
  const buckets = new BorrowedBuckets(1 / 2);
  const slow = { msPerToken: 60_000, burst: 1 };
  const turns = (count: number): number => {
    let asks = 0;
    for (let turn = 0; turn < count; turn += 1, nowMs += turnMs) {
      const asked = buckets.asks();
      asks += asked.length;
      buckets.learn(lender.lendNow(asked), nowMs);
    }
    return asks;
  };
  assert.equal(buckets.waitMs(key, slow, nowMs), 0);
  buckets.take(key, slow, nowMs);
  assert.ok(turns(200) > 0);
  assert.equal(turns(200), 0, 'nothing to tell');
  assert.ok(buckets.waitMs(key, slow, nowMs) > 50_000, 'its bucket is still empty');
  turns(200);
  nowMs += 70_000;
  assert.equal(buckets.waitMs(key, slow, nowMs), 0, 'and full again later');
});

test('names made up beyond the bound share one bucket here, too', () => {
  let nowMs = 0;
  const lender = new MemoryTokens(() => nowMs);
  const buckets = new BorrowedBuckets(1, 3);
  const hourly = { msPerToken: 3_600_000, burst: 2 };
  let allowed = 0;
  for (let client = 0; client < 200; client += 1, nowMs += turnMs) {
    const made = { scope: 'all', client: `made-up-${client}` };
    if (buckets.waitMs(made, hourly, nowMs) === 0) {
      buckets.take(made, hourly, nowMs);
      allowed += 1;
    }
    buckets.learn(lender.lendNow(buckets.asks()), nowMs);
  }
  assert.ok(allowed < 20, `${allowed}`);
});
