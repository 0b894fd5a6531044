import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { nextIndex, splitOf, type Split } from './split.ts';

const seed = 20261120;

function run(split: Split, requests: number): number[] {
  const chosen: number[] = [];
  for (let n = 0; n < requests; n += 1) chosen.push(nextIndex(split));
  return chosen;
}

function shares(...weights: readonly number[]) {
  return weights.map((weightPercent, index) => ({ key: `r${index}`, weightPercent }));
}

/** Most that any window of the run has of `index` more or less than its share. */
function windowError(chosen: readonly number[], index: number, permille: number): number {
  let error = 0;
  let low = 0;
  let high = 0;
  for (const choice of chosen) {
    error += (choice === index ? 1000 : 0) - permille;
    low = Math.min(low, error);
    high = Math.max(high, error);
  }
  return (high - low) / 1000;
}

for (const [weights, requests, want] of [
  [[95, 5], 1000, [950, 50]],
  [[99.9, 0.1], 1000, [999, 1]],
  [[99.9, 0.1], 10_000, [9990, 10]],
  [[50, 50], 7, [4, 3]],
  [[100, 0], 1000, [1000, 0]],
  [[0, 100], 1000, [0, 1000]],
  [[100], 3, [3]],
  [[60, 30, 10], 10, [6, 3, 1]],
] as const) {
  test(`${requests} requests at ${weights.join(':')} are split ${want.join(':')}`, () => {
    const chosen = run(splitOf(shares(...weights), null), requests);
    for (const [index, count] of want.entries()) {
      assert.equal(chosen.filter((choice) => choice === index).length, count);
    }
  });
}

test('no share with weight gives -1', () => {
  assert.equal(nextIndex(splitOf(shares(0, 0), null)), -1);
  assert.equal(nextIndex(splitOf([], null)), -1);
});

test('any window of two backends is off by at most one request, over any weights', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1000 }), (permille) => {
      const chosen = run(splitOf(shares((1000 - permille) / 10, permille / 10), null), 2500);
      assert.ok(windowError(chosen, 1, permille) <= 1);
      assert.ok(windowError(chosen, 0, 1000 - permille) <= 1);
    }),
    { seed, numRuns: 200 },
  );
});

test('any window of k backends is off by at most 2 - 1/(k-1) requests', () => {
  const cuts = fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 2, maxLength: 6 });
  fc.assert(
    fc.property(cuts, (at) => {
      const edges = [0, ...at.sort((a, b) => a - b), 1000];
      const permille = edges.slice(1).map((edge, index) => edge - (edges[index] ?? 0));
      const weighted = permille.filter((weight) => weight > 0).length;
      const bound = weighted < 2 ? 0 : 2 - 1 / (weighted - 1);
      const chosen = run(splitOf(shares(...permille.map((weight) => weight / 10)), null), 2000);
      for (const [index, weight] of permille.entries()) {
        assert.ok(windowError(chosen, index, weight) <= bound + 1e-9);
      }
    }),
    { seed, numRuns: 200 },
  );
});

test('the share owed over changing weights is kept to half a request', () => {
  const change = fc.record({
    permille: fc.integer({ min: 1, max: 999 }),
    requests: fc.integer({ min: 1, max: 40 }),
  });
  fc.assert(
    fc.property(fc.array(change, { minLength: 2, maxLength: 60 }), (changes) => {
      let split: Split | null = null;
      let owed = 0;
      for (const { permille, requests } of changes) {
        split = splitOf(shares((1000 - permille) / 10, permille / 10), split);
        for (const chosen of run(split, requests)) owed += permille - (chosen === 1 ? 1000 : 0);
        assert.ok(Math.abs(owed) <= 500);
      }
    }),
    { seed, numRuns: 200 },
  );
});

test('a share of 0.1 % is reached when the table is pushed every seven requests', () => {
  let split: Split | null = null;
  let chosen = 0;
  for (let push = 0; push < 1000; push += 1) {
    split = splitOf(shares(99.9, 0.1), split);
    chosen += run(split, 7).filter((choice) => choice === 1).length;
  }
  assert.equal(chosen, 7);
});

test('a candidate put to 0 is never chosen again and owes nothing when it returns', () => {
  let split = splitOf(shares(60, 40), null);
  run(split, 4);
  split = splitOf(shares(100, 0), split);
  assert.ok(run(split, 1000).every((choice) => choice === 0));
  assert.deepEqual(split.credits, [0, 0]);
});

test('backends are known by their key, wherever they stand, and one that leaves keeps the sum at 0', () => {
  let split = splitOf(shares(50, 30, 20), null);
  run(split, 7);
  split = splitOf(
    [
      { key: 'r2', weightPercent: 40 },
      { key: 'r0', weightPercent: 60 },
    ],
    split,
  );
  assert.equal(
    split.credits.reduce((sum, credit) => sum + credit, 0),
    0,
  );
  const chosen = run(split, 1000).filter((choice) => choice === 0).length;
  assert.ok(Math.abs(chosen - 400) <= 1);
});

/** Candidates of `requests` requests that are dealt to `routers` of different phase by `deal`. */
function together(
  routers: number,
  { percent, requests }: { readonly percent: number; readonly requests: number },
  deal: (request: number) => number,
): number {
  const splits = Array.from({ length: routers }, (_, index) => {
    return splitOf(shares(100 - percent, percent), null, (index + 0.5) / routers - 0.5);
  });
  let candidates = 0;
  for (let request = 0; request < requests; request += 1) {
    const split = splits[deal(request)];
    assert.ok(split);
    if (nextIndex(split) === 1) candidates += 1;
  }
  return candidates;
}

for (const [routers, percent, requests, want] of [
  [2, 5, 1000, 50],
  [2, 50, 10, 5],
  [4, 1, 1000, 10],
  [4, 5, 1000, 50],
  [4, 0.1, 4000, 4],
  [8, 1, 800, 8],
] as const) {
  test(`${routers} routers in turn give ${want} of ${requests} requests at ${percent} %`, () => {
    const dealt = together(routers, { percent, requests }, (request) => request % routers);
    assert.equal(dealt, want);
  });
}

test('several routers are together off by at most half a request each, however requests are dealt', () => {
  const cases = fc.record({
    routers: fc.integer({ min: 1, max: 8 }),
    permille: fc.integer({ min: 1, max: 999 }),
    deals: fc.array(fc.nat(), { minLength: 1, maxLength: 300 }),
  });
  fc.assert(
    fc.property(cases, ({ routers, permille, deals }) => {
      const requests = deals.length;
      const wanted = { percent: permille / 10, requests };
      const dealt = together(routers, wanted, (request) => (deals[request] ?? 0) % routers);
      assert.ok(Math.abs(dealt - (requests * permille) / 1000) <= routers / 2 + 1e-9);
    }),
    { seed, numRuns: 200 },
  );
});

test('what comes in takes up the phase, once, and what stays keeps what it is owed', () => {
  let split = splitOf(shares(99, 1), null, 0.25);
  const owed = split.credits[1];
  assert.equal(owed, 248);
  split = splitOf(shares(95, 5), split, 0.25);
  assert.equal(split.credits[1], owed);
  split = splitOf(shares(100, 0), split, 0.25);
  assert.deepEqual(split.credits, [0, 0]);
  split = splitOf(shares(99, 1), split, 0.25);
  assert.equal(split.credits[1], owed);
});
