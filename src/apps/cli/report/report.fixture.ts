import type { LedgerRecord } from './ledger-records.ts';
import type { LedgerReport, Report } from './report-model.ts';
import { rolloutReports } from './rollout-reports.ts';
import { exitCriteria } from './criteria.ts';

const startMs = Date.UTC(2026, 0, 2, 3, 4, 5);
const ids = { v1: 'checkout-aaaaaaaaaa', v2: 'checkout-bbbbbbbbbb', v3: 'checkout-cccccccccc' };

export const versions: ReadonlyMap<string, string> = new Map(
  Object.entries(ids).map(([version, id]) => [id, version]),
);

type Turn = readonly [
  decision: string,
  afterMs: number,
  weightPercent: number,
  counts: readonly [candidate: number, failed: number, stable: number] | null,
  type?: string,
];

const promotedTurns: readonly Turn[] = [
  ['start', 0, 0, null, 'release-plan'],
  ['advance', 400, 10, null],
  ['progress', 410, 10, null, 'deploy-outcome'],
  ['advance', 3400, 50, [240, 0, 2160]],
  ['progress', 3410, 50, null, 'deploy-outcome'],
  ['advance', 6400, 100, [1440, 0, 3360]],
  ['bake', 6420, 100, null, 'deploy-outcome'],
  ['promoted', 11_420, 100, [5440, 0, 3360]],
];

const rolledBackTurns: readonly Turn[] = [
  ['start', 20_000, 0, null, 'release-plan'],
  ['advance', 20_400, 10, null],
  ['progress', 20_410, 10, null, 'deploy-outcome'],
  ['roll-back', 21_910, 0, [120, 6, 1080]],
  ['rolled-back', 21_920, 0, null, 'deploy-outcome'],
];

/** checkout v1 -> v2 promoted at 800 requests/s, then v2 -> v3 taken back with 5 % failing. */
export const records: readonly LedgerRecord[] = [
  ...promotedTurns.map(recordOf('checkout-2', ids.v1, ids.v2)),
  ...rolledBackTurns.map(recordOf('checkout-3', ids.v2, ids.v3)),
].map((record, index) => ({ ...record, index: index + 1 }));

function recordOf(rolloutId: string, from: string, to: string): (turn: Turn) => LedgerRecord {
  return ([decision, afterMs, weightPercent, counts, type = 'decision']) => ({
    index: 0,
    type,
    decision,
    atMs: startMs + afterMs,
    service: 'checkout',
    rolloutId,
    fromRevisionId: from,
    toRevisionId: to,
    weightPercent,
    by: decision === 'start' ? { who: 'ada' } : null,
    sentence: `${decision} at ${weightPercent} %`,
    verdict: counts && {
      kind: decision === 'roll-back' ? 'fail' : 'pass',
      explanation: {
        candidate: { requests: counts[0], failures: counts[1] },
        stable: { requests: counts[2], failures: 0 },
        against: decision === 'roll-back' ? 2025 : 0.9,
        againstLimit: 1000,
        for: decision === 'roll-back' ? 0.4 : 352,
        forLimit: 100,
        heldBy: null,
        sentence: 'as it stands',
      },
    },
  });
}

export const goodLedger: LedgerReport = {
  entries: 14,
  verified: true,
  keyIds: ['ab'.repeat(32)],
  headLeafHash: 'cd'.repeat(32),
  statement: 'all 14 entries are chained and signed',
};

export function sampleReport(): Report {
  const rollouts = rolloutReports(records, versions);
  return {
    title: 'All rollouts',
    generatedAt: '2026-01-02T03:05:00.000Z',
    version: '0.1.0',
    commit: 'ef'.repeat(20),
    criteria: exitCriteria({ rollouts, ledger: goodLedger, lost: null }),
    rollouts,
    load: {
      targetRps: 800,
      achievedRps: 799.9,
      requests: 17_600,
      errors: 6,
      failuresByKind: { 502: 6 },
      p50Ms: 5.5,
      p95Ms: 20,
      p99Ms: 40,
      valid: true,
      invalidBecause: [],
    },
    ledger: goodLedger,
  };
}
