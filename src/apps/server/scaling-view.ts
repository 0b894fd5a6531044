import type { ScalingView } from '../../api/scaling-wire.ts';
import type { ArmLook } from '../../control/instance-scaler.ts';
import { armsOf, wantedInstances } from '../../domain/release/instance-counts.ts';
import type { ServiceState } from '../../domain/release/service-state.ts';

/** Of each arm whose number follows the load. */
export function scalingViews(
  state: ServiceState,
  lookOf: (revisionId: string) => ArmLook | null,
): ScalingView[] {
  return armsOf(state).flatMap((revision): ScalingView[] => {
    const { id: revisionId, scale } = revision;
    if (scale === undefined) return [];
    const look = lookOf(revisionId);
    const seen = state.instances.find((each) => each.revisionId === revisionId);
    return [
      {
        revisionId,
        min: scale.min,
        max: scale.max,
        desired: look?.decision.instances ?? null,
        ordered: wantedInstances(state, revision),
        ready: seen?.ready ?? 0,
        limitedBy: look?.decision.limitedBy ?? null,
        metrics: scale.targets.map(({ metric, perInstance: target }) => {
          const advice = look?.decision.advice.find((each) => each.metric === metric);
          const perInstance = advice?.perInstance ?? null;
          const instances = perInstance === null ? null : (advice?.instances ?? null);
          return { metric, perInstance, target, instances };
        }),
        sentence: look?.sentence ?? 'its load was not looked at yet',
      },
    ];
  });
}
