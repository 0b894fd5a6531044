import type { RolloutItem } from '../../../api/rollout-list-wire.ts';
import type { ServiceView } from '../../../api/wire.ts';

/** The row of a list, of a service that was asked for alone. Null: nothing was ever rolled out. */
export function rowOfService({ metadata, status }: ServiceView): RolloutItem | null {
  const { rollout, phase, sentence } = status;
  if (rollout === null) return null;
  return {
    apiVersion: 'tidegate.dev/v1',
    kind: 'Rollout',
    metadata: { name: rollout.id, resourceVersion: '' },
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
