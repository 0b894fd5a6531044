import type { LedgerRecord } from './ledger-records.ts';
import type {
  ArmReport,
  EntryReport,
  RolloutReport,
  SeriesPoint,
  StepReport,
} from './report-model.ts';
import { recordedRate, ruleCosts } from './rule-costs.ts';

/** Version by revision id, as far as it is known: entries name revisions by id only. */
export type Versions = ReadonlyMap<string, string>;

/** Every rollout the ledger tells of, oldest first, from its entries alone. */
export function rolloutReports(
  records: readonly LedgerRecord[],
  versions: Versions,
): RolloutReport[] {
  const byRollout = Map.groupBy(
    records.filter((record) => record.rolloutId !== null),
    (record) => record.rolloutId ?? '',
  );
  const reports = [...byRollout].flatMap(([id, own]) => {
    const report = rolloutReport(id, own, versions);
    return report === null ? [] : [report];
  });
  return reports.map((report) => withRuleCosts(report, reports));
}

function withRuleCosts(report: RolloutReport, all: readonly RolloutReport[]): RolloutReport {
  if (report.outcome !== 'rolled-back') return report;
  const { service, candidate, wantedSharePercent } = report;
  const rate = recordedRate(all.flatMap((each) => (each.service === service ? each.steps : [])));
  const candidateRate = rate === null ? null : (rate * wantedSharePercent) / 100;
  return { ...report, ruleCosts: ruleCosts(candidate, candidateRate) };
}

function rolloutReport(
  id: string,
  records: readonly LedgerRecord[],
  versions: Versions,
): RolloutReport | null {
  const start = records.find((record) => record.decision === 'start');
  if (start === undefined) return null;
  const end = records.find(({ decision }) => decision === 'promoted' || decision === 'rolled-back');
  const decision = records.find((record) => isVerdictOfRollout(record));
  const steps = stepsOf(records);
  const { candidate, stable } = totalsOf(records);
  const decidedInMs = decision === undefined ? null : decidedAfterMs(records, decision);
  const outcome = outcomeOf(end);
  const last = steps.at(-1);
  return {
    id,
    service: start.service,
    from: start.fromRevisionId === null ? null : nameOf(start.fromRevisionId, versions),
    to: start.toRevisionId === null ? id : nameOf(start.toRevisionId, versions),
    outcome,
    wantedSharePercent: last?.wantedSharePercent ?? 0,
    measuredSharePercent: last?.measuredSharePercent ?? null,
    requests: candidate.requests + stable.requests,
    failedRequests: candidate.failures + stable.failures,
    countedBy: 'gateway',
    decidedInMs,
    reason: (decision ?? records.at(-1) ?? start).sentence,
    startedAtMs: start.atMs,
    endedAtMs: end?.atMs ?? null,
    startedBy: start.by?.who ?? null,
    candidate,
    stable,
    steps,
    ruleCosts: [],
    entries: records.map(entryOf),
    series: seriesOf(records),
    marks: [],
  };
}

/** Going back is decided before it is done; a promotion is decided and done in one. */
function isVerdictOfRollout({ decision }: LedgerRecord): boolean {
  return decision === 'roll-back' || decision === 'promoted';
}

function outcomeOf(end: LedgerRecord | undefined): RolloutReport['outcome'] {
  if (end === undefined) return 'under-way';
  return end.decision === 'promoted' ? 'promoted' : 'rolled-back';
}

/**
 * From the router's confirmation of the first weight: users meet the candidate from then on. Only what stands before the
 * decision counts, since a server that was started again confirms old weights once more.
 */
function decidedAfterMs(records: readonly LedgerRecord[], decision: LedgerRecord): number | null {
  const before = records.slice(0, records.indexOf(decision));
  const inForce = before.find(
    ({ type, weightPercent }) => type === 'deploy-outcome' && (weightPercent ?? 0) > 0,
  );
  const first = inForce ?? before.find((record) => record.decision === 'advance');
  return first === undefined ? null : decision.atMs - first.atMs;
}

/** A step lasts from the order of its weight to the next decision; its requests are what the gate's totals grew by. */
function stepsOf(records: readonly LedgerRecord[]): StepReport[] {
  const turns = records.filter(
    (record) => weightOrders.has(record.decision) || isVerdictOfRollout(record),
  );
  return turns.slice(0, -1).flatMap((from, index) => {
    const to = turns[index + 1];
    if (to === undefined || from.weightPercent === null) return [];
    const candidate = grown(from.verdict?.explanation.candidate, to.verdict?.explanation.candidate);
    const stable = grown(from.verdict?.explanation.stable, to.verdict?.explanation.stable);
    return [
      {
        wantedSharePercent: from.weightPercent,
        measuredSharePercent: sharePercent(candidate, stable),
        requests: candidate.requests + stable.requests,
        failures: candidate.failures + stable.failures,
        durationMs: to.atMs - from.atMs,
      },
    ];
  });
}

/** Decisions that order another weight. */
const weightOrders: ReadonlySet<string> = new Set(['advance', 'widen', 'park', 'probe', 'unpark']);

function totalsOf(records: readonly LedgerRecord[]): { candidate: ArmReport; stable: ArmReport } {
  const judged = records.findLast((record) => record.verdict !== null)?.verdict?.explanation;
  return { candidate: judged?.candidate ?? noRequests, stable: judged?.stable ?? noRequests };
}

function seriesOf(records: readonly LedgerRecord[]): SeriesPoint[] {
  const points: SeriesPoint[] = [];
  let before = { candidate: noRequests, stable: noRequests };
  for (const { atMs, weightPercent, verdict } of records) {
    const explanation = verdict?.explanation ?? null;
    const candidate = grown(before.candidate, explanation?.candidate);
    const stable = grown(before.stable, explanation?.stable);
    if (explanation !== null) before = explanation;
    points.push({
      atMs,
      wantedPercent: weightPercent ?? 0,
      measuredPercent: sharePercent(candidate, stable),
      evidence: explanation && {
        against: explanation.against,
        againstLimit: explanation.againstLimit,
        for: explanation.for,
        forLimit: explanation.forLimit,
      },
    });
  }
  return points;
}

const noRequests: ArmReport = { requests: 0, failures: 0 };

function grown(from: ArmReport = noRequests, to: ArmReport = from): ArmReport {
  return {
    requests: Math.max(0, to.requests - from.requests),
    failures: Math.max(0, to.failures - from.failures),
  };
}

/** Null: no request, so no share. */
export function sharePercent(candidate: ArmReport, stable: ArmReport): number | null {
  const all = candidate.requests + stable.requests;
  return all === 0 ? null : (100 * candidate.requests) / all;
}

function nameOf(revisionId: string, versions: Versions): string {
  return versions.get(revisionId) ?? revisionId;
}

function entryOf({ index, atMs, decision, sentence }: LedgerRecord): EntryReport {
  return { index, atMs, decision, sentence };
}
