import { listText, secondsText } from '../wording/amount-text.ts';
import type { Revision } from '../revision.ts';
import type { Phase, Rollout, ServiceState } from '../service-state.ts';
import type { Recreate, Rolling } from './strategy.ts';

export type RollingPhase = Extract<Phase, { kind: 'rolling' }>;

/** One revision of a rollout that is rolled, as the platform shows it. */
export interface Arm {
  readonly revision: Revision;
  /** How many there are to be if it has all places. */
  readonly desired: number;
  readonly wanted: number;
  /** Of those wanted. */
  readonly ready: number;
  readonly total: number;
  readonly reason: string | null;
}

export interface Arms {
  readonly incoming: Arm;
  readonly outgoing: Arm;
  /** Stable comes, the candidate goes. */
  readonly isBack: boolean;
}

/** How this rollout replaces instances; null: it does not, as a first one or a canary. */
export function rolledBy({
  kind,
  plan,
  stable,
}: Pick<Rollout, 'kind' | 'plan' | 'stable'>): Rolling | Recreate | null {
  if (kind === 'first' || stable === null) return null;
  const { strategy } = plan;
  return strategy?.kind === 'rolling' || strategy?.kind === 'recreate' ? strategy : null;
}

/** Null: nothing is rolled now. */
export function armsOf(state: ServiceState, rollout: Rollout): Arms | null {
  const { phase, candidate, stable } = rollout;
  if (phase.kind !== 'rolling' || stable === null) return null;
  const { wanted, desired, cause } = phase;
  const ofCandidate = armOf(state, candidate, {
    wanted: wanted.candidate,
    desired: desired.candidate,
  });
  const ofStable = armOf(state, stable, { wanted: wanted.stable, desired: desired.stable });
  return cause === null
    ? { incoming: ofCandidate, outgoing: ofStable, isBack: false }
    : { incoming: ofStable, outgoing: ofCandidate, isBack: true };
}

/** How many instances of this revision there should be now, where a rollout replaces them; null: as many as it says itself. */
export function rolledCount(rollout: Rollout, revisionId: string): number | null {
  if (rolledBy(rollout) === null) return null;
  const { phase, candidate } = rollout;
  const isCandidate = revisionId === candidate.id;
  switch (phase.kind) {
    case 'rolling':
      return isCandidate ? phase.wanted.candidate : phase.wanted.stable;
    case 'shifting':
    case 'baking':
      return isCandidate ? null : 0;
    case 'reverting':
      return isCandidate ? 0 : null;
    case 'starting':
    case 'judging':
    case 'waiting':
    case 'parked':
    case 'promoted':
    case 'rolled-back':
      return null;
  }
}

/** The key of the order to stop a revision that is still waited for; null: none is. */
export function awaitedStop({ phase, candidate }: Rollout, revisionId: string): string | null {
  if (phase.kind !== 'rolling' || isIncoming({ phase, candidate }, revisionId)) return null;
  return phase.stopKey;
}

/** Whether this revision's instances come now. */
export function isIncoming(
  { phase, candidate }: Pick<Rollout, 'phase' | 'candidate'>,
  revisionId: string,
): boolean {
  if (phase.kind !== 'rolling') return false;
  return (phase.cause === null) === (revisionId === candidate.id);
}

/** `2 of 3 instances of web v2 (…) are ready, 1 of web v1 (…)`; names as people say them. */
export function instancesText({ incoming, outgoing }: Arms): string {
  const { ready, desired, revision } = incoming;
  return `${ready} of ${desired} instances of ${versionOf(revision)} and ${outgoing.ready} of ${versionOf(outgoing.revision)} are ready`;
}

/** Where a rolled rollout is, for people; null: nothing is rolled now. */
export function rollingText(state: ServiceState, rollout: Rollout, atMs: number): string | null {
  const { phase } = rollout;
  const arms = armsOf(state, rollout);
  if (phase.kind !== 'rolling' || arms === null) return null;
  const reason = arms.incoming.reason === null ? '' : ` (${arms.incoming.reason})`;
  const text = `${instancesText(arms)} after ${secondsText(atMs - phase.sinceMs)}${reason}`;
  return phase.cause === null
    ? `rolling: ${text}`
    : `rolling back: ${text}: ${phase.cause.sentence}`;
}

/** `rolling: at most 1 more and 0 fewer of 3 instances` is said by the amounts as they are written. */
export function rolledText(strategy: Rolling | Recreate): string {
  if (strategy.kind === 'recreate')
    return 'recreate: all of the old stop before the new ones start';
  const { maxSurge, maxUnavailable } = strategy;
  const of = (amount: Rolling['maxSurge']): string =>
    amount.kind === 'count' ? String(amount.count) : `${amount.percent} %`;
  return `rolling: ${listText([`at most ${of(maxSurge)} more`, `${of(maxUnavailable)} fewer instances`])} at a time`;
}

function armOf(
  state: ServiceState,
  revision: Revision,
  { wanted, desired }: Pick<Arm, 'wanted' | 'desired'>,
): Arm {
  const seen = state.instances.find((each) => each.revisionId === revision.id);
  return {
    revision,
    desired,
    wanted,
    ready: Math.min(seen?.ready ?? 0, wanted),
    total: seen?.total ?? 0,
    reason: seen?.reason ?? null,
  };
}

function versionOf({ version, id }: Revision): string {
  return version ?? id;
}
