import type { PolicyDocument } from '../../../api/release-file/parse-policy-file.ts';
import type { RolloutBacktest, SkippedRollout } from '../../../control/replay/backtest.ts';
import type { PolicyOutcome } from '../../../control/replay/policy-shadow.ts';
import type { FixedThresholdRule } from '../../../domain/gate/fixed-threshold-rules.ts';
import { recordedRuleCost } from '../../../domain/gate/recorded-rule.ts';
import { countText, durationText, percentText } from '../views/words.ts';

/** What a back-test found; also its JSON. */
export interface BacktestReport {
  readonly apiVersion: 'tidegate.dev/v1';
  readonly kind: 'Backtest';
  readonly policies: readonly PolicyDocument[];
  readonly assumptions: readonly string[];
  readonly rollouts: readonly BacktestRow[];
  readonly skipped: readonly SkippedRow[];
  readonly totals: BacktestTotals;
  readonly peers: readonly PeerTotals[];
  readonly sentences: readonly string[];
}

export type SkippedRow = SkippedRollout;

export interface BacktestRow {
  readonly rolloutId: string;
  readonly service: string;
  readonly kind: RolloutBacktest['kind'];
  readonly startedAt: string;
  readonly recorded: RolloutBacktest['recorded'];
  readonly policy: PolicyOutcome;
  readonly peers: readonly PeerRow[];
}

export interface PeerRow {
  readonly rule: string;
  /** Null: the recorded traffic had ended, and was too little to tell its rate. */
  readonly isRolledBack: boolean | null;
  readonly afterMs: number | null;
  readonly failedRequests: number | null;
  /** The recorded traffic had ended: taken as if it had gone on as it was. */
  readonly isExtrapolated: boolean;
}

export interface BacktestTotals {
  readonly rollouts: number;
  readonly recordedPromoted: number;
  readonly recordedRolledBack: number;
  readonly policyPromoted: number;
  readonly policyRolledBack: number;
  readonly policyHolds: number;
  readonly policyUnknown: number;
  readonly notByGate: number;
  /** Promoted as recorded, rolled back by the policy; and the other way round is among the unknown. */
  readonly newlyRolledBack: number;
  /** Of the rollouts that both decided: until the decision. */
  readonly comparable: number;
  readonly recordedFailedRequests: number;
  readonly policyFailedRequests: number;
  readonly recordedMs: number;
  readonly policyMs: number;
}

export interface PeerTotals {
  readonly rule: string;
  readonly promotedRolledBack: number;
  readonly promoted: number;
  readonly rolledBackToo: number;
  readonly unknown: number;
  readonly rolledBack: number;
  /** On those that were rolled back and that the rule rolls back too. */
  readonly failedRequests: number;
  readonly recordedFailedRequests: number;
  readonly extrapolated: number;
}

/** Said with every result, since it is what the figures rest on. */
export const assumptions: readonly string[] = [
  'Judged on the recorded traffic at the recorded shares: only gate and objectives vary; steps, waits, bake and what people did are as recorded.',
  'Recorded traffic ends where the recorded rollout ended, and its shares are those of the recorded plan: what a policy that goes on or holds would have seen next is unknown.',
  "A policy that would have passed a step earlier is not followed ahead, so a promotion takes the time shown at most. Failed requests are the candidate's until the decision.",
];

export const peersAssumption =
  'Other rules are computed as they are published, idealised in their favour; where the recorded traffic had ended (marked ~) the candidate is taken to have gone on as it was.';

export function rowOf(rollout: RolloutBacktest, rules: readonly FixedThresholdRule[]): BacktestRow {
  const { rolloutId, service, kind, recorded, policy, seconds, requestsPerSecond } = rollout;
  const traffic = {
    seconds,
    durationMs: recorded.afterMs,
    requestsPerSecond,
    hasGoneOn: recorded.outcome === 'promoted',
  };
  return {
    rolloutId,
    service,
    kind,
    startedAt: new Date(rollout.startedAtMs).toISOString(),
    recorded,
    policy,
    peers: rules.map((rule): PeerRow => {
      const found = recordedRuleCost(rule, traffic);
      const cost = found === 'unknown' ? null : found;
      return {
        rule: rule.name,
        isRolledBack: found === 'unknown' ? null : cost !== null,
        afterMs: cost?.decidedMs ?? null,
        failedRequests: cost?.failedRequests ?? null,
        isExtrapolated: cost?.isExtrapolated ?? false,
      };
    }),
  };
}

export function backtestReport(found: {
  readonly policies: readonly PolicyDocument[];
  readonly rows: readonly BacktestRow[];
  readonly skipped: readonly SkippedRow[];
  readonly rules: readonly FixedThresholdRule[];
}): BacktestReport {
  const { policies, rows, skipped, rules } = found;
  const totals = totalsOf(rows);
  return {
    apiVersion: 'tidegate.dev/v1',
    kind: 'Backtest',
    policies,
    assumptions: rules.length === 0 ? assumptions : [...assumptions, peersAssumption],
    rollouts: rows,
    skipped,
    totals,
    peers: rules.map((rule) => peerTotals(rule.name, rows)),
    sentences: totalSentences(totals),
  };
}

function totalsOf(rows: readonly BacktestRow[]): BacktestTotals {
  const count = (isSo: (row: BacktestRow) => boolean): number => rows.filter(isSo).length;
  const comparable = rows.filter(
    ({ policy }) => policy.kind === 'rolled-back' || policy.kind === 'promoted',
  );
  const sum = (of: (row: BacktestRow) => number): number =>
    comparable.reduce((total, row) => total + of(row), 0);
  const wasPromoted = ({ recorded }: BacktestRow): boolean => recorded.outcome === 'promoted';
  return {
    rollouts: rows.length,
    recordedPromoted: count(wasPromoted),
    recordedRolledBack: count((row) => !wasPromoted(row)),
    policyPromoted: count(({ policy }) => policy.kind === 'promoted'),
    policyRolledBack: count(({ policy }) => policy.kind === 'rolled-back'),
    policyHolds: count(({ policy }) => policy.kind === 'holds'),
    policyUnknown: count(({ policy }) => policy.kind === 'unknown'),
    notByGate: count(({ policy }) => policy.kind === 'not-by-gate'),
    newlyRolledBack: count((row) => wasPromoted(row) && row.policy.kind === 'rolled-back'),
    comparable: comparable.length,
    recordedFailedRequests: sum(({ recorded }) => recorded.candidate.failures),
    policyFailedRequests: sum(({ policy }) => policy.candidate.failures),
    recordedMs: sum(({ recorded }) => recorded.afterMs),
    policyMs: sum(({ policy }) => policy.afterMs),
  };
}

function totalSentences(totals: BacktestTotals): readonly string[] {
  const { rollouts, comparable } = totals;
  const policy = [
    `${totals.policyPromoted} promoted`,
    `${totals.policyRolledBack} rolled back`,
    ...(totals.policyHolds === 0 ? [] : [`${totals.policyHolds} held, unknown from there`]),
    ...(totals.policyUnknown === 0 ? [] : [`${totals.policyUnknown} unknown`]),
    ...(totals.notByGate === 0 ? [] : [`${totals.notByGate} ended before any gate's word`]),
  ].join(', ');
  const more = totals.policyFailedRequests - totals.recordedFailedRequests;
  const change =
    more === 0 ? 'as many' : `${countText(Math.abs(more))} ${more > 0 ? 'more' : 'fewer'}`;
  const took = `${durationText(totals.policyMs)} instead of ${durationText(totals.recordedMs)} in all`;
  return [
    `Recorded: ${totals.recordedPromoted} promoted, ${totals.recordedRolledBack} rolled back, of ${rollouts}.`,
    `This policy: ${policy}.`,
    ...(totals.newlyRolledBack === 0
      ? []
      : [
          `It rolls back ${totals.newlyRolledBack} that were promoted (${percentText((100 * totals.newlyRolledBack) / totals.recordedPromoted)} of those promoted).`,
        ]),
    comparable === 0
      ? 'On none both decided, so their costs cannot be compared.'
      : `On the ${comparable} that both decided: ${countText(totals.policyFailedRequests)} failed candidate requests instead of ${countText(totals.recordedFailedRequests)} (${change}), ${took}.`,
  ];
}

function peerTotals(rule: string, rows: readonly BacktestRow[]): PeerTotals {
  const own = (row: BacktestRow): PeerRow | undefined =>
    row.peers.find((peer) => peer.rule === rule);
  const promoted = rows.filter(({ recorded }) => recorded.outcome === 'promoted');
  const back = rows.filter(({ recorded }) => isByGate(recorded));
  const too = back.filter((row) => own(row)?.isRolledBack === true);
  return {
    rule,
    promoted: promoted.length,
    promotedRolledBack: promoted.filter((row) => own(row)?.isRolledBack === true).length,
    rolledBack: back.length,
    rolledBackToo: too.length,
    unknown: back.filter((row) => own(row)?.isRolledBack === null).length,
    failedRequests: too.reduce((sum, row) => sum + (own(row)?.failedRequests ?? 0), 0),
    recordedFailedRequests: too.reduce((sum, row) => sum + row.recorded.candidate.failures, 0),
    extrapolated: too.filter((row) => own(row)?.isExtrapolated === true).length,
  };
}

function isByGate({ cause }: BacktestRow['recorded']): boolean {
  return cause === 'gate-failed' || cause === 'bake-failed';
}
