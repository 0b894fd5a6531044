import type { ActionRequest } from '../../api/wire.ts';
import type { Action } from '../../domain/release/event.ts';
import { restartOrder } from '../../domain/release/restart.ts';
import { type ServiceState, stableOf } from '../../domain/release/service-state.ts';
import type { Instance } from '../../ports/platform.ts';

/** What the decider is asked for. A revision that is named by its version is found by it. */
export function actionOf(
  state: ServiceState,
  request: Pick<ActionRequest, 'action' | 'toRevision' | 'override'>,
  instances: readonly Instance[],
): Action {
  if (request.action === 'promote' || request.action === 'promote-full') {
    return { kind: request.action, ...(request.override && { override: true }) };
  }
  if (request.action === 'restart') {
    const stable = stableOf(state);
    const own = instances.filter(({ revisionId }) => revisionId === stable?.id);
    return { kind: 'restart', instanceIds: stable === null ? [] : restartOrder(own, stable) };
  }
  if (request.action !== 'undo') return { kind: request.action };
  const wanted = request.toRevision;
  if (wanted === null) return { kind: 'undo', toRevisionId: null };
  const named = state.stables.findLast((each) => each.id === wanted || each.version === wanted);
  return { kind: 'undo', toRevisionId: named?.id ?? wanted };
}
