import { advance } from './advance.ts';
import type { ReleaseEvent } from './event.ts';
import { order, unchanged } from './order.ts';
import { followRestart } from './restart.ts';
import { instancesOf } from './seeing/see.ts';
import { timesText } from './wording/amount-text.ts';
import { nameOf } from './wording/sentence.ts';
import { activeRollout, type Decision, type ServiceState, stableOf } from './service-state.ts';

/** Takes over what the platform shows; a crash of a service at rest is worth an entry of its own. */
export function seeInstances(
  state: ServiceState,
  event: Extract<ReleaseEvent, { kind: 'instances' }>,
): Decision {
  const seen: ServiceState = { ...state, instances: event.revisions };
  const rollout = activeRollout(seen);
  if (rollout === null) {
    return followRestart(seen, event.atMs) ?? seeAtRest(state, seen, event.atMs);
  }
  if (rollout.phase.kind === 'starting') return advance(seen, event.atMs);
  const isAnyReady = (instancesOf(seen, rollout.candidate.id)?.ready ?? 0) > 0;
  const unreadySinceMs = isAnyReady ? null : (rollout.unreadySinceMs ?? event.atMs);
  return advance({ ...seen, rollout: { ...rollout, unreadySinceMs } }, event.atMs);
}

function seeAtRest(before: ServiceState, seen: ServiceState, atMs: number): Decision {
  const stable = stableOf(seen);
  if (stable === null) return unchanged(seen);
  const now = instancesOf(seen, stable.id);
  const restarts = (now?.restarts ?? 0) - (instancesOf(before, stable.id)?.restarts ?? 0);
  if (now === null || restarts <= 0 || before.instances.length === 0) return unchanged(seen);
  const why = now.reason === null ? '' : `: ${now.reason}`;
  return order(seen, {
    atMs,
    type: 'instance-event',
    decision: 'progress',
    sentence: `instances of ${nameOf(stable)} restarted ${timesText(restarts)}, ${now.ready} of ${stable.instances} ready${why}`,
  });
}
