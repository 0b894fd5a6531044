import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GateSettings } from '../release/revision.ts';
import { closeBlock, judge, observe, openGate } from './gate.ts';
import { failuresOf, poisson, seeded } from './simulated-traffic.fixture.ts';
import type { InstanceObservation } from './verdict.ts';

/** 800 requests/s over 40 instances, 2 of them the candidate's with 5 %; windows of 5 s. The advice is followed at once. */
const settings: GateSettings = {
  falseRollbackRatio: 0.001,
  falsePromotionRatio: 0.01,
  worseByRatio: 0.0025,
  soakMs: 10_000,
  atMostMs: 600_000,
  incidentMs: 5000,
};
const tickMs = 200;

test('a dead candidate is parked within a second and rolled back after few failed requests', () => {
  const ends = Array.from({ length: 15 }, (_, run) =>
    release({ seed: 40 + run, candidateRatio: 1, untilMs: 60_000, bursts: null }),
  );
  const failed = ends.map((end) => end.failed).toSorted((a, b) => a - b);
  const times = ends.map((end) => end.rolledBackMs ?? Infinity).toSorted((a, b) => a - b);
  assert.ok((failed[7] ?? Infinity) <= 25, `${failed[7]} failed`);
  assert.ok((times[14] ?? Infinity) <= 60_000, `${times[14]} ms`);
  for (const end of ends) assert.equal(end.parkings, 1);
});

test('incidents of single instances park and do not roll back', () => {
  let parkings = 0;
  for (let run = 0; run < 8; run += 1) {
    const bursts = { lastMs: 1000, everyMs: 60_000 };
    const end = release({ seed: 90 + run, candidateRatio: 0.001, untilMs: 120_000, bursts });
    assert.equal(end.rolledBackMs, null, `seed ${90 + run}`);
    parkings += end.parkings;
  }
  assert.ok(parkings > 0, 'no incident hit the candidate, so the test says nothing');
});

test('while the candidate is parked the step holds, and the advice is data', () => {
  const random = seeded(5);
  let state = openGate(settings, [], 0, 600_000);
  state = observe(state, interval(random, tickMs, { ratio: 1, isBurst: () => false, perTick: 4 }));
  state = observe(state, interval(random, 400, { ratio: 1, isBurst: () => false, perTick: 4 }));
  const { kind, explanation } = judge(state, questionAt(400));
  assert.equal(kind, 'undecided');
  assert.equal(explanation.heldBy, 'parked');
  assert.deepEqual(explanation.advice, { kind: 'park' });
  assert.match(explanation.sentence, /gets no requests until the next window can tell/);
  assert.deepEqual(JSON.parse(JSON.stringify(state)), state);
});

function release(world: {
  readonly seed: number;
  readonly candidateRatio: number;
  readonly untilMs: number;
  readonly bursts: { readonly lastMs: number; readonly everyMs: number } | null;
}): { failed: number; rolledBackMs: number | null; parkings: number } {
  const { bursts } = world;
  const random = seeded(world.seed);
  const burstUntil = new Map<number, number>();
  let state = openGate(settings, [], 0, 600_000);
  let parkings = 0;
  let wasAdvised: string | undefined;
  for (let atMs = tickMs; atMs <= world.untilMs; atMs += tickMs) {
    if (bursts !== null) {
      for (let instance = 0; instance < 40; instance += 1) {
        if (random() < tickMs / bursts.everyMs) burstUntil.set(instance, atMs + bursts.lastMs);
      }
    }
    const { advice } = judge(state, questionAt(atMs)).explanation;
    const isParked = advice !== null;
    if (advice?.kind !== wasAdvised) state = closeBlock(state);
    if (isParked && wasAdvised === undefined) parkings += 1;
    wasAdvised = advice?.kind;
    const probing = advice?.kind === 'probe' ? (2 * tickMs) / 5000 : 0;
    const perTick = isParked ? probing : 4;
    const isBurst = (instance: number): boolean => (burstUntil.get(instance) ?? 0) > atMs;
    const seen = interval(random, atMs, { ratio: world.candidateRatio, isBurst, perTick });
    state = observe(state, seen);
    if (judge(state, questionAt(atMs)).kind === 'fail') {
      return { failed: state.totals.candidate.failures, rolledBackMs: atMs, parkings };
    }
  }
  return { failed: state.totals.candidate.failures, rolledBackMs: null, parkings };
}

function interval(
  random: () => number,
  atMs: number,
  arms: {
    readonly ratio: number;
    readonly isBurst: (instance: number) => boolean;
    readonly perTick: number;
  },
): Parameters<typeof observe>[1] {
  const tally = (instance: number, mean: number, ratio: number): InstanceObservation => {
    const requests = poisson(random, mean);
    const failures = failuresOf(random, requests, arms.isBurst(instance) ? 0.9 : ratio);
    return { instanceId: `i${instance}`, requests, failures };
  };
  const candidate = [0, 1].map((index) => tally(index, arms.perTick, arms.ratio));
  const stable = Array.from({ length: 38 }, (_, index) => tally(index + 2, 4, 0.001));
  return {
    atMs,
    candidate: total(candidate),
    stable: total(stable),
    instances: { candidate: candidate.filter(isBusy), stable: stable.filter(isBusy) },
  };
}

function isBusy({ requests }: InstanceObservation): boolean {
  return requests > 0;
}

function total(tallies: readonly InstanceObservation[]): { requests: number; failures: number } {
  let requests = 0;
  let failures = 0;
  for (const each of tallies) {
    requests += each.requests;
    failures += each.failures;
  }
  return { requests, failures };
}

function questionAt(atMs: number): Parameters<typeof judge>[1] {
  return { atMs, stepSinceMs: 0, weightPercent: 5, isLastGate: false };
}
