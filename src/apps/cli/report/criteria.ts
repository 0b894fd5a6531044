import { countText, percentText } from '../views/words.ts';
import type { Criterion, LedgerReport, RolloutReport } from './report-model.ts';

/** A promoted candidate must have had this share of what was wanted. */
export const shareRatioMin = 0.95;

/** What the users' side saw, when somebody measured there. */
export interface LostRequests {
  readonly errors: number;
  /** Of those, the ones that candidates which were then taken back answered. */
  readonly byBadCandidates: number;
}

export interface Exit {
  readonly rollouts: readonly RolloutReport[];
  readonly ledger: LedgerReport;
  /** Null: only the gateway counted. */
  readonly lost: LostRequests | null;
}

/** The exit criteria of a run, each with its measured value. */
export function exitCriteria({ rollouts, ledger, lost }: Exit): Criterion[] {
  return [
    shareCriterion(rollouts),
    lostCriterion(lost ?? lostAtGateway(rollouts), lost === null),
    backCriterion(rollouts),
    ledgerCriterion(ledger),
  ];
}

/** A service's first release has no other revision to share with, and often no traffic. */
function shareCriterion(rollouts: readonly RolloutReport[]): Criterion {
  const promoted = rollouts.filter((each) => each.outcome === 'promoted' && each.from !== null);
  const ratios = promoted.map(
    (each) => (each.measuredSharePercent ?? 0) / Math.max(0.1, each.wantedSharePercent),
  );
  const worst = Math.min(1, ...ratios);
  return {
    name: 'Promoted revisions carry the traffic they were given',
    wanted: `at least ${percentText(100 * shareRatioMin)} of the wanted share`,
    measured:
      ratios.length === 0
        ? 'no revision was promoted over another'
        : `${percentText(100 * worst)}${ratios.length > 1 ? ` (worst of ${ratios.length})` : ''}`,
    isMet: worst >= shareRatioMin,
  };
}

function lostCriterion(lost: LostRequests, isAtGateway: boolean): Criterion {
  const others = Math.max(0, lost.errors - lost.byBadCandidates);
  const where = isAtGateway ? 'at the gateway during the rollouts' : 'by the load generator';
  return {
    name: 'No request is lost, but those a bad candidate answered',
    wanted: '0 others failed',
    measured: `${countText(others)} others of ${countText(lost.errors)} failed, counted ${where}`,
    isMet: others === 0,
  };
}

function lostAtGateway(rollouts: readonly RolloutReport[]): LostRequests {
  const failures = (each: RolloutReport): number => each.candidate.failures + each.stable.failures;
  const back = rollouts.filter((each) => each.outcome === 'rolled-back');
  return {
    errors: sum(rollouts.map(failures)),
    byBadCandidates: sum(back.map((each) => each.candidate.failures)),
  };
}

/** Decided to go back, and is back. */
function backCriterion(rollouts: readonly RolloutReport[]): Criterion {
  const bad = rollouts.filter((each) =>
    each.entries.some((entry) => entry.decision === 'roll-back'),
  );
  const back = bad.filter((each) => each.outcome === 'rolled-back').length;
  return {
    name: 'Bad candidates are taken back by themselves',
    wanted: 'all of them',
    measured: bad.length === 0 ? 'there was none' : `${back} of ${bad.length}`,
    isMet: back === bad.length,
  };
}

function ledgerCriterion(ledger: LedgerReport): Criterion {
  return {
    name: 'The ledger verifies offline',
    wanted: 'every hash and signature',
    measured: ledger.verified
      ? `${countText(ledger.entries)} entries verified`
      : `not verified: ${ledger.statement}`,
    isMet: ledger.verified,
  };
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
