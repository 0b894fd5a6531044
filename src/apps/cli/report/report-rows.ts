import { countText, durationText, percentText } from '../views/words.ts';
import type { LoadReport, Report, RolloutReport } from './report-model.ts';

/** The tables of a report, cell by cell, for whatever they are written in. */
export interface ReportTable {
  readonly heads: readonly string[];
  /** Columns of figures, from 0. */
  readonly figures: readonly number[];
  readonly rows: readonly (readonly string[])[];
}

export function criteriaTable({ criteria }: Report): ReportTable {
  return {
    heads: ['Result', 'Criterion', 'Wanted', 'Measured'],
    figures: [],
    rows: criteria.map((each) => [
      each.isMet ? 'pass' : 'fail',
      each.name,
      each.wanted,
      each.measured,
    ]),
  };
}

export function rolloutsTable({ rollouts }: Report): ReportTable {
  return {
    heads: ['Rollout', 'Outcome', 'Wanted', 'Measured', 'Requests', 'Failed', 'Decided in'],
    figures: [2, 3, 4, 5, 6],
    rows: rollouts.map((rollout) => [
      titleOf(rollout),
      outcomeText(rollout),
      percentText(rollout.wantedSharePercent),
      shareText(rollout.measuredSharePercent),
      countText(rollout.requests),
      countText(rollout.failedRequests),
      rollout.decidedInMs === null ? '-' : durationText(rollout.decidedInMs),
    ]),
  };
}

export function stepsTable({ steps }: RolloutReport): ReportTable {
  return {
    heads: ['Step', 'Wanted', 'Measured', 'Requests judged', 'Failed', 'Lasted'],
    figures: [1, 2, 3, 4, 5],
    rows: steps.map((step, index) => [
      String(index + 1),
      percentText(step.wantedSharePercent),
      shareText(step.measuredSharePercent),
      countText(step.requests),
      countText(step.failures),
      durationText(step.durationMs),
    ]),
  };
}

/** The rollout itself stands first, so that the comparison needs no other table. */
export function ruleCostsTable(rollout: RolloutReport): ReportTable {
  const own =
    rollout.decidedInMs === null
      ? []
      : [
          [
            'Tidegate (measured)',
            durationText(rollout.decidedInMs),
            countText(rollout.failedRequests),
          ],
        ];
  return {
    heads: ['Rule', 'Rolls back after', 'Failed requests'],
    figures: [1, 2],
    rows: [
      ...own,
      ...rollout.ruleCosts.map(({ rule, decidedInMs, failedRequests }) => [
        rule,
        decidedInMs === null ? 'never' : durationText(decidedInMs),
        failedRequests === null ? 'without end' : countText(failedRequests),
      ]),
    ],
  };
}

export function entriesTable({ entries, startedAtMs }: RolloutReport): ReportTable {
  return {
    heads: ['Entry', 'After', 'Decision', 'What it says'],
    figures: [0, 1],
    rows: entries.map(({ index, atMs, decision, sentence }) => [
      String(index),
      durationText(Math.max(0, atMs - startedAtMs)),
      decision,
      sentence,
    ]),
  };
}

export function loadTable(load: LoadReport): ReportTable {
  return {
    heads: ['Wanted', 'Achieved', 'Requests', 'Failed', 'How', 'p50', 'p95', 'p99', 'Valid'],
    figures: [0, 1, 2, 3, 5, 6, 7],
    rows: [
      [
        `${countText(load.targetRps)}/s`,
        `${Number(load.achievedRps.toFixed(1))}/s`,
        countText(load.requests),
        countText(load.errors),
        failuresText(load),
        ...[load.p50Ms, load.p95Ms, load.p99Ms].map((ms) => `${Number(ms.toPrecision(3))} ms`),
        load.valid ? 'yes' : 'no',
      ],
    ],
  };
}

/** A revision without a version is named by its id, which begins with the service. */
export function titleOf({ service, from, to }: RolloutReport): string {
  const short = (name: string): string =>
    name.startsWith(`${service}-`) ? name.slice(service.length + 1) : name;
  return from === null
    ? `${service} ${short(to)} (first)`
    : `${service} ${short(from)} → ${short(to)}`;
}

export function outcomeText({ outcome }: RolloutReport): string {
  if (outcome === 'rolled-back') return 'rolled back';
  return outcome === 'promoted' ? 'promoted' : 'under way';
}

/** The whole report in one sentence. */
export function headline({ criteria, rollouts }: Report): string {
  const failed = criteria.filter((each) => !each.isMet).length;
  const ends = (['promoted', 'rolled-back', 'under-way'] as const).flatMap((outcome) => {
    const found = rollouts.filter((each) => each.outcome === outcome);
    const [first] = found;
    return first === undefined ? [] : [`${found.length} ${outcomeText(first)}`];
  });
  const verdict =
    failed === 0
      ? `all ${criteria.length} exit criteria are met`
      : `${failed} of ${criteria.length} exit criteria are not met`;
  return `${rollouts.length} ${rollouts.length === 1 ? 'rollout' : 'rollouts'} (${ends.join(', ') || 'none'}): ${verdict}.`;
}

/** `502: 12, timeout: 3`: an answer of the service, or none in time. */
export function failuresText({ failuresByKind }: LoadReport): string {
  const kinds = Object.entries(failuresByKind).map(
    ([kind, count]) => `${kind}: ${countText(count)}`,
  );
  return kinds.join(', ') || '-';
}

/** Who counted, which tells whether health probes and internal calls may be among the figures. */
export function countedText({ countedBy }: RolloutReport): string {
  return countedBy === 'gateway'
    ? 'Requests are counted by the gateway, at the service.'
    : 'Requests are counted by the load generator, as users saw them.';
}

function shareText(percent: number | null): string {
  return percent === null ? 'none' : percentText(percent);
}
