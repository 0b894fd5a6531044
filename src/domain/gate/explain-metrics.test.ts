import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { GateSettings } from '../release/revision.ts';
import { latencyBucket } from '../traffic/samples/latency-buckets.ts';
import { explainMetrics, inFull } from './explain-metrics.ts';
import { closeBlock, type GateState, judge, observe, openGate } from './gate.ts';
import { arrivals, failuresOf, seeded } from './simulated-traffic.fixture.ts';

const settings: GateSettings = {
  falseRollbackRatio: 0.001,
  falsePromotionRatio: 0.01,
  worseByRatio: 0.0025,
  soakMs: 0,
  atMostMs: 600_000,
  warmUpMs: 0,
  metrics: [
    { name: 'checkout-errors', kind: 'ratio', weight: 0.5 },
    { name: 'queue-wait', kind: 'histogram', weight: 0.5 },
  ],
};

/** 400 requests/s, half of them the candidate's; of its custom events `customRatio` are bad and `slowRatio` are slow. */
function run(seconds: number, custom: { customRatio: number; slowRatio: number }): GateState {
  const random = seeded(5);
  const rates = { shareRatio: 0.5, candidateRatio: 0.01, stableRatio: 0.01 };
  const waits = (count: number, ratio: number) => {
    const slow = failuresOf(random, count, ratio);
    return [
      [latencyBucket(20_000), count - slow],
      [latencyBucket(300_000), slow],
    ] as const;
  };
  let state = openGate(settings, [], 0, 600_000);
  for (let atMs = 100; atMs <= 1000 * seconds; atMs += 100) {
    const seen = arrivals(random, atMs, 40, rates);
    const events = 30;
    state = observe(state, {
      ...seen,
      latency: {
        candidate: waits(seen.candidate.requests, 0.03),
        stable: waits(seen.stable.requests, 0.03),
      },
      metrics: [
        {
          kind: 'ratio',
          name: 'checkout-errors',
          candidate: { requests: events, failures: failuresOf(random, events, custom.customRatio) },
          stable: { requests: events, failures: failuresOf(random, events, 0.05) },
        },
        {
          kind: 'histogram',
          name: 'queue-wait',
          candidate: waits(events, custom.slowRatio),
          stable: waits(events, 0.03),
        },
      ],
    });
  }
  return state;
}

const question = { atMs: 60_000, stepSinceMs: 0, weightPercent: 50, isLastGate: true };

test('each metric has its counts, interval, evidence, limit and share of the budget', () => {
  const state = run(60, { customRatio: 0.05, slowRatio: 0.03 });
  const { metrics = [], ...explanation } = inFull(judge(state, question), state).explanation;
  assert.deepEqual(
    metrics.map(({ metric, kind }) => [metric, kind]),
    [
      ['errors', 'ratio'],
      ['success', 'objective'],
      ['checkout-errors', 'ratio'],
      ['queue-wait', 'histogram'],
      ['latency', 'histogram'],
    ],
  );
  const shares = metrics.reduce((sum, each) => sum + each.budgetShareRatio, 0);
  assert.ok(Math.abs(shares - 1) < 1e-9);
  const used = metrics.reduce((sum, each) => sum + each.budgetUsedRatio, 0);
  assert.ok(Math.abs(used - explanation.against / explanation.againstLimit) < 1e-9);
  for (const each of metrics) {
    assert.ok(Math.abs(each.limit * each.budgetShareRatio - 1000) < 1e-6, each.metric);
    assert.match(
      each.sentence,
      /evidence \S+ of [\d,]+ by itself \(\d+(\.\d+)? % of the budget\)$/,
    );
    if (each.kind === 'objective') continue;
    assert.ok(each.candidate.requests > 1000 && (each.stable?.requests ?? 0) > 1000, each.metric);
    assert.ok((each.interval?.lowRatio ?? 1) <= 0 && (each.interval?.highRatio ?? -1) >= 0);
    assert.equal(each.slowFromMs !== null, each.kind === 'histogram');
  }
});

test('an interval leaves zero out where the metric is worse', () => {
  const state = run(60, { customRatio: 0.12, slowRatio: 0.3 });
  const metrics = explainMetrics(state);
  for (const name of ['checkout-errors', 'queue-wait']) {
    const found = metrics.find(({ metric }) => metric === name);
    assert.ok((found?.interval?.lowRatio ?? 0) > 0, `${name}: ${found?.sentence}`);
    assert.equal(found?.budgetUsedRatio, 1);
  }
});

test('an objective called latency is not taken for the comparison of latencies', () => {
  const objective = { kind: 'latency', name: 'latency', quantile: 0.95, limitMs: 500 } as const;
  const state = openGate({ ...settings, metrics: [] }, [objective], 0, 600_000);
  const metrics = explainMetrics(state);
  assert.deepEqual(
    metrics.map(({ metric, kind }) => [metric, kind]),
    [
      ['errors', 'ratio'],
      ['success', 'objective'],
      ['latency', 'objective'],
      ['latency', 'histogram'],
    ],
  );
});

test('nothing was seen yet, and a state of an older version, can be explained as well', () => {
  const open = openGate(settings, [], 0, 600_000);
  const { accounts, beforeAfter, ...older } = open;
  assert.ok(accounts !== undefined && beforeAfter !== undefined);
  for (const state of [open, closeBlock(older)]) {
    const { explanation } = judge(state, question);
    assert.equal(explainMetrics(state).length, 5);
    assert.equal(explanation.beforeAfter, null);
  }
});
