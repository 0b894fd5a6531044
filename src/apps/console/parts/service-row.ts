import type { RolloutItem } from '../../../api/rollout-list-wire.ts';
import type { ServiceView } from '../../../api/wire.ts';

/** As much of an item of the list as is shown. */
export interface Row extends Pick<
  RolloutItem,
  'service' | 'toVersion' | 'startedBy' | 'startedAt' | 'status'
> {
  readonly metadata: Pick<RolloutItem['metadata'], 'name' | 'namespace'>;
}

/** The row of a list, of a service that was asked for alone. Null: nothing was ever rolled out. */
export function rowOfService({ metadata, status }: ServiceView, namespace: string): Row | null {
  const { rollout, phase, sentence } = status;
  if (rollout === null) return null;
  return {
    metadata: { name: rollout.id, namespace },
    service: metadata.name,
    toVersion: rollout.to.version,
    startedBy: rollout.startedBy.who,
    startedAt: rollout.startedAt,
    status: {
      phase,
      stepNumber: rollout.stepNumber,
      stepCount: rollout.stepCount,
      wantedSharePercent: rollout.wantedSharePercent,
      measuredSharePercent: rollout.measuredSharePercent,
      verdict: rollout.gate?.verdict ?? null,
      isWaitingForPerson: rollout.isWaitingForPerson,
      sentence,
    },
  };
}
