import type { Effect } from '../effect.ts';
import type { ReleaseEvent } from '../event.ts';
import { scalableRevisions, scalingBounds, wantedInstances } from '../instance-counts.ts';
import { order, unchanged } from '../order.ts';
import { activeRestart } from '../restart.ts';
import type { Revision } from '../revision.ts';
import { nameOf } from '../wording/sentence.ts';
import { activeRollout, type Decision, type ServiceState } from '../service-state.ts';

/**
 * How many instances each arm is to have. The number follows the load by the arithmetic of domain/scaling, which looks every few
 * seconds; here is what a look may change, and what a rollout waits for.
 *
 * N1  A revision that does not follow its load has always `instances`.
 * N2  The number stays within the bounds of the revision, whoever asks.
 * N3  A share goes up only when the candidate has instances for it and stable has them for all of the load. What a way back
 *     orders waits for nobody.
 * N4  A look from before the control loop was away is no reason to go on.
 */
export function seeScale(
  state: ServiceState,
  event: Extract<ReleaseEvent, { kind: 'scale' }>,
): Decision {
  const looked = withNeeds(state, event);
  const changes = scalableRevisions(looked).flatMap((revision): readonly Change[] => {
    const asked = event.arms.find(({ revisionId }) => revisionId === revision.id);
    const isRestarting = activeRestart(state)?.revision.id === revision.id;
    const bounds = scalingBounds(revision);
    if (asked === undefined || bounds === null || isRestarting) return [];
    const { min, max } = bounds;
    const to = Math.min(Math.max(asked.instances, min), max);
    const from = wantedInstances(state, revision);
    return to === from ? [] : [{ revision, from, to, why: asked.sentence }];
  });
  if (changes.length === 0) return unchanged(looked);
  return order(
    { ...looked, counts: countsAfter(looked, changes, event.atMs) },
    {
      atMs: event.atMs,
      type: 'decision',
      decision: 'scale',
      sentence: changes.map(changeText).join('; '),
      effects: (key) =>
        changes.map(({ revision, to: count }): Effect => {
          return { kind: 'ensure-instances', key: `${key}/run/${revision.id}`, revision, count };
        }),
    },
  );
}

function withNeeds(
  state: ServiceState,
  { arms }: Extract<ReleaseEvent, { kind: 'scale' }>,
): ServiceState {
  const rollout = activeRollout(state);
  if (rollout === null) return state;
  const needs = arms.flatMap(({ revisionId, needs: own }) =>
    own === null ? [] : [{ revisionId, needs: own }],
  );
  return { ...state, rollout: { ...rollout, needs } };
}

interface Change {
  readonly revision: Revision;
  readonly from: number;
  readonly to: number;
  readonly why: string;
}

/** Of those that have left nothing is kept. */
function countsAfter(
  state: ServiceState,
  changes: readonly Change[],
  atMs: number,
): NonNullable<ServiceState['counts']> {
  return scalableRevisions(state).map((revision) => {
    const { id: revisionId } = revision;
    const to = changes.find((change) => change.revision.id === revisionId)?.to;
    const before = state.counts?.find((each) => each.revisionId === revisionId);
    const instances = to ?? wantedInstances(state, revision);
    if (instances > 0) return { revisionId, instances };
    return { revisionId, instances, asleepSinceMs: before?.asleepSinceMs ?? atMs };
  });
}

function changeText({ revision, from, to, why }: Change): string {
  return `${nameOf(revision)} from ${from} to ${to} instances: ${why}`;
}
