import assert from 'node:assert/strict';
import { test } from 'node:test';

import { publishedRules } from './fixed-threshold-rules.ts';
import { recordedRuleCost, type RecordedSecond } from './recorded-rule.ts';

/** 40 requests/s of the candidate at 5 %, of which this many fail. */
function seconds(count: number, failures: (second: number) => number): RecordedSecond[] {
  return Array.from({ length: count }, (_, second) => {
    return { second, requests: 40, failures: failures(second) };
  });
}

function costOf(name: string, recorded: Parameters<typeof recordedRuleCost>[1]) {
  const rule = publishedRules.find((each) => each.name.startsWith(name));
  assert.ok(rule, name);
  return recordedRuleCost(rule, recorded);
}

test('rules are checked on the traffic that was recorded', () => {
  const recorded = {
    seconds: seconds(120, (second) => (second >= 35 ? 2 : 0)),
    durationMs: 120_000,
    requestsPerSecond: 40,
    hasGoneOn: true,
  };
  // The check at 40 s sees 10 failures of 400: 2.5 %.
  assert.deepEqual(costOf('Flagger, 10 s x 1', recorded), {
    decidedMs: 40_000,
    failedRequests: 10,
    isExtrapolated: false,
  });
  assert.deepEqual(costOf('Flagger, 10 s x 5', recorded), {
    decidedMs: 90_000,
    failedRequests: 110,
    isExtrapolated: false,
  });
  assert.equal(costOf('Argo Rollouts, 95 %, 10 s', recorded), null);
});

test('a promoted candidate is not made worse than it was, and silence fails where the rule says so', () => {
  const good = { seconds: seconds(60, () => 0), durationMs: 60_000, requestsPerSecond: 40 };
  assert.equal(costOf('Flagger, 10 s x 1', { ...good, hasGoneOn: true }), null);
  const silent = { seconds: [], durationMs: 60_000, requestsPerSecond: 0, hasGoneOn: true };
  assert.deepEqual(costOf('Flagger, 10 s x 1', silent), {
    decidedMs: 10_000,
    failedRequests: 0,
    isExtrapolated: false,
  });
  assert.equal(costOf('Argo Rollouts, 99 %, 10 s', silent), null);
});

test('where the recorded traffic ended early the candidate is taken to have gone on as it was', () => {
  const dead = { seconds: seconds(1, () => 40), durationMs: 1000, requestsPerSecond: 40 };
  assert.deepEqual(costOf('Flagger, 10 s x 1', { ...dead, hasGoneOn: false }), {
    decidedMs: 10_000,
    failedRequests: 400,
    isExtrapolated: true,
  });
  const dark = { ...dead, requestsPerSecond: null, hasGoneOn: false };
  assert.equal(costOf('Flagger, 10 s x 1', dark), 'unknown');
});
