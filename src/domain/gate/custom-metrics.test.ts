import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GateSettings } from '../release/revision.ts';
import { latencyBucket } from '../traffic/samples/latency-buckets.ts';
import type { CustomObservation, MetricSpec } from './custom-metrics.ts';
import { sharesOf } from './gate-state.ts';
import { type GateState, judge, observe, openGate } from './gate.ts';
import { failuresOf, normal, poisson, seeded } from './simulated-traffic.fixture.ts';

const settings: GateSettings = {
  falseRollbackRatio: 0.001,
  falsePromotionRatio: 0.01,
  worseByRatio: 0.0025,
  soakMs: 1000,
  atMostMs: 600_000,
};
const declined: MetricSpec = { name: 'declined', kind: 'ratio', weight: 0.25 };
const rows: MetricSpec = { name: 'rows', kind: 'histogram', weight: 0.5 };

test('a custom metric rolls back, is named, and shares the budget by weight', () => {
  const wanted = { ...settings, metrics: [declined, rows] };
  const healthy = run(wanted, { declined: 0.02, rowsFactor: 1 });
  assert.equal(judge(healthy, question).kind, 'pass');
  assert.deepEqual(JSON.parse(JSON.stringify(healthy)), healthy);
  for (const [world, name] of [
    [{ declined: 0.2, rowsFactor: 1 }, 'declined'],
    [{ declined: 0.02, rowsFactor: 2 }, 'rows'],
  ] as const) {
    const { kind, explanation } = judge(run(wanted, world), question);
    assert.equal(kind, 'fail');
    assert.equal(explanation.metric, name);
    assert.match(explanation.sentence, new RegExp(`^by metric ${name}: evidence`));
    const total = explanation.parts.reduce((sum, part) => sum + part.share, 0);
    assert.ok(Math.abs(total - 1) < 1e-12);
  }
  const shares = sharesOf(healthy);
  assert.ok(Math.abs(shares.errors + shares.latency + 0.75 * shares.perWeight - 0.85) < 1e-12);
});

test('what is not observed is no evidence, and impossible counts are refused', () => {
  const state = openGate({ ...settings, metrics: [declined] }, [], 0, 600_000);
  const arm = { requests: 10, failures: 0 };
  const silent = observe(state, { atMs: 100, candidate: arm, stable: arm });
  assert.deepEqual(silent.custom, state.custom);
  const wrong = { requests: 1, failures: 2 };
  const metrics: readonly CustomObservation[] = [
    { kind: 'ratio', name: 'declined', candidate: wrong, stable: arm },
  ];
  const refused = observe(state, { atMs: 100, candidate: arm, stable: arm, metrics });
  assert.match(refused.telemetryFault?.sentence ?? '', /2 failures of 1 declined/);
});

test('a list of metrics that can not be judged is refused', () => {
  const lists: readonly (readonly MetricSpec[])[] = [
    [declined, declined],
    [{ ...declined, name: 'errors' }],
    [{ ...declined, weight: 0 }],
    [{ ...declined, weight: Number.NaN }],
    Array.from({ length: 17 }, (_, index) => ({ ...declined, name: `m${index}` })),
  ];
  for (const metrics of lists) {
    assert.throws(() => openGate({ ...settings, metrics }, [], 0, 0), RangeError);
  }
});

test('strata: a candidate with more of the bad routes is not blamed for them', () => {
  const feed = (isStratified: boolean): GateState => {
    const random = seeded(77);
    let state = openGate({ ...settings, latency: 'off' }, [], 0, 600_000);
    for (let atMs = 100; atMs <= 60_000; atMs += 100) {
      const part = (key: string, candidate: number, stable: number, ratio: number) => {
        const arm = (mean: number): { requests: number; failures: number } => {
          const requests = poisson(random, mean);
          return { requests, failures: failuresOf(random, requests, ratio) };
        };
        return { key, candidate: arm(candidate), stable: arm(stable) };
      };
      // 5 % of the requests fail on one route, and the candidate has three times as much of it.
      const strata = [part('good', 14, 38, 0.001), part('bad', 6, 2, 0.05)];
      const [good, bad] = strata;
      if (good === undefined || bad === undefined) continue;
      const both = (arm: 'candidate' | 'stable'): { requests: number; failures: number } => ({
        requests: good[arm].requests + bad[arm].requests,
        failures: good[arm].failures + bad[arm].failures,
      });
      const totals = { atMs, candidate: both('candidate'), stable: both('stable') };
      state = observe(state, isStratified ? { ...totals, strata } : totals);
    }
    return state;
  };
  assert.equal(judge(feed(false), question).kind, 'fail');
  assert.notEqual(judge(feed(true), question).kind, 'fail');
});

test('strata beyond the bound are compared together', () => {
  let state = openGate(settings, [], 0, 600_000);
  for (let route = 0; route < 40; route += 1) {
    const arm = { requests: 5, failures: 0 };
    const strata = [{ key: `route-${route}`, candidate: arm, stable: arm }];
    state = observe(state, { atMs: 100 + route, candidate: arm, stable: arm, strata });
  }
  assert.equal(state.errors.strata.length, 17);
  assert.equal(state.errors.strata.at(-1)?.key, 'other');
});

const question = { atMs: 20_000, stepSinceMs: 0, weightPercent: 25, isLastGate: false };

function run(
  wanted: GateSettings,
  world: { readonly declined: number; readonly rowsFactor: number },
): GateState {
  const random = seeded(31);
  let state = openGate(wanted, [], 0, 600_000);
  const events = (mean: number, ratio: number): { requests: number; failures: number } => {
    const requests = poisson(random, mean);
    return { requests, failures: failuresOf(random, requests, ratio) };
  };
  const histogram = (count: number, factor: number): (readonly [number, number])[] =>
    Array.from({ length: count }, () => [
      latencyBucket(factor * 50_000 * Math.exp(0.5 * normal(random))),
      1,
    ]);
  for (let atMs = 100; atMs <= 20_000; atMs += 100) {
    state = observe(state, {
      atMs,
      candidate: events(20, 0.001),
      stable: events(60, 0.001),
      metrics: [
        {
          kind: 'ratio',
          name: 'declined',
          candidate: events(10, world.declined),
          stable: events(30, 0.02),
        },
        {
          kind: 'histogram',
          name: 'rows',
          candidate: histogram(5, world.rowsFactor),
          stable: histogram(15, 1),
        },
      ],
    });
  }
  return state;
}
