import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { GateSettings, Objective } from '../release/revision.ts';
import {
  closeBlock,
  type GateObservation,
  type GateState,
  judge,
  observe,
  openGate,
  tally,
} from './gate.ts';
import { budgetShares, logAgainst } from './gate-state.ts';

const settings: GateSettings = {
  falseRollbackRatio: 0.001,
  falsePromotionRatio: 0.01,
  worseByRatio: 0.0025,
  soakMs: 10_000,
  atMostMs: 600_000,
};
const success: Objective = { kind: 'success', name: 'availability', ratioMin: 0.99 };
const strict: Objective = { kind: 'success', name: 'strict', ratioMin: 0.999 };
const latency: Objective = { kind: 'latency', name: 'speed', quantile: 0.95, limitMs: 500 };

test('a block ends when both arms have three requests, however they ended', () => {
  const rows = [
    { candidate: [2, 0], stable: [900, 0], isCompared: false },
    { candidate: [2, 2], stable: [900, 0], isCompared: false },
    { candidate: [3, 0], stable: [2, 2], isCompared: false },
    { candidate: [3, 0], stable: [3, 0], isCompared: true },
    { candidate: [3, 3], stable: [3, 3], isCompared: true },
  ] as const;
  for (const { candidate, stable, isCompared } of rows) {
    const state = observe(open(), seen(100, candidate, stable));
    assert.equal(
      state.errors.comparedAtMs !== null,
      isCompared,
      JSON.stringify({ candidate, stable }),
    );
  }
});

test('an old block ends with what it has, and is dropped when an arm has nothing', () => {
  const few = observe(observe(open(), seen(0, [1, 1], [50, 0])), seen(30_000, [0, 0], [1, 0]));
  assert.equal(few.errors.comparedAtMs, 30_000);
  const empty = observe(observe(open(), seen(0, [0, 0], [50, 5])), seen(30_000, [0, 0], [1, 0]));
  assert.equal(empty.errors.comparedAtMs, null);
  assert.equal(empty.errors.strata[0]?.block.sinceMs, null);
  assert.equal(empty.errors.base.requests, 51);
});

test('what closeBlock drops is no evidence and stays in the totals', () => {
  const begun = observe(open(), seen(0, [2, 2], [50, 0]));
  const closed = closeBlock(begun);
  const after = observe(closed, seen(100, [1, 1], [50, 0]));
  assert.equal(after.errors.comparedAtMs, null);
  assert.equal(logAgainst(after), logAgainst(open()));
  assert.deepEqual(after.totals.candidate, { requests: 3, failures: 3 });
});

test('tally counts and is no evidence', () => {
  const counted = tally(open(), seen(0, [400, 400], [400, 0]));
  assert.equal(counted.totals.candidate.failures, 400);
  assert.equal(logAgainst(counted), logAgainst(open()));
});

test('an empty interval changes nothing', () => {
  const state = open();
  assert.equal(observe(state, seen(5000, [0, 0], [0, 0])), state);
});

test('the order of intervals within a block does not matter', () => {
  const interval = fc.tuple(fc.nat({ max: 20 }), fc.nat({ max: 20 }), fc.nat({ max: 1 }));
  const permuted = fc
    .array(interval, { minLength: 2, maxLength: 6 })
    .chain((rows) =>
      fc.tuple(fc.constant(rows), fc.shuffledSubarray(rows, { minLength: rows.length })),
    );
  fc.assert(
    fc.property(permuted, ([rows, shuffled]) => {
      const run = (order: typeof rows): number => {
        let state = open();
        for (const [index, [requests, failures, stableRequests]] of order.entries()) {
          const candidate = [requests, Math.min(requests, failures)] as const;
          // Two stable requests at most before the last interval, so that the block ends there.
          const stable = index < 2 ? stableRequests : 0;
          state = observe(state, seen(index, candidate, [stable, 0]));
        }
        const left = 40 - state.totals.stable.requests;
        return logAgainst(observe(state, seen(99, [4, 0], [left, 1])));
      };
      assert.ok(Math.abs(run(rows) - run(shuffled)) < 1e-9);
    }),
    { seed: 2, numRuns: 300 },
  );
});

test('the state survives JSON and is left alone by observing', () => {
  fc.assert(
    fc.property(fc.array(observation(), { maxLength: 30 }), (rows) => {
      let direct = openGate(settings, [success, latency], 0, 600_000);
      let stored = direct;
      for (const row of rows) {
        const before = JSON.stringify(direct);
        const next = observe(direct, row);
        assert.equal(JSON.stringify(direct), before);
        stored = observe(JSON.parse(JSON.stringify(stored)) as GateState, row);
        direct = next;
      }
      assert.deepEqual(JSON.parse(JSON.stringify(direct)), JSON.parse(JSON.stringify(stored)));
      assert.ok(JSON.stringify(direct).length < 5000);
    }),
    { seed: 3, numRuns: 200 },
  );
});

test('every sane stream has a verdict with finite numbers', () => {
  const weights = fc.constantFrom(0, 0.1, 1, 5, 25, 50, 99.9, 100);
  fc.assert(
    fc.property(fc.array(observation(), { maxLength: 20 }), weights, (rows, weightPercent) => {
      let state = openGate(settings, [success], 1000, 0);
      for (const row of rows) state = observe(state, row);
      for (const atMs of [0, 1000, 1e7]) {
        const question = { atMs, stepSinceMs: 1000, weightPercent, isLastGate: false };
        const { kind, explanation } = judge(state, question);
        assert.ok(['pass', 'fail', 'undecided'].includes(kind));
        for (const value of Object.values(explanation)) {
          if (typeof value === 'number') assert.ok(Number.isFinite(value) && value >= 0);
        }
        assert.doesNotMatch(explanation.sentence, /NaN|Infinity|undefined|\.$/);
      }
    }),
    { seed: 4, numRuns: 500 },
  );
});

test('what is no count is refused with the value', () => {
  const rows: readonly (readonly [number, number, RegExp])[] = [
    [Number.NaN, 0, /NaN/],
    [10, Number.NaN, /NaN/],
    [Infinity, 0, /Infinity/],
    [-1, 0, /-1/],
    [10, -1, /-1/],
    [1.5, 0, /1\.5/],
    [10, 11, /11 failures of 10/],
    [2 ** 53, 0, /9007199254740992/],
  ];
  for (const [requests, failures, message] of rows) {
    const wrong = { requests, failures };
    const right = { requests: 10, failures: 0 };
    for (const arms of [
      { candidate: wrong, stable: right },
      { candidate: right, stable: wrong },
    ]) {
      const refused = observe(open(), { atMs: 0, ...arms });
      assert.match(refused.telemetryFault?.sentence ?? '', message);
      assert.deepEqual({ ...refused, telemetryFault: null }, open());
    }
  }
  const noTime = observe(open(), seen(Number.NaN, [1, 0], [1, 0]));
  assert.match(noTime.telemetryFault?.sentence ?? '', /atMs NaN/);
  assert.throws(() => openGate({ ...settings, worseByRatio: 0 }, [], 0, 0), /worseByRatio 0/);
});

test('huge counts are judged like any others', () => {
  let healthy = open();
  let bad = open();
  for (let tick = 1; tick <= 20; tick += 1) {
    healthy = observe(healthy, seen(tick * 1000, [1e9, 1e6], [1e9, 1e6]));
    bad = observe(bad, seen(tick * 1000, [1e9, 2e6], [1e9, 1e6]));
  }
  const question = { atMs: 20_000, stepSinceMs: 0, weightPercent: 50, isLastGate: true };
  assert.equal(judge(healthy, question).kind, 'pass');
  assert.equal(judge(bad, question).kind, 'fail');
});

test('a sample somewhat late is evidence, a stale one holds the step', () => {
  const state = observe(open(), seen(90_000, [10, 0], [90, 0]));
  const late = observe(state, seen(85_000, [10, 0], [90, 0]));
  assert.equal(late.lastAtMs, 90_000);
  assert.equal(late.totals.candidate.requests, 20);
  const stale = observe(state, seen(79_000, [10, 10], [90, 0]));
  assert.equal(stale.totals.candidate.requests, 10);
  const question = { stepSinceMs: 0, weightPercent: 10, isLastGate: false };
  const held = judge(stale, { ...question, atMs: 91_000 });
  assert.equal(held.explanation.heldBy, 'telemetry');
  assert.match(held.explanation.sentence, /a sample is 11 s older than the newest one$/);
  assert.notEqual(judge(stale, { ...question, atMs: 121_000 }).explanation.heldBy, 'telemetry');
});

test('the shares of the budget sum to one, so the evidence starts at one', () => {
  assert.ok(Math.abs(budgetShares.errors + budgetShares.latency + budgetShares.bake - 1) < 1e-12);
  assert.ok(Math.abs(logAgainst(open())) < 1e-12);
});

test('after 100 % the candidate is judged by itself, and thrown back when it breaks its objective', () => {
  let state = openGate(settings, [success], 0, 60_000);
  for (let tick = 1; tick <= 100; tick += 1) {
    state = observe(state, seen(tick * 100, [40, 0], [40, 0]));
  }
  state = closeBlock(state);
  for (let tick = 101; tick <= 200; tick += 1) {
    state = observe(state, seen(tick * 100, [80, 0], [0, 0]));
  }
  assert.equal(state.hasControl, false);
  const bake = { atMs: 20_000, stepSinceMs: 10_000, weightPercent: 100, isLastGate: false };
  const good = judge(state, bake);
  assert.notEqual(good.kind, 'fail');
  assert.match(good.explanation.sentence, /^0 of 8,000 requests failed at 100 %/);
  for (let tick = 201; tick <= 203; tick += 1) {
    state = observe(state, seen(tick * 100, [80, 40], [0, 0]));
  }
  assert.equal(judge(state, { ...bake, atMs: 20_300 }).kind, 'fail');
  // A failure stays one, whatever comes after it.
  for (let tick = 204; tick <= 400; tick += 1) {
    state = observe(state, seen(tick * 100, [80, 0], [0, 0]));
  }
  assert.equal(judge(state, { ...bake, atMs: 40_000 }).kind, 'fail');
});

test('a service that always fails 3 % is not thrown back at 100 % for failing 3 %', () => {
  let state = openGate(settings, [], 0, 60_000);
  for (let tick = 1; tick <= 200; tick += 1) {
    state = observe(state, seen(tick * 1000, [100, 3], [100, 3]));
  }
  state = closeBlock(state);
  for (let tick = 201; tick <= 400; tick += 1) {
    state = observe(state, seen(tick * 1000, [200, 6], [0, 0]));
  }
  const question = { atMs: 400_000, stepSinceMs: 200_000, weightPercent: 100, isLastGate: false };
  assert.notEqual(judge(state, question).kind, 'fail');
});

test('a pause of stable at a small share of the candidate is not taken for the end of the control arm', () => {
  let state = observe(open(), seen(0, [10, 0], [90, 0]));
  for (let tick = 1; tick <= 19; tick += 1) {
    state = observe(state, seen(tick * 100, [10, 0], [0, 0]));
  }
  assert.equal(state.hasControl, true);
  const alone = observe(state, seen(2000, [10, 0], [0, 0]));
  assert.equal(alone.hasControl, false);
  assert.deepEqual(alone.promises[0]?.bake?.count, { requests: 200, failures: 0 });
  assert.equal(observe(alone, seen(2100, [1, 0], [9, 0])).hasControl, true);
});

test('a shared outage holds by the objective, never rolls back, and the hold ends with it', () => {
  let state = openGate(settings, [success, strict, latency], 0, 600_000);
  assert.equal(state.promises[0]?.name, 'strict');
  state = openGate(settings, [success], 0, 600_000);
  let atMs = 0;
  const run = (ticks: number, failures: number): string | null => {
    for (let tick = 0; tick < ticks; tick += 1) {
      atMs += 1000;
      state = observe(state, seen(atMs, [400, failures], [400, failures]));
    }
    const question = { atMs, stepSinceMs: 0, weightPercent: 50, isLastGate: true };
    const verdict = judge(state, question);
    assert.notEqual(verdict.kind, 'fail');
    assert.equal(verdict.kind === 'pass', verdict.explanation.heldBy === null);
    return verdict.explanation.heldBy;
  };
  assert.equal(run(30, 0), null);
  assert.equal(run(30, 80), 'availability');
  // The hold itself ends with the first good seconds, and a minute later the step passes again.
  assert.equal(run(60, 0), null);
});

function open(): GateState {
  return openGate(settings, [], 0, 600_000);
}

function seen(
  atMs: number,
  candidate: readonly [requests: number, failures: number],
  stable: readonly [requests: number, failures: number],
): GateObservation {
  return {
    atMs,
    candidate: { requests: candidate[0], failures: candidate[1] },
    stable: { requests: stable[0], failures: stable[1] },
  };
}

function observation(): fc.Arbitrary<GateObservation> {
  const arm = fc
    .tuple(
      fc.oneof(fc.nat({ max: 50 }), fc.nat({ max: 1_000_000_000 })),
      fc.double({ min: 0, max: 1, noNaN: true }),
    )
    .map(([requests, ratio]) => [requests, Math.floor(requests * ratio)] as const);
  const times = fc.nat({ max: 1_000_000 });
  return fc
    .tuple(times, arm, arm)
    .map(([atMs, candidate, stable]) => seen(atMs, candidate, stable));
}
