import { scalableRevisions } from '../../domain/release/instance-counts.ts';
import type { Revision } from '../../domain/release/revision.ts';
import { activeRollout, type ServiceState, stableOf } from '../../domain/release/service-state.ts';
import type { WakeRule } from '../../domain/traffic/wake-rule.ts';
import type { Instance } from '../../ports/platform.ts';

/** So many ends before the first readiness, and nobody waits for the next start any more. */
const restartsMax = 3;

/** How requests for revisions that may sleep are kept, by revision. Empty where there is none. */
export function wakeRules(
  services: Iterable<ServiceState>,
  instances: readonly Instance[],
): ReadonlyMap<string, WakeRule> {
  const rules = new Map<string, WakeRule>();
  for (const state of services) {
    for (const { id, concurrency } of servedRevisions(state)) {
      const wake = concurrency?.wake;
      if (wake === undefined) continue;
      rules.set(id, isFailing(id, instances) ? { ...wake, isFailing: true } : wake);
    }
  }
  return rules;
}

function servedRevisions(state: ServiceState): readonly Revision[] {
  const both = [stableOf(state), activeRollout(state)?.candidate ?? null];
  return [...scalableRevisions(state), ...both.filter((each) => each !== null)];
}

/** All there are wait for their next start, after having ended again and again. */
function isFailing(revisionId: string, instances: readonly Instance[]): boolean {
  const own = instances.filter((each) => each.revisionId === revisionId);
  return (
    own.length > 0 &&
    own.every(({ state, restarts }) => state === 'backing-off' && restarts >= restartsMax)
  );
}
