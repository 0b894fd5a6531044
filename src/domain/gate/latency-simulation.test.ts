import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GateSettings, Objective } from '../release/revision.ts';
import { latencyBucket } from '../traffic/samples/latency-buckets.ts';
import { closeBlock, type GateState, judge, observe, openGate } from './gate.ts';
import { normal, poisson, seeded } from './simulated-traffic.fixture.ts';

/** Lognormal latencies, stable's p50 80 ms, p95 215 ms, as in the study; 800 requests/s. */
const settings: GateSettings = {
  falseRollbackRatio: 0.001,
  falsePromotionRatio: 0.01,
  worseByRatio: 0.0025,
  soakMs: 10_000,
  atMostMs: 600_000,
  warmUpMs: 0,
};
const tickMs = 100;

test('slower candidates are found within the requests that the study says', () => {
  const rows = [
    { name: '+20 %', slower: { factor: 1.2 }, medianMax: 420 },
    { name: '+50 %', slower: { factor: 1.5 }, medianMax: 90 },
    { name: 'twice', slower: { factor: 2 }, medianMax: 45 },
    { name: 'tail twice', slower: { factor: 2, aboveMs: 173 }, medianMax: 180 },
  ];
  for (const { name, slower, medianMax } of rows) {
    const requests = Array.from({ length: 21 }, (_, run) => {
      const random = seeded(300 + run);
      let state = openGate({ ...settings, slowerByRatio: 0 }, [], 0, 600_000);
      for (let atMs = tickMs; atMs < 30_000; atMs += tickMs) {
        state = observe(state, seen(random, atMs, 0.05, slower));
        if (judge(state, question(atMs, 5)).kind === 'fail') break;
      }
      assert.equal(state.peakMetric, 'latency');
      return state.totals.candidate.requests;
    }).toSorted((a, b) => a - b);
    assert.ok((requests[10] ?? Infinity) <= medianMax, `${name}: ${requests[10]} requests`);
  }
});

test('a failure by latency names the metric, both p95 and the share of the budget', () => {
  const random = seeded(8);
  let state = openGate(settings, [], 0, 600_000);
  for (let atMs = tickMs; atMs < 20_000; atMs += tickMs) {
    state = observe(state, seen(random, atMs, 0.1, { factor: 2 }));
  }
  const { kind, explanation } = judge(state, question(20_000, 10));
  assert.equal(kind, 'fail');
  assert.equal(explanation.metric, 'latency');
  const { candidateMs = 0, stableMs = 0 } = explanation.p95 ?? {};
  assert.ok(Math.abs(candidateMs / 430 - 1) < 0.2, `${candidateMs}`);
  assert.ok(Math.abs(stableMs / 215 - 1) < 0.2, `${stableMs}`);
  assert.match(
    explanation.sentence,
    /^p95 of the candidate about \d+ ms, stable \d+ ms; evidence that the candidate is slower: /,
  );
  const shares = explanation.parts.reduce((sum, part) => sum + part.share, 0);
  assert.ok(Math.abs(shares - 1) < 1e-12);
});

test('a candidate slower within the tolerance is rarely rolled back, also when all slows down', () => {
  const runs = 60;
  const alpha = 0.1;
  let rolledBack = 0;
  for (let run = 0; run < runs; run += 1) {
    const random = seeded(600 + run);
    let state = openGate({ ...settings, falseRollbackRatio: alpha }, [], 0, 60_000);
    let hasFailed = false;
    for (let atMs = tickMs; atMs < 15_000 && !hasFailed; atMs += tickMs) {
      const shared = atMs < 6000 || atMs > 9000 ? 1 : 3;
      state = observe(state, seen(random, atMs, 0.25, { factor: 1.1, shared }));
      hasFailed = judge(state, question(atMs, 25)).kind === 'fail';
    }
    if (hasFailed) rolledBack += 1;
  }
  assert.ok(rolledBack <= runs * alpha + 3 * Math.sqrt(runs * alpha), `${rolledBack} of ${runs}`);
});

test('a warm-up counts for errors and not for latency', () => {
  const slowAtFirst = (state: GateState): GateState => {
    const random = seeded(9);
    let next = state;
    for (let atMs = tickMs; atMs < 20_000; atMs += tickMs) {
      next = observe(next, seen(random, atMs, 0.1, { factor: atMs < 8000 ? 3 : 1 }));
    }
    return next;
  };
  const cold = slowAtFirst(openGate(settings, [], 0, 600_000));
  assert.equal(judge(cold, question(20_000, 10)).kind, 'fail');
  const warm = slowAtFirst(openGate({ ...settings, warmUpMs: 10_000 }, [], 0, 600_000));
  assert.notEqual(judge(warm, question(20_000, 10)).kind, 'fail');
  assert.equal(warm.errors.comparedAtMs, 19_900);
  assert.equal(warm.errors.worse.masses.join() === cold.errors.worse.masses.join(), true);
});

test('promotion asks that the candidate is not slower where latency matters', () => {
  const speed: Objective = { kind: 'latency', name: 'speed', quantile: 0.95, limitMs: 800 };
  const kindAt = (objectives: readonly Objective[], wanted: GateSettings, factor: number) => {
    const random = seeded(10);
    let state = openGate(wanted, objectives, 0, 600_000);
    for (let atMs = tickMs; atMs <= 20_000; atMs += tickMs) {
      state = observe(state, seen(random, atMs, 0.5, { factor }));
    }
    return judge(state, { ...question(20_000, 50), isLastGate: true });
  };
  assert.equal(kindAt([speed], settings, 1).kind, 'pass');
  assert.equal(kindAt([], { ...settings, latency: 'on' }, 1).kind, 'pass');
  const slower = kindAt([speed], { ...settings, falseRollbackRatio: 1e-200 }, 1.4);
  assert.equal(slower.kind, 'undecided');
  assert.equal(kindAt([], { ...settings, latency: 'off' }, 1.4).kind, 'pass');
});

test('a latency objective holds while stable is there and rolls back in the bake', () => {
  const speed: Objective = { kind: 'latency', name: 'speed', quantile: 0.95, limitMs: 100 };
  const random = seeded(11);
  let state = openGate(settings, [speed], 0, 600_000);
  for (let atMs = tickMs; atMs <= 15_000; atMs += tickMs) {
    state = observe(state, seen(random, atMs, 0.5, { factor: 1 }));
  }
  const held = judge(state, question(15_000, 50));
  assert.equal(held.kind, 'undecided');
  assert.equal(held.explanation.heldBy, 'speed');
  assert.match(held.explanation.sentence, /more than 5\.00 % .* take longer than 100 ms$/);

  const broad: Objective = { ...speed, limitMs: 300 };
  let alone = openGate(settings, [broad], 0, 600_000);
  for (let atMs = tickMs; atMs <= 15_000; atMs += tickMs) {
    alone = observe(alone, seen(random, atMs, 0.5, { factor: 1 }));
  }
  alone = closeBlock(alone);
  for (let atMs = 15_100; atMs <= 19_000; atMs += tickMs) {
    alone = observe(alone, seen(random, atMs, 1, { factor: 1 }));
  }
  assert.notEqual(judge(alone, question(19_000, 100)).kind, 'fail');
  for (let atMs = 19_100; atMs <= 23_000; atMs += tickMs) {
    alone = observe(alone, seen(random, atMs, 1, { factor: 2.5 }));
  }
  const broken = judge(alone, question(23_000, 100));
  assert.equal(broken.kind, 'fail');
  assert.equal(broken.explanation.metric, 'speed');
  assert.match(broken.explanation.sentence, /requests took longer than 300 ms at 100 %/);
});

test('the state with latencies survives JSON and stays small', () => {
  const random = seeded(12);
  let direct = openGate(settings, [], 0, 600_000);
  let stored = direct;
  for (let atMs = tickMs; atMs <= 20_000; atMs += tickMs) {
    const interval = seen(random, atMs, 0.2, { factor: 1.3 });
    direct = observe(direct, interval);
    stored = observe(JSON.parse(JSON.stringify(stored)) as GateState, interval);
  }
  assert.deepEqual(stored, direct);
  assert.ok(JSON.stringify(direct).length < 7500, `${JSON.stringify(direct).length}`);
});

function question(atMs: number, weightPercent: number): Parameters<typeof judge>[1] {
  return { atMs, stepSinceMs: 0, weightPercent, isLastGate: false };
}

/** One interval without failures. `factor` is for the candidate, `shared` for both arms. */
function seen(
  random: () => number,
  atMs: number,
  shareRatio: number,
  slower: { readonly factor: number; readonly aboveMs?: number; readonly shared?: number },
): Parameters<typeof observe>[1] {
  const { factor, aboveMs = 0, shared = 1 } = slower;
  const arm = (requests: number, times: number): (readonly [number, number])[] =>
    Array.from({ length: requests }, () => {
      const ms = 80 * shared * Math.exp(0.6 * normal(random));
      return [latencyBucket(1000 * (ms > aboveMs ? times * ms : ms)), 1];
    });
  const candidate = arm(poisson(random, 80 * shareRatio), factor);
  const stable = arm(shareRatio === 1 ? 0 : poisson(random, 80 * (1 - shareRatio)), 1);
  return {
    atMs,
    candidate: { requests: candidate.length, failures: 0 },
    stable: { requests: stable.length, failures: 0 },
    latency: { candidate, stable },
  };
}
