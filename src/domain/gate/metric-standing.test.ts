import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GateSettings } from '../release/revision.ts';
import type { MetricSpec } from './custom-metrics.ts';
import { explainMetrics } from './explain-metrics.ts';
import { type GateState, judge, observe, observeMetrics, openGate, setAside } from './gate.ts';
import { arrivals, failuresOf, poisson, seeded } from './simulated-traffic.fixture.ts';
import type { MetricObservation } from './verdict.ts';

const declined: MetricSpec = { name: 'declined', kind: 'ratio', weight: 0.25 };
const settings: GateSettings = {
  falseRollbackRatio: 0.001,
  falsePromotionRatio: 0.01,
  worseByRatio: 0.0025,
  soakMs: 1000,
  atMostMs: 600_000,
  metrics: [declined],
};

type Pair = readonly [bad: number, total: number];

function seen(atMs: number, candidate: Pair, stable: Pair): MetricObservation {
  const arm = ([failures, requests]: Pair) => ({ requests, failures });
  const pair = { candidate: arm(candidate), stable: arm(stable) };
  return { atMs, metrics: [{ kind: 'ratio', name: 'declined', ...pair }], troubles: [] };
}

function blind(atMs: number, isBlind = true): MetricObservation {
  const sentence = 'v2-0: GET /metrics answered 404';
  return { atMs, metrics: [], troubles: [{ metric: 'declined', atMs, sentence, isBlind }] };
}

/** 20 s of healthy requests at 25 %, and of the metric every second. */
function run(
  candidateRatio: number | null,
  change: (state: GateState, atMs: number) => GateState = (state) => state,
): GateState {
  const random = seeded(12);
  const rates = { shareRatio: 0.25, candidateRatio: 0.001, stableRatio: 0.001 };
  const events = (mean: number, ratio: number): Pair => {
    const total = poisson(random, mean);
    return [failuresOf(random, total, ratio), total];
  };
  let state = openGate(settings, [], 0, 600_000);
  for (let atMs = 100; atMs <= 20_000; atMs += 100) {
    state = observe(state, arrivals(random, atMs, 80, rates));
    if (atMs % 1000 !== 0) continue;
    if (candidateRatio !== null) {
      state = observeMetrics(state, seen(atMs, events(30, candidateRatio), events(90, 0.02)));
    }
    state = change(state, atMs);
  }
  return state;
}

const question = { atMs: 20_000, stepSinceMs: 0, weightPercent: 25, isLastGate: false };

test('only the metric gets worse, and the verdict says so with its counts', () => {
  const state = run(0.2);
  const { kind, explanation } = judge(state, question);
  assert.equal(kind, 'fail');
  assert.equal(explanation.metric, 'declined');
  assert.match(
    explanation.sentence,
    /^by metric declined: candidate [\d,]+ of [\d,]+ bad, stable [\d,]+ of [\d,]+; evidence that the candidate is worse/,
  );
  const own = explainMetrics(state).find(({ metric }) => metric === 'declined');
  assert.ok(own !== undefined && own.candidate.failures > 50);
  assert.ok(own.evidence > own.limit);
});

test('a metric that can not be read holds a step while it is so, and says why', () => {
  const state = run(0.02, (each, atMs) =>
    atMs === 20_000 ? observeMetrics(each, blind(atMs)) : each,
  );
  const { kind, explanation } = judge(state, question);
  assert.deepEqual([kind, explanation.heldBy], ['undecided', 'telemetry']);
  assert.match(
    explanation.sentence,
    /; metric declined is not known: v2-0: GET \/metrics answered 404$/,
  );
  const own = explainMetrics(state).find(({ metric }) => metric === 'declined');
  assert.equal(own?.trouble, 'v2-0: GET /metrics answered 404');
  const again = observeMetrics(state, seen(20_000, [0, 9], [0, 30]));
  assert.equal(judge(again, question).kind, 'pass');
});

test('an instance that can not be read is said, and does not hold while others are', () => {
  const state = run(0.02, (each, atMs) => observeMetrics(each, blind(atMs, false)));
  const { kind, explanation } = judge(state, question);
  assert.equal(kind, 'pass');
  assert.match(explanation.sentence, /metric declined is not known of all instances: v2-0/);
});

test('silence and what can not be read are no evidence', () => {
  const silent = run(null);
  assert.equal(judge(silent, question).kind, 'pass');
  const unseen = run(null, (each, atMs) => observeMetrics(each, blind(atMs)));
  assert.equal(
    judge(unseen, question).explanation.against,
    judge(silent, question).explanation.against,
  );
  const empty = run(null, (each, atMs) => observeMetrics(each, seen(atMs, [0, 0], [0, 0])));
  assert.match(judge(empty, question).explanation.sentence, /; metric declined has had no events$/);
});

test('counts that can not be are refused', () => {
  const state = run(0.02);
  const faulty = observeMetrics(state, seen(20_000, [3, 2], [0, 9]));
  assert.match(faulty.telemetryFault?.sentence ?? '', /3 failures of 2 declined/);
  assert.deepEqual(faulty.custom, state.custom);
});

test('requests set aside are counted by reason and said, and change no evidence', () => {
  const state = run(0.02);
  const told = setAside(setAside(state, { retry: 1200, 'same-client': 0, 'too-many-clients': 0 }), {
    retry: 40,
    'same-client': 7,
    'too-many-clients': 0,
  });
  const { kind, explanation } = judge(told, question);
  assert.equal(kind, judge(state, question).kind);
  assert.deepEqual(explanation.setAside, { retry: 1240, 'same-client': 7, 'too-many-clients': 0 });
  assert.match(
    explanation.sentence,
    /; no evidence are 1,240 retries, 7 requests of clients that had their vote$/,
  );
  assert.deepEqual({ ...told, setAside: undefined }, { ...state, setAside: undefined });
});
