import type { Rollout } from '../../../api/client/generated/schemas.ts';
import type { LoadResult } from '../../../domain/load/load-result.ts';
import { type LoadPoint, totalsBetween } from '../../../domain/load/load-series.ts';
import type { Act } from './acts.ts';
import { exitCriteria } from '../report/criteria.ts';
import type {
  Criterion,
  LedgerReport,
  LoadReport,
  Report,
  RolloutReport,
  SeriesMark,
} from '../report/report-model.ts';
import type { ShareSeries } from './share-series.ts';

/**
 * Of the load. More would not make it more open, since lateness counts from the intended start; it would only let a
 * machine that is behind drown in requests under way.
 */
export const demoConnections = 64;

/** A request that was under way at the end of a rollout may fail a little later. */
const onTheWayMs = 250;

export interface PlayedAct {
  readonly act: Act;
  readonly rolloutId: string;
  readonly view: Rollout;
  readonly series: ShareSeries;
  readonly marks: readonly SeriesMark[];
}

/** What a whole demo left behind. */
export interface DemoFacts {
  readonly played: readonly PlayedAct[];
  /** From the ledger. */
  readonly recorded: readonly RolloutReport[];
  readonly load: LoadResult;
  readonly ledger: LedgerReport;
  /** Processes that still ran after everything was stopped. */
  readonly survivors: readonly number[];
  readonly commit: string | null;
  readonly version: string;
  readonly generatedAt: string;
}

/** The demo's report: what the ledger recorded, with the shares as polled and the requests as the users' side counted them. */
export function demoReport(facts: DemoFacts): Report {
  const rollouts = facts.played.flatMap((played) => {
    const recorded = facts.recorded.find((each) => each.id === played.rolloutId);
    return recorded === undefined ? [] : [seenFromOutside(recorded, played, facts.load.series)];
  });
  const { load, ledger, commit, version, generatedAt } = facts;
  return {
    title: 'The demo: three releases of checkout',
    generatedAt,
    version,
    commit,
    criteria: [
      ...exitCriteria({
        rollouts,
        ledger,
        lost: { errors: load.errors, byBadCandidates: byBad(rollouts) },
      }),
      outcomesCriterion(facts, rollouts),
      survivorsCriterion(facts.survivors),
    ],
    rollouts,
    load: loadReport(load),
    ledger,
  };
}

function loadReport(load: LoadResult): LoadReport {
  const { targetRps, achievedRps, requests, errors, p50Ms, p95Ms, p99Ms, valid, invalidBecause } =
    load;
  const answered = Object.entries(load.byStatus).filter(([status]) => Number(status) >= 400);
  const failuresByKind = { ...Object.fromEntries(answered), ...load.byError };
  return {
    targetRps,
    achievedRps,
    requests,
    errors,
    failuresByKind,
    p50Ms,
    p95Ms,
    p99Ms,
    valid,
    invalidBecause,
  };
}

/** `out/demo/result.json`. */
export function demoResult({ rollouts, load, ledger, commit }: Report): object {
  return {
    rollouts: rollouts.map((rollout) => ({
      service: rollout.service,
      from: rollout.from,
      to: rollout.to,
      outcome: rollout.outcome,
      wantedSharePercent: rollout.wantedSharePercent,
      measuredSharePercent: rollout.measuredSharePercent,
      requests: rollout.requests,
      failedRequests: rollout.failedRequests,
      decidedInMs: rollout.decidedInMs,
      reason: rollout.reason,
      ...(rollout.outcome === 'promoted' && {
        steps: rollout.steps.map(({ wantedSharePercent, measuredSharePercent }) => ({
          wantedSharePercent,
          measuredSharePercent,
        })),
      }),
    })),
    load: load && {
      targetRps: load.targetRps,
      achievedRps: load.achievedRps,
      requests: load.requests,
      errors: load.errors,
      p50Ms: load.p50Ms,
      p95Ms: load.p95Ms,
      p99Ms: load.p99Ms,
      valid: load.valid,
    },
    ledger: { entries: ledger.entries, verified: ledger.verified },
    commit,
  };
}

function seenFromOutside(
  recorded: RolloutReport,
  { view, series, marks }: PlayedAct,
  points: readonly LoadPoint[],
): RolloutReport {
  const toMs = (recorded.endedAtMs ?? recorded.startedAtMs) + onTheWayMs;
  const users = totalsBetween(points, recorded.startedAtMs, toMs);
  const { candidate, stable } = view.totals;
  const decidedAtMs = decisionAtMs(recorded);
  return {
    ...recorded,
    measuredSharePercent: view.measuredSharePercent,
    requests: users.requests,
    failedRequests: users.errors,
    countedBy: 'load generator',
    candidate,
    stable,
    steps: stepsSeen(recorded, view),
    series: series.mergedWith(recorded.series, decidedAtMs),
    marks,
  };
}

/** The router's own counts of each step; the one a rollout went back from is only in the ledger. */
function stepsSeen({ steps }: RolloutReport, view: Rollout): RolloutReport['steps'] {
  return steps.map((step, index) => {
    const seen = view.steps[index];
    return seen === undefined ? step : { ...step, measuredSharePercent: seen.measuredSharePercent };
  });
}

function decisionAtMs({ entries }: RolloutReport): number | null {
  const decision = entries.find(({ decision }) => ['roll-back', 'promoted'].includes(decision));
  return decision?.atMs ?? null;
}

/**
 * Failures that bad candidates answered for: what users saw fail during a rollout that went back, but no more than the
 * gateway counted at the candidate until its end, and what it could still have under way then.
 */
function byBad(rollouts: readonly RolloutReport[]): number {
  return rollouts
    .filter((each) => each.outcome === 'rolled-back')
    .reduce((sum, each) => {
      const underWayMax = Math.ceil((demoConnections * each.wantedSharePercent) / 100);
      return sum + Math.min(each.failedRequests, each.candidate.failures + underWayMax);
    }, 0);
}

function outcomesCriterion({ played }: DemoFacts, rollouts: readonly RolloutReport[]): Criterion {
  const wanted = played.map(({ act }) => act.expected);
  const measured = rollouts.map((each) => each.outcome);
  return {
    name: 'Every release ends as it should',
    wanted: wanted.join(', '),
    measured: measured.join(', ') || 'none',
    isMet: wanted.length > 0 && wanted.join() === measured.join(),
  };
}

function survivorsCriterion(survivors: readonly number[]): Criterion {
  return {
    name: 'Nothing is left running',
    wanted: '0 processes',
    measured: survivors.length === 0 ? '0 processes' : `pids ${survivors.join(', ')}`,
    isMet: survivors.length === 0,
  };
}
