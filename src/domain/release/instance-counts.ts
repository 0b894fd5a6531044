import { type LoadNeed, neededFor } from '../scaling/capacity-guard.ts';
import { candidateCount } from './strategies/blue-green.ts';
import type { Revision } from './revision.ts';
import { rolledBy, rolledCount } from './strategies/rolling-arms.ts';
import { activeRollout, type Rollout, type ServiceState, stableOf } from './service-state.ts';

/** How many instances of the revision were ordered last. */
export function wantedInstances(state: ServiceState, revision: Revision): number {
  const rollout = activeRollout(state);
  const rolled = rollout === null ? null : rolledCount(rollout, revision.id);
  if (rolled !== null) return rolled;
  const ordered = state.counts?.find(({ revisionId }) => revisionId === revision.id);
  if (ordered !== undefined) return ordered.instances;
  return rollout?.candidate.id === revision.id ? candidateCount(rollout) : revision.instances;
}

/** Between which numbers it follows its load; null: it does not follow it. */
export function scalingBounds({
  scale,
  concurrency,
}: Revision): { readonly min: number; readonly max: number } | null {
  return scale ?? concurrency ?? null;
}

/** A revision that starts anew begins with its own number. */
export function withoutCount(state: ServiceState, revisionId: string): ServiceState {
  if (state.counts === undefined) return state;
  return { ...state, counts: state.counts.filter((each) => each.revisionId !== revisionId) };
}

/** The number that a revision goes on with. */
export function withCount(
  state: ServiceState,
  revision: Revision,
  instances: number,
): ServiceState {
  if (scalingBounds(revision) === null) return state;
  const others = (state.counts ?? []).filter(({ revisionId }) => revisionId !== revision.id);
  return { ...state, counts: [...others, { revisionId: revision.id, instances }] };
}

/** Who may be scaled: stable, and a candidate that has not been given up and is no small standby. */
export function scalableRevisions(state: ServiceState): readonly Revision[] {
  const stable = state.isDeleted ? null : stableOf(state);
  const rollout = activeRollout(state);
  if (rollout === null) return stable === null ? [] : [stable];
  // Who comes and who goes is not for the load to say; in a bake only the candidate is there.
  if (rolledBy(rollout) !== null) {
    return rollout.phase.kind === 'baking' ? [rollout.candidate] : [];
  }
  return [stable, scaledCandidate(rollout)].filter((each) => each !== null);
}

/** How many a candidate that is rolled should have in the end: as many as stable has by its load, where it scales too. */
export function rolledDesired(state: ServiceState, candidate: Revision, stable: Revision): number {
  const bounds = scalingBounds(candidate);
  if (bounds === null) return candidate.instances;
  const carried = Math.min(wantedInstances(state, stable), bounds.max);
  return Math.max(candidate.instances, carried);
}

function scaledCandidate(rollout: Rollout): Revision | null {
  const { candidate, phase } = rollout;
  const isSmall = candidateCount(rollout) < candidate.instances;
  return isSmall || phase.kind === 'reverting' ? null : candidate;
}

/** What an arm must have at least for what a rollout may do next, whatever its own load is: N3. At rest 0. */
export function leastInstances(
  state: ServiceState,
  revision: Revision,
  needs: readonly LoadNeed[],
): number {
  const rollout = activeRollout(state);
  if (rollout === null) return 0;
  const isCandidate = revision.id === rollout.candidate.id;
  // A candidate that sleeps shows nothing of itself.
  const least = isCandidate ? 1 : 0;
  return Math.max(least, neededFor(needs, isCandidate ? shareAhead(rollout) : 1));
}

/** Of the step in force and the next one the larger share, so that a gate that passes need not wait. */
function shareAhead({ phase, plan }: Rollout): number {
  const weightAt = (index: number) => (plan.steps[index]?.weightPercent ?? 100) / 100;
  switch (phase.kind) {
    case 'starting':
      return weightAt(0);
    case 'shifting':
    case 'parked':
      return weightAt(phase.stepIndex);
    case 'judging':
    case 'waiting':
      return Math.max(weightAt(phase.stepIndex), weightAt(phase.stepIndex + 1));
    case 'rolling':
    case 'baking':
      return 1;
    case 'reverting':
    case 'promoted':
    case 'rolled-back':
      return 0;
  }
}
