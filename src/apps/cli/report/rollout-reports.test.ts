import assert from 'node:assert/strict';
import { test } from 'node:test';

import { records, versions } from './report.fixture.ts';
import { rolloutReports } from './rollout-reports.ts';

test('a promoted rollout is told from its entries', () => {
  const [promoted] = rolloutReports(records, versions);
  assert.ok(promoted);
  const { id, from, to, outcome, decidedInMs, wantedSharePercent, measuredSharePercent } = promoted;
  assert.deepEqual([id, from, to, outcome], ['checkout-2', 'v1', 'v2', 'promoted']);
  // From "10 % in force" (410 ms) to "promoted" (11,420 ms).
  assert.equal(decidedInMs, 11_010);
  assert.deepEqual([wantedSharePercent, measuredSharePercent], [100, 100]);
  assert.equal(promoted.startedBy, 'ada');
  assert.equal(promoted.requests, 8800);
  assert.deepEqual(promoted.ruleCosts, []);
});

test('each step has the requests that came during it', () => {
  const [promoted] = rolloutReports(records, versions);
  const rows = promoted?.steps.map((step) => [
    step.wantedSharePercent,
    step.measuredSharePercent,
    step.requests,
    step.durationMs,
  ]);
  assert.deepEqual(rows, [
    [10, 10, 2400, 3000],
    [50, 50, 2400, 3000],
    [100, 100, 4000, 5020],
  ]);
});

test('a rollout that went back is decided when it was, not when it was done', () => {
  const back = rolloutReports(records, versions)[1];
  assert.ok(back);
  assert.deepEqual([back.outcome, back.decidedInMs], ['rolled-back', 1500]);
  assert.equal(back.reason, 'roll-back at 0 %');
  assert.deepEqual([back.wantedSharePercent, back.measuredSharePercent], [10, 10]);
  assert.deepEqual(back.candidate, { requests: 120, failures: 6 });
  // Over all steps of the service about 800 a second, of which a tenth, failing 5 %: 40 in ten seconds.
  const quickest = back.ruleCosts.find(({ rule }) => rule.includes('quickest'));
  assert.equal(quickest?.decidedInMs, 10_000);
  assert.ok(Math.abs((quickest?.failedRequests ?? 0) - 40) <= 1, String(quickest?.failedRequests));
});

test('weights that are confirmed once more after the decision do not count', () => {
  const own = records.slice(0, 8);
  const again = own.find(({ type }) => type === 'deploy-outcome');
  assert.ok(again);
  const late = { ...again, atMs: again.atMs + 60_000 };
  const withoutFirst = own.filter(({ type }) => type !== 'deploy-outcome');
  const [only] = rolloutReports([...withoutFirst, late], versions);
  // From the order at 400 ms, since no confirmation stands before the decision at 11,420 ms.
  assert.equal(only?.decidedInMs, 11_020);
});

test('an unfinished rollout and an unknown version are told as far as they go', () => {
  const [only] = rolloutReports(records.slice(0, 4), new Map());
  assert.ok(only);
  assert.equal(only.outcome, 'under-way');
  assert.equal(only.to, 'checkout-bbbbbbbbbb');
  assert.equal(only.decidedInMs, null);
  assert.equal(only.endedAtMs, null);
  assert.deepEqual(
    only.steps.map((step) => step.wantedSharePercent),
    [10],
  );
});

test('entries of no rollout, and a rollout whose start is missing, tell nothing', () => {
  assert.deepEqual(rolloutReports([], versions), []);
  assert.deepEqual(rolloutReports(records.slice(1, 4), versions), []);
});
