import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixedThresholdCost, publishedRules } from './fixed-threshold-rules.ts';

test('published rules cost what simulating them gave, at 40 candidate requests/s', () => {
  const rows: readonly (readonly [string, number, number | null, number | null])[] = [
    ['Flagger, 10 s x 1 (quickest)', 1, 10_000, 400],
    ['Flagger, 10 s x 1 (quickest)', 0.5, 10_000, 200],
    ['Flagger, 10 s x 1 (quickest)', 0.051, 10_000, 20],
    ['Flagger, 10 s x 1 (quickest)', 0.005, null, null],
    ['Flagger, 10 s x 5', 1, 50_000, 2000],
    ['Flagger, 10 s x 5', 0.051, 50_000, 102],
    ['Flagger, 1 min x 1 (default)', 1, 60_000, 2400],
    ['Flagger, 1 min x 5', 1, 300_000, 12_000],
    ['Flagger, 1 min x 5', 0.051, 300_000, 612],
    ['Argo Rollouts, 95 %, 10 s, failureLimit 3', 1, 40_000, 1600],
    ['Argo Rollouts, 95 %, 10 s, failureLimit 3', 0.04, null, null],
    ['Argo Rollouts, 99 %, 10 s, failureLimit 3', 0.051, 40_000, 82],
  ];
  for (const [name, failureRatio, decidedMs, failedRequests] of rows) {
    const cost = fixedThresholdCost(ruleNamed(name), {
      failureRatio,
      requestsPerSecond: 40,
      failingSinceMs: 0,
    });
    const want = decidedMs === null ? null : { decidedMs, failedRequests };
    assert.deepEqual(cost, want, `${name} at ${failureRatio}`);
  }
});

test('a failure that begins between two checks waits for the next check that sees enough of it', () => {
  const dead = { failureRatio: 1, requestsPerSecond: 40, failingSinceMs: 4000 };
  assert.deepEqual(fixedThresholdCost(ruleNamed('Flagger, 10 s x 1 (quickest)'), dead), {
    decidedMs: 6000,
    failedRequests: 240,
  });
  // 2 % from 30 s on: the window of a minute is over 1 % bad only from the check at 70 s, and the fifth is at 110 s.
  const slight = { failureRatio: 0.02, requestsPerSecond: 40, failingSinceMs: 30_000 };
  assert.equal(fixedThresholdCost(ruleNamed('Flagger, 10 s x 5'), slight)?.decidedMs, 80_000);
});

test('no traffic fails a check of Flagger and none of Argo Rollouts', () => {
  const silent = { failureRatio: 0, requestsPerSecond: 0, failingSinceMs: 0 };
  for (const rule of publishedRules) {
    const cost = fixedThresholdCost(rule, silent);
    if (rule.tool === 'flagger') {
      const decidedMs = rule.intervalMs * rule.failedChecksMax;
      assert.deepEqual(cost, { decidedMs, failedRequests: 0 });
    } else assert.equal(cost, null);
  }
});

function ruleNamed(name: string): (typeof publishedRules)[number] {
  const rule = publishedRules.find((each) => each.name === name);
  assert.ok(rule, name);
  return rule;
}
