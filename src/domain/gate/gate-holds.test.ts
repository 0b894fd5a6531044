import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GateSettings } from '../release/revision.ts';
import { closeBlock, type GateState, judge, observe, openGate } from './gate.ts';
import { failuresOf, poisson, seeded } from './simulated-traffic.fixture.ts';
import type { GateObservation, InstanceObservation } from './verdict.ts';

const settings: GateSettings = {
  falseRollbackRatio: 0.001,
  falsePromotionRatio: 0.01,
  worseByRatio: 0.0025,
  soakMs: 10_000,
  atMostMs: 600_000,
};

test('a candidate that does not get its share holds, and passes once it does', () => {
  const feed = (state: GateState, fromMs: number, candidate: number): GateState => {
    let next = state;
    for (let tick = 1; tick <= 150; tick += 1) {
      next = observe(next, {
        atMs: fromMs + 100 * tick,
        candidate: { requests: candidate, failures: 0 },
        stable: { requests: 80 - candidate, failures: 0 },
        wantedShareRatio: 0.25,
      });
    }
    return next;
  };
  const off = feed(openGate(settings, [], 0, 600_000), 0, 12);
  const held = judge(off, question(15_000));
  assert.equal(held.kind, 'undecided');
  assert.equal(held.explanation.heldBy, 'traffic-share');
  assert.match(held.explanation.sentence, /does not get its 25\.00 % of the requests$/);
  assert.equal(judge(feed(off, 15_000, 20), question(30_000)).kind, 'pass');
  const near = feed(openGate(settings, [], 0, 600_000), 0, 21);
  assert.equal(judge(near, question(15_000)).kind, 'pass');
  assert.equal(closeBlock(off).share, null);
});

test('errors all on one of several instances name it, and wait for a new one where the file says so', () => {
  const one = (state: GateState, fromMs: number, ratios: readonly number[]): GateState =>
    feed(state, { fromMs, ticks: 20, candidateRatios: ratios, stableRatios: [0, 0, 0, 0] });
  const gone = one(openGate(settings, [], 0, 600_000), 0, [1, 0, 0]);
  const named = judge(gone, question(2000));
  assert.equal(named.kind, 'fail');
  assert.deepEqual(named.explanation.advice, { kind: 'replace-instance', instanceId: 'c0' });

  const patient = openGate({ ...settings, replaceWithinMs: 20_000 }, [], 0, 600_000);
  const waiting = one(patient, 0, [1, 0, 0]);
  const held = judge(waiting, question(2000));
  assert.equal(held.kind, 'undecided');
  assert.equal(held.explanation.heldBy, 'one-instance');
  assert.deepEqual(held.explanation.advice, { kind: 'replace-instance', instanceId: 'c0' });

  // Not replaced: back after the time for it. Replaced: judged by the others.
  let late = waiting;
  for (let fromMs = 2000; fromMs < 24_000; fromMs += 2000) late = one(late, fromMs, [1, 0, 0]);
  const failed = judge(late, question(24_000));
  assert.equal(failed.kind, 'fail');
  assert.match(
    failed.explanation.sentence,
    /all errors were on instance c0, to be replaced within/,
  );
  let replaced = waiting;
  for (let fromMs = 2000; fromMs < 30_000; fromMs += 2000) {
    replaced = one(replaced, fromMs, [Number.NaN, 0, 0, 0]);
  }
  assert.equal(judge(replaced, question(30_000)).kind, 'pass');
  // The new instance fails too: it is the version.
  const again = one(waiting, 2000, [Number.NaN, 0, 0, 1]);
  assert.equal(judge(again, question(4000)).kind, 'fail');

  const all = one(patient, 0, [1, 1, 1]);
  assert.equal(judge(all, question(2000)).kind, 'fail');
  const single = one(patient, 0, [1]);
  assert.equal(judge(single, question(2000)).kind, 'fail');
});

test('the placebo warns where failures of one instance come together, and with windows it does not', () => {
  const burst = [0.9, 0, 0, 0, 0, 0, 0, 0];
  const calm = burst.map(() => 0);
  const run = (incidentMs: number): number => {
    let state = openGate({ ...settings, incidentMs }, [], 0, 600_000);
    state = feed(state, { fromMs: 0, ticks: 50, candidateRatios: [0, 0], stableRatios: calm });
    state = feed(state, { fromMs: 5000, ticks: 10, candidateRatios: [0, 0], stableRatios: burst });
    state = feed(state, { fromMs: 6000, ticks: 90, candidateRatios: [0, 0], stableRatios: calm });
    const { explanation, kind } = judge(state, question(15_000));
    assert.notEqual(kind, 'fail');
    const isWarned = /; warning: stable instance s0 differs .*declare gate.incident$/;
    assert.equal(isWarned.test(explanation.sentence), explanation.placeboAgainst >= 1000);
    return explanation.placeboAgainst;
  };
  assert.ok(run(0) >= 1000, `${run(0)}`);
  assert.ok(run(3000) < 1000, `${run(3000)}`);
});

test('impossible latencies are refused', () => {
  const good: GateObservation = {
    atMs: 100,
    candidate: { requests: 5, failures: 0 },
    stable: { requests: 5, failures: 0 },
  };
  const rows: readonly (readonly [GateObservation['latency'], RegExp | null])[] = [
    [{ candidate: [[3, 5]], stable: [] }, null],
    [{ candidate: [[3, 6]], stable: [] }, /6 latencies of 5 candidate requests/],
    [{ candidate: [[368, 1]], stable: [] }, /bucket 368/],
    [{ candidate: [[-1, 1]], stable: [] }, /bucket -1/],
    [{ candidate: [], stable: [[1, Number.NaN]] }, /NaN latencies of stable/],
  ];
  for (const [latency, message] of rows) {
    const { telemetryFault } = observe(openGate(settings, [], 0, 0), {
      ...good,
      ...(latency === undefined ? {} : { latency }),
    });
    if (message === null) assert.equal(telemetryFault, null);
    else assert.match(telemetryFault?.sentence ?? '', message);
  }
});

function feed(
  state: GateState,
  world: {
    readonly fromMs: number;
    readonly ticks: number;
    /** NaN: the instance has no requests. */
    readonly candidateRatios: readonly number[];
    readonly stableRatios: readonly number[];
  },
): GateState {
  const random = seeded(world.fromMs + 3);
  const arm = (prefix: string, ratios: readonly number[]): readonly InstanceObservation[] =>
    ratios.flatMap((ratio, index) => {
      if (Number.isNaN(ratio)) return [];
      const requests = poisson(random, 10);
      const failures = failuresOf(random, requests, ratio === 0 ? 0.001 : ratio);
      return [{ instanceId: `${prefix}${index}`, requests, failures }];
    });
  let next = state;
  for (let tick = 1; tick <= world.ticks; tick += 1) {
    const instances = {
      candidate: arm('c', world.candidateRatios),
      stable: arm('s', world.stableRatios),
    };
    next = observe(next, {
      atMs: world.fromMs + 100 * tick,
      candidate: total(instances.candidate),
      stable: total(instances.stable),
      instances,
    });
  }
  return next;
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

function question(atMs: number): Parameters<typeof judge>[1] {
  return { atMs, stepSinceMs: 0, weightPercent: 25, isLastGate: false };
}
