import assert from 'node:assert/strict';
import { test } from 'node:test';

import { exitCriteria, type LostRequests } from './criteria.ts';
import { goodLedger, records, versions } from './report.fixture.ts';
import type { RolloutReport } from './report-model.ts';
import { rolloutReports } from './rollout-reports.ts';

const good = rolloutReports(records, versions);

function met(rollouts: readonly RolloutReport[], lost: LostRequests | null = null): boolean[] {
  return exitCriteria({ rollouts, ledger: goodLedger, lost }).map((each) => each.isMet);
}

test('a run as it should be meets all four', () => {
  assert.deepEqual(met(good), [true, true, true, true]);
});

test('a promoted revision needs 95 % of its share', () => {
  const rows: [measured: number | null, want: boolean][] = [
    [95, true],
    [94.9, false],
    [null, false],
  ];
  for (const [measuredSharePercent, want] of rows) {
    const changed = good.map((each) =>
      each.outcome === 'promoted' ? { ...each, measuredSharePercent } : each,
    );
    assert.equal(met(changed)[0], want, String(measuredSharePercent));
  }
});

test('the first release of a service shares with nobody', () => {
  const first = good.map((each) => ({ ...each, from: null, measuredSharePercent: null }));
  assert.equal(met(first)[0], true);
});

test('only what a bad candidate answered may be lost', () => {
  const rows: [errors: number, byBadCandidates: number, want: boolean][] = [
    [0, 0, true],
    [6, 6, true],
    [6, 7, true],
    [7, 6, false],
  ];
  for (const [errors, byBadCandidates, want] of rows) {
    assert.equal(met(good, { errors, byBadCandidates })[1], want, `${errors} ${byBadCandidates}`);
  }
});

test('at the gateway, failures of stable or of a promoted candidate are lost', () => {
  const stableFails = good.map((each) => ({ ...each, stable: { requests: 10, failures: 1 } }));
  assert.equal(met(stableFails)[1], false);
  const promotedFails = good.map((each) =>
    each.outcome === 'promoted' ? { ...each, candidate: { requests: 10, failures: 1 } } : each,
  );
  assert.equal(met(promotedFails)[1], false);
});

test('one decided to go back must be back', () => {
  const stuck = good.map((each) =>
    each.outcome === 'rolled-back' ? { ...each, outcome: 'under-way' as const } : each,
  );
  assert.equal(met(stuck)[2], false);
});

test('a ledger that does not verify is no evidence', () => {
  const ledger = { ...goodLedger, verified: false, statement: 'entry 3: the signature is wrong' };
  const last = exitCriteria({ rollouts: good, ledger, lost: null }).at(-1);
  assert.equal(last?.isMet, false);
  assert.match(last?.measured ?? '', /entry 3/);
});
