import type { RolloutSummaryView, RolloutView } from '../../../api/wire.ts';

/** A rollout under way or over, in one shape, as `get rollouts` lists it. */
export interface RolloutRow {
  readonly id: string;
  readonly service: string;
  readonly kind: RolloutView['kind'];
  readonly fromRevisionId: string | null;
  readonly toRevisionId: string;
  readonly phase: RolloutView['phase'];
  readonly isWaitingForPerson: boolean;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly startedBy: RolloutView['startedBy'];
  readonly totals: RolloutView['totals'];
  readonly sentence: string;
}

export function rowOfRollout(service: string, rollout: RolloutView): RolloutRow {
  const { id, kind, phase, startedAt, endedAt, startedBy, totals, sentence } = rollout;
  return {
    id,
    service,
    kind,
    fromRevisionId: rollout.from?.id ?? null,
    toRevisionId: rollout.to.id,
    phase,
    isWaitingForPerson: rollout.isWaitingForPerson,
    startedAt,
    endedAt,
    startedBy,
    totals,
    sentence,
  };
}

export function rowOfSummary(service: string, summary: RolloutSummaryView): RolloutRow {
  const { id, kind, fromRevisionId, toRevisionId, startedAt, endedAt } = summary;
  return {
    id,
    service,
    kind,
    fromRevisionId,
    toRevisionId,
    phase: summary.outcome,
    isWaitingForPerson: false,
    startedAt,
    endedAt,
    startedBy: summary.startedBy,
    totals: summary.totals,
    sentence: summary.cause?.sentence ?? summary.outcome,
  };
}
