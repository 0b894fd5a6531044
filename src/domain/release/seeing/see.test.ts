import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MetricCount, MetricFault } from '../../traffic/samples/metric-interval.ts';
import type { InstanceCount, TrafficSample } from '../../traffic/samples/traffic-sample.ts';
import type { GateSettings } from '../revision.ts';
import {
  ana,
  awaitedKey,
  firstRollout,
  gate,
  instancesOf,
  plan,
  play,
  revisionOf,
  specOf,
} from '../release.fixture.ts';
import { seeSample } from './see.ts';
import type { Rollout, ServiceState } from '../service-state.ts';

const declined = {
  name: 'declined',
  kind: 'ratio',
  weight: 1,
  source: {
    kind: 'counter',
    bad: { name: 'declined_total', labels: {} },
    total: { name: 'orders_total', labels: {} },
  },
} as const;
const settings: GateSettings = {
  ...gate,
  strata: [{ name: 'orders', path: '/orders', method: null, header: null }],
  oneVotePer: { client: { kind: 'address' }, windowMs: 10_000 },
  metrics: [declined],
  scrape: { path: '/metrics', intervalMs: 1000 },
};

/** v2 at 10 % beside v1 since `judgingAtMs`. */
const judgingAtMs = 63_000;
function judging(): ServiceState {
  const spec = specOf(2, { plan: { ...plan, gate: settings } });
  const ready = [instancesOf(1), instancesOf(2)];
  const { state } = play([
    ...firstRollout(),
    { kind: 'tick', atMs: 60_000 },
    { kind: 'apply', atMs: 61_000, spec, by: ana },
    { kind: 'instances', atMs: 62_000, revisions: ready },
  ]);
  assert.deepEqual(state.traffic?.strata, settings.strata);
  assert.deepEqual(state.traffic?.oneVotePer, settings.oneVotePer);
  const key = awaitedKey(state);
  assert.ok(key !== null);
  const shifted = play([{ kind: 'effect-done', atMs: judgingAtMs, key }], state).state;
  assert.equal(shifted.rollout?.phase.kind, 'judging');
  return shifted;
}

function rolloutAfter(sample: Partial<TrafficSample>, from = judging()): Rollout {
  const whole = { atMs: 64_000, service: 'web', counts: [], isCatchUp: false, ...sample };
  const { rollout } = seeSample(from, whole, whole.atMs);
  assert.ok(rollout !== null);
  return rollout;
}

function count(
  number: number,
  change: Partial<InstanceCount> & { readonly ok: number; readonly failed: number },
): InstanceCount {
  const { ok, failed, ...rest } = change;
  const { id } = revisionOf(number);
  return {
    revisionId: id,
    isMatched: false,
    instanceId: `${id}-1`,
    byStatusClass: [0, ok, 0, 0, failed, 0],
    latency: [],
    ...rest,
  };
}

test('strata reach the gate each by itself, and sum to the whole', () => {
  const { gate: seen } = rolloutAfter({
    counts: [
      count(1, { ok: 9, failed: 1, stratum: 'orders' }),
      count(1, { ok: 90, failed: 0, stratum: 'other' }),
      count(2, { ok: 1, failed: 1, stratum: 'orders' }),
      count(2, { ok: 2, failed: 0, stratum: 'other' }),
      count(2, { ok: 0, failed: 7, setAside: 'retry' }),
    ],
  });
  const blocks = seen.errors.strata.map(({ key, block }) => [key, block.candidate, block.stable]);
  const orders = [
    { requests: 2, failures: 1 },
    { requests: 10, failures: 1 },
  ];
  const other = [
    { requests: 2, failures: 0 },
    { requests: 90, failures: 0 },
  ];
  assert.deepEqual(blocks, [
    ['orders', ...orders],
    ['other', ...other],
  ]);
  assert.deepEqual(seen.totals.candidate, { requests: 4, failures: 1 });
  assert.deepEqual(
    seen.instances.map(({ requests }) => requests),
    [4],
  );
});

test('what is set aside counts in the totals, is no evidence, and is told by its reason', () => {
  const state = judging();
  const counts = [
    count(1, { ok: 5, failed: 0, setAside: 'same-client' }),
    count(2, { ok: 0, failed: 4, setAside: 'retry' }),
    count(2, { ok: 0, failed: 2, setAside: 'too-many-clients' }),
    count(2, { ok: 0, failed: 1, isMatched: true }),
    count(3, { ok: 0, failed: 9, setAside: 'retry' }),
  ];
  const { totals, stepTotals, gate: seen } = rolloutAfter({ counts }, state);
  assert.deepEqual(totals.candidate.failures - (state.rollout?.totals.candidate.failures ?? 0), 7);
  assert.deepEqual(stepTotals, state.rollout?.stepTotals);
  assert.deepEqual(seen.setAside, { retry: 4, 'same-client': 5, 'too-many-clients': 2 });
  assert.deepEqual(seen.totals, state.rollout?.gate.totals);
});

function interval(
  counts: readonly MetricCount[],
  faults: readonly MetricFault[] = [],
  sinceMs = judgingAtMs,
): Partial<TrafficSample> {
  return { metrics: { sinceMs, counts, faults } };
}

const ratio = (number: number, bad: number, total: number): MetricCount => {
  return { metric: 'declined', revisionId: revisionOf(number).id, kind: 'ratio', bad, total };
};

test('metrics of both arms reach the gate', () => {
  const { gate: seen, totals } = rolloutAfter(interval([ratio(1, 1, 50), ratio(2, 2, 3)]));
  assert.deepEqual(seen.custom[0]?.seen, {
    candidate: { requests: 3, failures: 2 },
    stable: { requests: 50, failures: 1 },
  });
  assert.equal(seen.custom[0]?.trouble, null);
  assert.deepEqual(totals, judging().rollout?.totals);
});

test('an interval that began before the weight came into force is nothing', () => {
  const state = judging();
  const whole = { atMs: 64_000, service: 'web', counts: [], isCatchUp: false };
  const early = interval([ratio(1, 1, 50)], [], judgingAtMs - 1);
  assert.equal(seeSample(state, { ...whole, ...early }, whole.atMs), state);
});

test('a metric of which one arm is not known is no evidence, and says why', () => {
  const faultOf = (isBlind: boolean): MetricFault => ({
    metric: 'declined',
    revisionId: revisionOf(2).id,
    sentence: 'web-1: GET /metrics answered 404',
    isBlind,
  });
  const counts = [ratio(1, 1, 50), ratio(2, 2, 3)];
  const blind = rolloutAfter(interval(counts, [faultOf(true)])).gate.custom[0];
  assert.equal(blind?.seen?.stable.requests, 0);
  assert.deepEqual(blind?.trouble, {
    atMs: 64_000,
    sentence: 'web-1: GET /metrics answered 404',
    isBlind: true,
  });
  const partly = rolloutAfter(interval(counts, [faultOf(false)])).gate.custom[0];
  assert.equal(partly?.seen?.stable.requests, 50);
  assert.equal(partly?.trouble?.isBlind, false);
});
