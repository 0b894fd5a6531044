import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { GateSettings, Objective } from '../release/revision.ts';
import { latencyBucket } from '../traffic/samples/latency-buckets.ts';
import { upperRatio } from './before-after.ts';
import { closeBlock, type GateState, judge, noteStable, observe, openGate } from './gate.ts';
import { arrivals, seeded } from './simulated-traffic.fixture.ts';
import type { Verdict } from './verdict.ts';

const settings: GateSettings = {
  falseRollbackRatio: 0.001,
  falsePromotionRatio: 0.01,
  worseByRatio: 0.0025,
  soakMs: 0,
  atMostMs: 600_000,
};
const success: Objective = { kind: 'success', name: 'availability', ratioMin: 0.9 };

interface World {
  readonly beforeRatio: number;
  readonly afterRatio: number;
  readonly beforeSeconds?: number;
  readonly afterSeconds?: number;
  readonly slowAfter?: boolean;
}

/** Stable alone for a time, then the candidate alone: 100 requests/s. */
function run(world: World, mode: GateSettings['beforeAfter'] | null, seed = 1): GateState {
  const { beforeSeconds = 300, afterSeconds = 60 } = world;
  const own = mode === null || mode === undefined ? settings : { ...settings, beforeAfter: mode };
  const random = seeded(seed);
  let state = openGate(own, [success], 0, 600_000);
  for (let second = 1; second <= beforeSeconds + afterSeconds; second += 1) {
    const isAfter = second > beforeSeconds;
    const ratio = isAfter ? world.afterRatio : world.beforeRatio;
    const rates = { shareRatio: isAfter ? 1 : 0, candidateRatio: ratio, stableRatio: ratio };
    const seen = arrivals(random, second * 1000, 100, rates);
    const count = isAfter ? seen.candidate : seen.stable;
    const latency = [
      [latencyBucket(world.slowAfter === true && isAfter ? 400_000 : 40_000), count.requests],
    ] as const;
    if (!isAfter) state = noteStable(state, { count, latency }, second * 1000);
    else state = observe(state, { ...seen, latency: { candidate: latency, stable: [] } });
    if (second === beforeSeconds) state = closeBlock(state);
  }
  return state;
}

function verdictOf(state: GateState): Verdict {
  const atMs = state.lastAtMs;
  return judge(state, { atMs, stepSinceMs: 300_000, weightPercent: 100, isLastGate: false });
}

test('the bound of stable is what Chernoff says, and wide where little was seen', () => {
  const logMiss = Math.log(10_000);
  const rows: readonly [number, number, number][] = [
    [30_000, 30, 0.002],
    [1000, 1, 0.0127],
    [100, 0, 0.088],
  ];
  for (const [requests, failures, want] of rows) {
    const bound = upperRatio({ requests, failures }, logMiss);
    assert.ok(Math.abs(bound - want) < 0.04 * want, `${failures} of ${requests}: ${bound}`);
  }
});

test('worse than stable before the switch warns, holds or rolls back, as the file says', () => {
  const world: World = { beforeRatio: 0.001, afterRatio: 0.03 };
  const rows: readonly [GateSettings['beforeAfter'] | null, Verdict['kind'], string | null][] = [
    [null, 'pass', null],
    ['warn', 'pass', null],
    ['off', 'pass', null],
    ['hold', 'undecided', 'before-after'],
    ['roll-back', 'fail', null],
  ];
  for (const [mode, kind, heldBy] of rows) {
    const { kind: given, explanation } = verdictOf(run(world, mode));
    assert.deepEqual([given, explanation.heldBy], [kind, heldBy], String(mode));
    const isSaid = /a change of the world in between looks like the version/;
    assert.equal(isSaid.test(explanation.sentence), mode !== 'off', explanation.sentence);
    if (mode === 'off') assert.equal(explanation.beforeAfter, null);
    else assert.equal(explanation.beforeAfter?.strength, 'weaker');
  }
});

test('slower than stable before the switch is told, too', () => {
  const world: World = { beforeRatio: 0.001, afterRatio: 0.001, slowAfter: true };
  const { beforeAfter } = verdictOf(run(world, 'warn')).explanation;
  assert.deepEqual([beforeAfter?.metric, beforeAfter?.isWarning], ['latency', true]);
  assert.match(beforeAfter?.sentence ?? '', /^100\.00 % of \d,\d+ were slower than \d+ ms after/);
});

test('the same as before does not warn, even when little was seen before', () => {
  let warned = 0;
  for (let seed = 1; seed <= 100; seed += 1) {
    const beforeSeconds = seed % 2 === 0 ? 3 : 60;
    const world: World = { beforeRatio: 0.01, afterRatio: 0.01, beforeSeconds };
    if (verdictOf(run(world, 'warn', seed)).explanation.beforeAfter?.isWarning === true)
      warned += 1;
  }
  // At 1/20 and the bound, 5 are allowed; the margin and the bound leave hardly any.
  assert.ok(warned <= 1, `${warned} of 100 warned`);
});

test('without a past of stable there is nothing to compare with', () => {
  const world: World = { beforeRatio: 0, afterRatio: 0.03, beforeSeconds: 0 };
  assert.equal(verdictOf(run(world, 'roll-back')).explanation.beforeAfter, null);
});

test('a bake without objectives and without another arm says what to add', () => {
  let state = openGate(settings, [], 0, 60_000);
  for (let second = 1; second <= 20; second += 1) {
    const count = { requests: 100, failures: 0 };
    state = observe(state, { atMs: second * 1000, candidate: count, stable: none });
  }
  const { sentence } = verdictOf(state).explanation;
  assert.match(sentence, /nothing else can be judged.*add objectives, or a step below 100 %;/);
});

const none = { requests: 0, failures: 0 };

test('that an objective is kept is shown by its own evidence, with a chance of beta to be wrong', () => {
  const keptLog = (ratio: number, seed: number): number => {
    const promise = run({ beforeRatio: 0, afterRatio: ratio, beforeSeconds: 0 }, 'off', seed)
      .promises[0];
    return Math.log(promise?.bake?.kept?.masses.reduce((sum, mass) => sum + mass, 0) ?? 0);
  };
  assert.ok(keptLog(0.02, 1) > Math.log(100));
  let wrong = 0;
  for (let seed = 1; seed <= 200; seed += 1) if (keptLog(0.1, seed) >= Math.log(100)) wrong += 1;
  assert.ok(wrong <= 4, `${wrong} of 200`);
});
