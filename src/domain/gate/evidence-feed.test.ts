import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GateSettings } from '../release/revision.ts';
import { ClientVotes } from '../traffic/samples/client-votes.ts';
import { nextIndex, splitOf } from '../traffic/routing/split.ts';
import type { ArmCount } from '../traffic/samples/traffic-sample.ts';
import { type GateState, judge, observe, openGate } from './gate.ts';
import { failuresOf, poisson, seeded } from './simulated-traffic.fixture.ts';

const settings: GateSettings = {
  falseRollbackRatio: 0.001,
  falsePromotionRatio: 0.01,
  worseByRatio: 0.0025,
  soakMs: 1000,
  atMostMs: 600_000,
  latency: 'off',
};
const minuteMs = 60_000;
const tickMs = 100;

function rollsBack(state: GateState, atMs: number): boolean {
  const question = { atMs, stepSinceMs: 0, weightPercent: 50, isLastGate: false };
  return judge(state, question).kind === 'fail';
}

/** 800 requests/s at 50 %, ten minutes: 5 % of the orders fail and 0.1 % of the rest, on both versions. */
function withOtherMix(seed: number, isStratified: boolean): boolean {
  const random = seeded(seed);
  let state = openGate(settings, [], 0, 10 * minuteMs);
  const arm = (mean: number, ratio: number): ArmCount => {
    const requests = poisson(random, mean);
    return { requests, failures: failuresOf(random, requests, ratio) };
  };
  const plus = (a: ArmCount, b: ArmCount): ArmCount => ({
    requests: a.requests + b.requests,
    failures: a.failures + b.failures,
  });
  for (let atMs = 1000; atMs <= 10 * minuteMs; atMs += 1000) {
    // 13 % of the candidate's requests are orders, 10 % of stable's.
    const orders = { key: 'orders', candidate: arm(52, 0.05), stable: arm(40, 0.05) };
    const rest = { key: 'other', candidate: arm(348, 0.001), stable: arm(360, 0.001) };
    state = observe(state, {
      atMs,
      candidate: plus(orders.candidate, rest.candidate),
      stable: plus(orders.stable, rest.stable),
      ...(isStratified ? { strata: [orders, rest] } : {}),
    });
  }
  return rollsBack(state, 10 * minuteMs);
}

test('a mix of routes that differs by 3 points looks worse as a whole, and not by strata', () => {
  const seeds = Array.from({ length: 10 }, (_, index) => 400 + index);
  const fooled = seeds.filter((seed) => withOtherMix(seed, false)).length;
  assert.ok(fooled > 7, `${fooled} of 10 are fooled without strata`);
  assert.deepEqual(
    seeds.filter((seed) => withOtherMix(seed, true)),
    [],
  );
});

type VoteRule = 'each request' | 'one per client' | 'one per client and arm';

interface World {
  readonly seed: number;
  readonly rule: VoteRule;
  readonly weightPercent: number;
  /** Of the quiet clients' requests. */
  readonly candidateRatio: number;
  readonly durationMs: number;
  /** Requests of the noisy client at a time, every other one bad. */
  readonly burst: number;
  readonly noisyClients: number;
}

/**
 * 400 quiet clients with 80 requests/s together, 0.4 % of which fail, and noisy ones: each about once in 10 s sends a burst in
 * which every other request fails, whoever answers. When the candidate went back, or null, with its failed requests by then.
 */
function simulate(world: World): { readonly atMs: number | null; readonly failed: number } {
  const random = seeded(world.seed);
  const votes = new ClientVotes([world.seed, 1], 4096);
  const { weightPercent } = world;
  const split = splitOf(
    [
      { key: 'stable', weightPercent: 100 - weightPercent },
      { key: 'candidate', weightPercent },
    ],
    null,
  );
  let state = openGate(settings, [], 0, 10 * minuteMs);
  let failed = 0;
  for (let atMs = tickMs; atMs <= world.durationMs; atMs += tickMs) {
    const arms = [newCount(), newCount()] as const;
    const send = (client: string, ratios: readonly [number, number]): void => {
      const isVote =
        world.rule !== 'one per client' || votes.cast(client, 0, atMs, 10_000) === null;
      const arm = isVote ? nextIndex(split) : Number(random() < weightPercent / 100);
      const fails = random() < (ratios[arm] ?? 0);
      if (arm === 1 && fails) failed += 1;
      const isFirst =
        world.rule !== 'one per client and arm' || votes.cast(client, arm, atMs, 10_000) === null;
      const count = arms[arm];
      if (!isVote || !isFirst || count === undefined) return;
      count.requests += 1;
      if (fails) count.failures += 1;
    };
    for (let left = poisson(random, 8); left > 0; left -= 1) {
      send(`quiet-${Math.floor(400 * random())}`, [0.004, world.candidateRatio]);
    }
    for (let client = 0; client < world.noisyClients; client += 1) {
      if (random() >= 0.01) continue;
      const first = random() < 0.5 ? 0 : 1;
      for (let index = first; index < first + world.burst; index += 1) {
        send(`noisy-${client}`, index % 2 === 0 ? [0, 0] : [1, 1]);
      }
    }
    const [stable, candidate] = arms;
    state = observe(state, { atMs, candidate, stable });
    if (rollsBack(state, atMs)) return { atMs, failed };
  }
  return { atMs: null, failed };
}

function newCount(): { requests: number; failures: number } {
  return { requests: 0, failures: 0 };
}

const healthy = {
  candidateRatio: 0.004,
  weightPercent: 50,
  durationMs: 5 * minuteMs,
  burst: 12,
  noisyClients: 1,
};
const seeds = Array.from({ length: 10 }, (_, index) => 900 + index);

test('a noisy client with 60 % of the errors rolls a healthy candidate back, unless it has one vote', () => {
  // Six failures in 10 s are 65 % of all; with an even burst they all meet the same arm.
  const goneBack = (rule: VoteRule): number =>
    seeds.filter((seed) => simulate({ ...healthy, seed, rule }).atMs !== null).length;
  const count = goneBack('each request');
  assert.ok(count > 2, `${count} of 10 go back`);
  assert.equal(goneBack('one per client'), 0);
});

test('a vote at each arm would judge the candidate by its busiest clients (V1)', () => {
  const world = { ...healthy, weightPercent: 5, burst: 60, noisyClients: 4 };
  const goneBack = (rule: VoteRule): number =>
    seeds.filter((seed) => simulate({ ...world, seed, rule }).atMs !== null).length;
  const count = goneBack('one per client and arm');
  assert.ok(count > 2, `${count} of 10 go back`);
  assert.equal(goneBack('one per client'), 0);
});

test('a dead candidate is found within seconds by votes too', () => {
  const world = { ...healthy, candidateRatio: 1, rule: 'one per client' } as const;
  for (const weightPercent of [5, 50]) {
    for (const seed of seeds) {
      const { atMs, failed } = simulate({ ...world, weightPercent, seed });
      assert.ok(atMs !== null && atMs <= 5000, `seed ${seed}: after ${atMs} ms`);
      assert.ok(failed <= 60, `seed ${seed}: ${failed} failed`);
    }
  }
});
