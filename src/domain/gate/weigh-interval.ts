import { noCount, plus } from './arm-block.ts';
import { compareArms, isWarmAt } from './arm-comparison.ts';
import { rememberStable, weighAfter } from './before-after.ts';
import { addToCustomMetrics } from './custom-metrics.ts';
import { addToInterval } from './difference-interval.ts';
import { type GateState, type PendingArm } from './gate-state.ts';
import { closeLatencyBlocks } from './latency-metric.ts';
import { addToAccounts } from './metric-account.ts';
import { type ArmView, weighBake, weighHold } from './objective-evidence.ts';
import { withPeak } from './peak-evidence.ts';
import { weighPlacebo } from './placebo.ts';
import { closeRatioBlocks } from './ratio-metric.ts';
import { withoutInstance } from './suspect.ts';
import { weighShare } from './traffic-share.ts';
import { type InstanceTally, mergedTallies } from './unit-lane.ts';
import type { GateObservation } from './verdict.ts';

/** What an interval changes before it is evidence. Few objects of this size are made, as making them is most of a tick. */
interface Watched extends Counts {
  readonly suspect: GateState['suspect'];
  readonly instances: GateState['instances'];
  readonly solo: PendingArm;
  readonly hasControl: boolean;
}

export function weighInterval(state: GateState, seen: GateObservation): GateState {
  const { suspect, solo, hasControl } = state;
  const observation = suspect === null ? seen : withoutInstance(seen, suspect.instanceId);
  const counts = countsAfter(state, seen);
  const atMs = counts.lastAtMs;
  const isSeen =
    suspect !== null &&
    seen.instances?.candidate.some((each) => each.instanceId === suspect.instanceId) === true;
  const known: Watched = {
    lastAtMs: atMs,
    candidateSinceMs: counts.candidateSinceMs,
    totals: counts.totals,
    suspect: isSeen ? { ...suspect, seenAtMs: atMs } : suspect,
    instances: mergedTallies(state.instances, observation.instances?.candidate ?? []),
    solo,
    hasControl,
  };
  if (observation.stable.requests > 0) {
    const compared = hasControl && solo === noArm;
    const both = compared ? known : { ...known, solo: noArm, hasControl: true };
    return compare(state, both, observation);
  }
  const isCompared = isWarmAt(state.settings, known.candidateSinceMs, atMs);
  const latency = isCompared ? (observation.latency?.candidate ?? []) : [];
  const view = { count: observation.candidate, latency };
  if (!hasControl) return weighAlone(state, known, view);
  const alone = { count: plus(solo.count, view.count), sinceMs: solo.sinceMs ?? atMs };
  if (isAlone(alone, atMs)) return weighAlone(state, known, { ...view, count: alone.count });
  return compare(state, { ...known, solo: alone }, observation);
}

/** Both arms have requests, or only one of them lately: whatever completes a block is evidence. */
function compare(state: GateState, watched: Watched, observation: GateObservation): GateState {
  const { instances, metrics = [] } = observation;
  const { lastAtMs: atMs } = watched;
  const isWarm = isWarmAt(state.settings, watched.candidateSinceMs, atMs);
  const isCompared = isWarm && state.settings.latency !== 'off';
  const { errors, latency, incidents } = compareArms(state, observation, { atMs, isWarm });
  // One spread and names: a second spread would take twice the time of everything else here.
  return withPeak(state, {
    ...state,
    lastAtMs: atMs,
    candidateSinceMs: watched.candidateSinceMs,
    totals: watched.totals,
    suspect: watched.suspect,
    instances: watched.instances,
    solo: watched.solo,
    hasControl: watched.hasControl,
    beforeAfter: stableRemembered(state, stableView(observation), atMs),
    accounts: state.accounts && addToAccounts(state.accounts, observation, { atMs, isWarm }),
    errors,
    latency,
    incidents,
    promises: promisesAfter(state.promises, observation, { atMs, isCompared }),
    custom: addToCustomMetrics(state.custom, metrics, atMs),
    difference: addToInterval(state.difference, observation, atMs),
    share: shareAfter(state, observation, atMs),
    placebo:
      instances === undefined
        ? state.placebo
        : weighPlacebo(state.placebo, instances, { atMs, window: endedWindow(state, incidents) }),
  });
}

/** Stable's units of the window that this interval has ended; null: it goes on. */
function endedWindow(
  { incidents: before }: GateState,
  after: GateState['incidents'],
): readonly InstanceTally[] | null {
  if (before === null || after === null || before.errors.sinceMs === null) return null;
  return before.errors.sinceMs === after.errors.sinceMs ? null : before.errors.stable;
}

interface Moment {
  readonly atMs: number;
  /** Whether latency is compared now. */
  readonly isCompared: boolean;
}

function promisesAfter(
  promises: GateState['promises'],
  { candidate, stable, latency }: GateObservation,
  { atMs, isCompared }: Moment,
): GateState['promises'] {
  const judged = isCompared ? latency : undefined;
  const arms = {
    candidate: { count: candidate, latency: judged?.candidate ?? noLatency },
    stable: { count: stable, latency: judged?.stable ?? noLatency },
  };
  return promises.map((promise) => weighHold(promise, arms, atMs));
}

const noLatency: ArmView['latency'] = [];

function shareAfter(
  { share, suspect, plannedMs }: GateState,
  observation: GateObservation,
  atMs: number,
): GateState['share'] {
  const { wantedShareRatio: wantedRatio } = observation;
  // Without the suspect's requests the share is not what the router gave.
  if (wantedRatio === undefined || wantedRatio <= 0 || wantedRatio >= 1 || suspect !== null) {
    return null;
  }
  return weighShare(share, observation, { atMs, plannedMs, wantedRatio });
}

/**
 * The candidate has all traffic: the one-sample tests, which may roll back because they are the only ones left. The old
 * revision would do no better in an outage of something behind both; that is the price of having no control.
 */
function weighAlone(state: GateState, watched: Watched, view: ArmView): GateState {
  const { settings, plannedMs } = state;
  const moment = { atMs: watched.lastAtMs, plannedMs, worseByRatio: settings.worseByRatio };
  return withPeak(state, {
    ...state,
    ...watched,
    errors: closeRatioBlocks(state.errors),
    latency: closeLatencyBlocks(state.latency),
    solo: noArm,
    hasControl: false,
    promises: state.promises.map((promise) => weighBake(promise, view, moment)),
    beforeAfter: state.beforeAfter && weighAfter(state.beforeAfter, view, { ...moment, settings }),
  });
}

/**
 * Whether stable's silence means that it is out: by counts and time only (G3). With 5 % for stable, 200 requests in a row for
 * the candidate have a chance of 0.00004. With 1 % it happens now and then; the next request to stable ends it again.
 */
function isAlone(solo: PendingArm, atMs: number): boolean {
  const { count, sinceMs } = solo;
  return sinceMs !== null && count.requests >= 200 && atMs - sinceMs >= 1000;
}

export function stableRemembered(
  { beforeAfter, settings }: GateState,
  stable: ArmView,
  atMs: number,
): GateState['beforeAfter'] {
  return beforeAfter === undefined || settings.beforeAfter === 'off'
    ? beforeAfter
    : rememberStable(beforeAfter, stable, atMs);
}

function stableView({ stable, latency }: GateObservation): ArmView {
  return { count: stable, latency: latency?.stable ?? noLatency };
}

type Counts = Pick<GateState, 'lastAtMs' | 'candidateSinceMs' | 'totals'>;

export function countsAfter(
  state: GateState,
  { atMs, candidate, stable }: GateObservation,
): Counts {
  const { totals } = state;
  const lastAtMs = Math.max(state.lastAtMs, atMs);
  const isFirst = state.candidateSinceMs === null && candidate.requests > 0;
  return {
    lastAtMs,
    candidateSinceMs: isFirst ? lastAtMs : state.candidateSinceMs,
    totals: { candidate: plus(totals.candidate, candidate), stable: plus(totals.stable, stable) },
  };
}

export const noArm: PendingArm = { count: noCount, sinceMs: null };
