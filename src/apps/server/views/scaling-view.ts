import type { ScalingView } from '../../../api/scaling-wire.ts';
import type { ArmLook } from '../../../control/scaling/arm-look.ts';
import {
  scalableRevisions,
  scalingBounds,
  wantedInstances,
} from '../../../domain/release/instance-counts.ts';
import type { ServiceState } from '../../../domain/release/service-state.ts';

/** Of each arm whose number follows the load. */
export function scalingViews(
  state: ServiceState,
  lookOf: (revisionId: string) => ArmLook | null,
): ScalingView[] {
  return scalableRevisions(state).flatMap((revision): ScalingView[] => {
    const { id: revisionId } = revision;
    const bounds = scalingBounds(revision);
    if (bounds === null) return [];
    const look = lookOf(revisionId);
    const seen = state.instances.find((each) => each.revisionId === revisionId);
    const sleep = state.counts?.find((each) => each.revisionId === revisionId)?.asleepSinceMs;
    return [
      {
        revisionId,
        min: bounds.min,
        max: bounds.max,
        desired: look?.desired ?? null,
        ordered: wantedInstances(state, revision),
        ready: seen?.ready ?? 0,
        ...(sleep === undefined ? {} : { asleepSince: new Date(sleep).toISOString() }),
        limitedBy: look?.limitedBy ?? null,
        metrics: (look?.metrics ?? []).map((each) => ({ ...each })),
        sentence: look?.sentence ?? 'its load was not looked at yet',
      },
    ];
  });
}
