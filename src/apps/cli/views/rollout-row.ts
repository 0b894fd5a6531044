import type { RolloutSummary, Rollout } from '../../../api/client/generated/schemas.ts';

/** A rollout under way or over, in one shape, as `get rollouts` lists it. */
export interface RolloutRow {
  readonly id: string;
  readonly service: string;
  readonly kind: Rollout['kind'];
  readonly fromRevisionId: string | null;
  readonly toRevisionId: string;
  readonly phase: Rollout['phase'];
  readonly isWaitingForPerson: boolean;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly startedBy: Rollout['startedBy'];
  readonly totals: Rollout['totals'];
  readonly sentence: string;
}

export function rowOfRollout(service: string, rollout: Rollout): RolloutRow {
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

export function rowOfSummary(service: string, summary: RolloutSummary): RolloutRow {
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
