import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  addToUnits,
  badness,
  cutUnits,
  logUnits,
  openUnitLane,
  unitEvidence,
  type InstanceTally,
  type UnitLane,
} from './unit-lane.ts';

test('the unit e-variable averages to 1 at most under any dependence within a unit', () => {
  // z of a unit: 0, a half or 1, with whatever chances; only the mean decides.
  const shapes = [
    [0.9, 0, 0.1],
    [0.8, 0.2, 0],
    [0.5, 0.5, 0],
    [0, 1, 0],
    [0.75, 0, 0.25],
  ] as const;
  const meanOf = (shape: readonly [number, number, number]): number => 0.5 * shape[1] + shape[2];
  for (const candidate of shapes) {
    for (const stable of shapes) {
      if (meanOf(candidate) > meanOf(stable)) continue;
      for (const alternative of [
        { candidateRatio: 0.3, stableRatio: 0.1 },
        { candidateRatio: 0.97, stableRatio: 0.01 },
        { candidateRatio: 0.6, stableRatio: 0.5 },
      ]) {
        let mean = 0;
        for (const [a, b, c, d] of quadruples()) {
          const chance = candidate[a] * candidate[b] * stable[c] * stable[d];
          mean += chance * Math.exp(logUnits([a / 2, b / 2], [c / 2, d / 2], alternative));
        }
        assert.ok(mean <= 1 + 1e-9, `${mean}`);
      }
    }
  }
});

test('badness is the chance that a draw without putting back holds a failure', () => {
  assert.equal(badness({ instanceId: 'a', requests: 10, failures: 0 }, 5), 0);
  assert.ok(Math.abs(badness({ instanceId: 'a', requests: 10, failures: 3 }, 1) - 0.3) < 1e-12);
  assert.equal(badness({ instanceId: 'a', requests: 10, failures: 6 }, 5), 1);
  // 1 - (7 * 6) / (10 * 9)
  assert.ok(Math.abs(badness({ instanceId: 'a', requests: 10, failures: 3 }, 2) - 48 / 90) < 1e-12);
  assert.ok(Math.abs(badness({ instanceId: 'a', requests: 10, failures: 2 }, 3) - 48 / 90) < 1e-12);
});

test('units of unlike sizes have like means, so a small share is not held against the candidate', () => {
  // The mean over all places of 2 failures among 8 requests equals that of their samples of 4.
  const whole = badness({ instanceId: 'a', requests: 8, failures: 2 }, 3);
  let mean = 0;
  for (let failures = 0; failures <= 2; failures += 1) {
    const chance = (choose(2, failures) * choose(6, 4 - failures)) / choose(8, 4);
    mean += chance * badness({ instanceId: 'a', requests: 4, failures }, 3);
  }
  assert.ok(Math.abs(whole - mean) < 1e-12);
});

test('an incident over the end of a window counts once', () => {
  const burst = (from: number, to: number): UnitLane => {
    let lane = openUnitLane(1000, 0, 60_000);
    for (let atMs = 100; atMs <= 6000; atMs += 100) {
      const failures = atMs > from && atMs <= to ? 10 : 0;
      lane = addToUnits(lane, { candidate: two('c', 10, failures), stable: many(10) }, atMs);
    }
    return lane;
  };
  const within = unitEvidence(burst(2200, 2900));
  const across = unitEvidence(burst(2600, 3500));
  const twice = unitEvidence(burst(2200, 5000));
  assert.ok(across <= within * 1.05, `${across} over the end, ${within} within`);
  assert.ok(twice > 20 * within, `${twice} for what lasts, ${within} for what does not`);
});

test('a window that was cut counts as if it had gone on without failures', () => {
  let cut = openUnitLane(1000, 0, 60_000);
  cut = addToUnits(cut, { candidate: two('c', 10, 10), stable: many(10) }, 100);
  cut = cutUnits(cut, 200);
  const later = two('c', 50, 50);
  cut = addToUnits(cut, { candidate: later, stable: many(10) }, 900);
  assert.deepEqual(cut.candidate, two('c', 10, 10));
  let whole = openUnitLane(1000, 0, 60_000);
  whole = addToUnits(whole, { candidate: two('c', 10, 10), stable: many(10) }, 100);
  whole = addToUnits(whole, { candidate: two('c', 90, 0), stable: many(10) }, 900);
  const end = { candidate: [], stable: many(10) };
  // 100 ms of the window are 10 requests; all of it would be 100.
  const cutEnded = addToUnits(cut, end, 1200);
  const wholeEnded = addToUnits(whole, end, 1200);
  assert.ok(Math.abs(unitEvidence(cutEnded) / unitEvidence(wholeEnded) - 1) < 0.2);
});

test('an instance is left out of the next window when its unit may hold the beginning of an incident', () => {
  const rows = [
    { requests: 100, failures: 0, isBarred: false },
    { requests: 100, failures: 1, isBarred: false },
    { requests: 100, failures: 2, isBarred: true },
    // Of few requests a single one is a twentieth.
    { requests: 15, failures: 1, isBarred: true },
    { requests: 25, failures: 1, isBarred: false },
    // 0.2 % is usual as long as nothing is known: 2 of these, and 1 more than twice that is not an incident yet.
    { requests: 1000, failures: 5, isBarred: false },
    { requests: 1000, failures: 6, isBarred: true },
  ];
  for (const { requests, failures, isBarred } of rows) {
    let lane = openUnitLane(1000, 0, 60_000);
    const candidate = [{ instanceId: 'c', requests, failures }];
    lane = addToUnits(lane, { candidate, stable: many(requests) }, 500);
    lane = addToUnits(lane, { candidate: [], stable: [] }, 1600);
    const row = `${failures} of ${requests}`;
    assert.deepEqual(lane.any.barred, isBarred ? ['c'] : [], row);
    assert.deepEqual(lane.share.barred, lane.any.barred, row);
  }
});

test('how many requests are drawn from a window that was cut was settled before it', () => {
  const window = (lane: UnitLane, atMs: number, requests: number): UnitLane =>
    addToUnits(lane, { candidate: two('c', requests, 0), stable: many(100) }, atMs);
  const known = window(window(openUnitLane(1000, 0, 60_000), 1000, 60), 2100, 60);
  const drawn = known.any.drawn ?? 0;
  assert.ok(drawn > 30 && drawn <= 60, `${drawn}`);
  // Cut with 3 requests after 900 ms: 4 to the end of it, fewer than are drawn.
  let cut = addToUnits(window(known, 3100, 3), { candidate: [], stable: [] }, 4000);
  cut = cutUnits(cut, 4000);
  assert.equal(window(cut, 4200, 3).any.drawn, drawn);
  assert.notEqual(
    window(addToUnits(known, { candidate: two('c', 3, 0), stable: many(100) }, 3100), 4200, 3).any
      .drawn,
    drawn,
  );
});

test('splitting observations and their order do not matter', () => {
  const interval = fc.tuple(
    fc.constantFrom('c0', 'c1', 's0', 's1', 's2'),
    fc.nat({ max: 9 }),
    fc.nat({ max: 9 }),
  );
  const rows = fc.array(interval, { minLength: 3, maxLength: 12 });
  const both = rows.chain((each) =>
    fc.tuple(fc.constant(each), fc.shuffledSubarray(each, { minLength: each.length })),
  );
  fc.assert(
    fc.property(both, ([order, shuffled]) => {
      const run = (all: typeof order): number => {
        let lane = openUnitLane(1000, 0, 60_000);
        for (const [index, [instanceId, good, failures]] of all.entries()) {
          const tally = { instanceId, requests: good + failures, failures };
          const isCandidate = instanceId.startsWith('c');
          const arms = {
            candidate: isCandidate ? [tally] : [],
            stable: isCandidate ? [] : [tally],
          };
          lane = addToUnits(JSON.parse(JSON.stringify(lane)) as UnitLane, arms, 10 * index);
        }
        return unitEvidence(addToUnits(lane, { candidate: [], stable: [] }, 2000));
      };
      assert.ok(Math.abs(run(order) - run(shuffled)) < 1e-9);
    }),
    { seed: 21, numRuns: 200 },
  );
});

function two(prefix: string, requests: number, failures: number): readonly InstanceTally[] {
  return [0, 1].map((index) => ({ instanceId: `${prefix}${index}`, requests, failures }));
}

function many(requests: number): readonly InstanceTally[] {
  return Array.from({ length: 38 }, (_, index) => ({
    instanceId: `s${index}`,
    requests,
    failures: 0,
  }));
}

function quadruples(): readonly (readonly [0 | 1 | 2, 0 | 1 | 2, 0 | 1 | 2, 0 | 1 | 2])[] {
  const three = [0, 1, 2] as const;
  return three.flatMap((a) =>
    three.flatMap((b) => three.flatMap((c) => three.map((d) => [a, b, c, d] as const))),
  );
}

function choose(n: number, k: number): number {
  if (k < 0 || k > n) return 0;
  let ways = 1;
  for (let index = 1; index <= k; index += 1) ways = (ways * (n - k + index)) / index;
  return ways;
}
