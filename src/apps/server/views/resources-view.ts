import type { ResourcesView } from '../../../api/resources-wire.ts';
import type { ResourceLook } from '../../../control/scaling/resource-watch.ts';
import { scalableRevisions } from '../../../domain/release/instance-counts.ts';
import type { ServiceState } from '../../../domain/release/service-state.ts';

/** Of each arm of which anything is known. */
export function resourcesViews(
  state: ServiceState,
  lookOf: (revisionId: string) => ResourceLook | null,
): ResourcesView[] {
  return scalableRevisions(state).flatMap(({ id: revisionId, requests = {} }): ResourcesView[] => {
    const look = lookOf(revisionId);
    if (look === null) return [];
    const { used, recommendation, samples } = look;
    const { target, lower, upper } = recommendation;
    const { cpuCores = null, memoryBytes = null } = requests;
    return [
      {
        revisionId,
        requests: { cpuCores, memoryBytes },
        used: { ...used },
        recommended: { target: { ...target }, lower: { ...lower }, upper: { ...upper } },
        savingRatio: {
          cpu: cpuCores === null ? null : 1 - target.cpuCores / cpuCores,
          memory: memoryBytes === null ? null : 1 - target.memoryBytes / memoryBytes,
        },
        samples,
      },
    ];
  });
}
