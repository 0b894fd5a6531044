import type { GateSettings, Objective } from '../release/revision.ts';
import { noCount, plus } from './arm-block.ts';
import { compareArms, isWarmAt } from './arm-comparison.ts';
import { baseRatioAt } from './base-rate.ts';
import { openBeforeAfter, rememberStable, type StableWindow, weighAfter } from './before-after.ts';
import { type GateState, leadingPart, logAgainst, partsOf, type PendingArm } from './gate-state.ts';
import { closeLatencyBlocks, openLatencyMetric } from './latency-metric.ts';
import { addToCustomMetrics, closeCustomBlocks, openCustomMetrics } from './custom-metrics.ts';
import {
  addToInterval,
  closeIntervalBlock,
  openDifferenceInterval,
} from './difference-interval.ts';
import { addSetAside, type SetAsideCounts, withStanding } from './metric-standing.ts';
import { slowerByRatioUsual } from './latency-scale.ts';
import { cutLanes, openIncidentLanes } from './incident-lanes.ts';
import { addToAccounts, closeAccounts, openAccounts } from './metric-account.ts';
import { type ArmView, openObjectives, weighBake, weighHold } from './objective-evidence.ts';
import { openPark } from './park.ts';
import { openPlacebo, weighPlacebo } from './placebo.ts';
import { closeRatioBlocks, openRatioMetric } from './ratio-metric.ts';
import { loneCulprit, withoutInstance } from './suspect.ts';
import { type InstanceTally, mergedTallies } from './unit-lane.ts';
import { faultIn } from './telemetry-fault.ts';
import { weighShare } from './traffic-share.ts';
import type { GateObservation, MetricObservation } from './verdict.ts';

export { judge } from './judge.ts';
export type { GateState } from './gate-state.ts';
export type { GateObservation, Verdict } from './verdict.ts';

/**
 * The gate: is the candidate worse than stable, is it shown not to be, or is that still open? It may be asked at any moment
 * and as often as one likes without spoiling its two promises (see e-variable.ts for the mathematics):
 *
 * G1  A candidate that neither fails more often than stable nor is slower than the tolerance allows is rolled back with a
 *     chance of alpha at most, over the whole rollout and whatever the shares, the base rate and its drift are.
 *     (gate-simulation.test.ts)
 * G2  A candidate worse than stable by the declared margin all along passes the last gate with a chance of beta at most.
 * G3  What ends a block depends on counts and times only, never on how requests ended. (arm-block.ts)
 * G4  Alternatives and base rates used for a block come from before it.
 * G5  Nothing is reset at a step: one alpha per release. A block never spans two weights (`closeBlock`).
 * G6  Absolute objectives hold a step while there is a control arm; they never roll back. A shared outage breaks an
 *     objective on both arms, and throwing back a healthy candidate would not end it.
 *     Alone, the candidate is also compared with stable before it, which warns unless the file asks for more; rolling back by
 *     that has a chance of its own, beside alpha. (before-after.ts)
 * G7  Silence is no evidence, for or against.
 * G8  A declared warm-up keeps the candidate's first time out of the latency comparison, never out of the errors.
 *
 * G9  Where the file names the longest incident to forgive, evidence is by instance and window (unit-lane.ts), and single
 *     requests only ask to park (park.ts). Without that G1 assumes that requests are independent given the rates, which
 *     bursts that fail all requests of one instance together are not. G2 always assumes it.
 * G10 Faulty telemetry and a wrong share of the traffic hold a step; they are evidence for nothing.
 */
export function openGate(
  settings: GateSettings,
  objectives: readonly Objective[],
  atMs: number,
  plannedMs: number,
): GateState {
  requireRatio('falseRollbackRatio', settings.falseRollbackRatio);
  requireRatio('falsePromotionRatio', settings.falsePromotionRatio);
  requireRatio('worseByRatio', settings.worseByRatio);
  requireTime('atMs', atMs);
  requireTime('plannedMs', plannedMs);
  const slowerByRatio = settings.slowerByRatio ?? slowerByRatioUsual;
  return {
    settings,
    objectives,
    openedAtMs: atMs,
    plannedMs,
    lastAtMs: atMs,
    candidateSinceMs: null,
    totals: { candidate: noCount, stable: noCount },
    solo: noArm,
    hasControl: true,
    errors: openRatioMetric(settings, atMs, plannedMs),
    latency: openLatencyMetric(slowerByRatio, atMs, plannedMs),
    custom: openCustomMetrics(settings.metrics ?? [], settings, { atMs, plannedMs }),
    incidents:
      settings.incidentMs === undefined || settings.incidentMs === 0
        ? null
        : openIncidentLanes(settings.incidentMs, atMs, plannedMs),
    promises: openObjectives(objectives, atMs, plannedMs),
    share: null,
    placebo: openPlacebo(settings.incidentMs ?? 0, atMs, plannedMs),
    difference: openDifferenceInterval(atMs),
    instances: [],
    suspect: null,
    telemetryFault: null,
    beforeAfter: openBeforeAfter(null),
    accounts: openAccounts(settings.metrics ?? [], settings.latency !== 'off', atMs),
    peakLogAgainst: 0,
    peakMetric: 'errors',
  };
}

/** With what was seen of stable before the gate was opened, for the comparison of before and after. */
export function withStableBefore(state: GateState, known: StableWindow | null): GateState {
  return known === null ? state : { ...state, beforeAfter: openBeforeAfter(known) };
}

/** Stable's requests while it has all traffic and nothing is judged yet. */
export function noteStable(state: GateState, stable: ArmView, atMs: number): GateState {
  return { ...state, beforeAfter: stableRemembered(state, stable, atMs) };
}

function stableRemembered(
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

/**
 * Takes an interval in. An interval without a request changes nothing; one that can't be (impossible counts, stale) is refused
 * and holds the step for a while.
 */
export function observe(state: GateState, observation: GateObservation): GateState {
  const sentence = faultIn(observation, state.lastAtMs);
  if (sentence !== null) return refusing(state, sentence);
  return isEmpty(observation) ? state : weighInterval(state, observation);
}

/**
 * Takes in what the instances counted themselves. Faulty counts are refused whole; a metric that was not known is no evidence, and
 * holds a step while one arm's is not known at all.
 */
export function observeMetrics(state: GateState, observation: MetricObservation): GateState {
  const { metrics, troubles } = observation;
  const atMs = Math.max(state.lastAtMs, observation.atMs);
  const sentence = faultIn({ ...observation, candidate: noCount, stable: noCount }, state.lastAtMs);
  if (sentence !== null) return { ...state, telemetryFault: { atMs, sentence } };
  const custom = withStanding(addToCustomMetrics(state.custom, metrics, atMs), metrics, troubles);
  const accounts =
    state.accounts && addToAccounts(state.accounts, { metrics }, { atMs, isWarm: true });
  return withPeak(state, { ...state, lastAtMs: atMs, custom, accounts });
}

/** Notes requests that were set aside. */
export function setAside(state: GateState, counts: SetAsideCounts): GateState {
  return { ...state, setAside: addSetAside(state.setAside, counts) };
}

/** Counts an interval in the totals without letting it be evidence: one that spans several weights, for example. */
export function tally(state: GateState, observation: GateObservation): GateState {
  const sentence = faultIn(observation, state.lastAtMs);
  if (sentence !== null) return refusing(state, sentence);
  return isEmpty(observation) ? state : { ...state, ...countsAfter(state, observation) };
}

function refusing(state: GateState, sentence: string): GateState {
  return { ...state, telemetryFault: { atMs: state.lastAtMs, sentence } };
}

function isEmpty({ candidate, stable }: GateObservation): boolean {
  return candidate.requests === 0 && stable.requests === 0;
}

type Counts = Pick<GateState, 'lastAtMs' | 'candidateSinceMs' | 'totals'>;

function countsAfter(state: GateState, { atMs, candidate, stable }: GateObservation): Counts {
  const { totals } = state;
  const lastAtMs = Math.max(state.lastAtMs, atMs);
  const isFirst = state.candidateSinceMs === null && candidate.requests > 0;
  return {
    lastAtMs,
    candidateSinceMs: isFirst ? lastAtMs : state.candidateSinceMs,
    totals: { candidate: plus(totals.candidate, candidate), stable: plus(totals.stable, stable) },
  };
}

/** What an interval changes before it is evidence. Few objects of this size are made, as making them is most of a tick. */
interface Watched extends Counts {
  readonly suspect: GateState['suspect'];
  readonly instances: GateState['instances'];
  readonly solo: PendingArm;
  readonly hasControl: boolean;
}

function weighInterval(state: GateState, seen: GateObservation): GateState {
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

/**
 * Ends the block under way, to be called when the weight changes: a block over two weights would compare candidate requests
 * of one time with stable requests of another. What it held stays in the totals and is no evidence.
 */
export function closeBlock(state: GateState): GateState {
  return {
    ...state,
    errors: closeRatioBlocks(state.errors),
    latency: closeLatencyBlocks(state.latency),
    incidents: state.incidents === null ? null : cutLanes(state.incidents, state.lastAtMs),
    custom: closeCustomBlocks(state.custom),
    difference: closeIntervalBlock(state.difference),
    accounts: state.accounts && closeAccounts(state.accounts),
    share: null,
    solo: noArm,
    hasControl: true,
  };
}

/** A person gives the candidate its share back: what asked to park it is forgotten, which costs no promise (park.ts). */
export function endParking(state: GateState, atMs: number): GateState {
  const { incidents, plannedMs } = state;
  if (incidents === null) return state;
  return { ...state, incidents: { ...incidents, park: openPark(atMs, plannedMs) } };
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

function withPeak(before: GateState, state: GateState): GateState {
  // Between blocks no evidence is new.
  if (isSameEvidence(before, state)) return state;
  const now = logAgainst(state);
  if (now <= state.peakLogAgainst) return state;
  const peaked = {
    ...state,
    peakLogAgainst: now,
    peakMetric: leadingPart(partsOf(state)).metric,
  };
  const { replaceWithinMs = 0, falseRollbackRatio } = state.settings;
  const isOver = now >= -Math.log(falseRollbackRatio);
  const mayWait = replaceWithinMs > 0 && state.suspect === null && state.hasControl;
  if (!isOver || !mayWait || peaked.peakMetric !== 'errors') return peaked;
  const { lastAtMs, plannedMs, settings } = state;
  const instanceId = loneCulprit(state.instances, baseRatioAt(state.errors.base, lastAtMs));
  if (instanceId === null) return peaked;
  return {
    ...peaked,
    suspect: { instanceId, sinceMs: lastAtMs, seenAtMs: lastAtMs },
    errors: openRatioMetric(settings, lastAtMs, plannedMs),
    incidents:
      state.incidents === null
        ? null
        : openIncidentLanes(settings.incidentMs ?? 0, lastAtMs, plannedMs),
    peakLogAgainst: 0,
  };
}

function isSameEvidence(before: GateState, state: GateState): boolean {
  return (
    before.errors.worse === state.errors.worse &&
    before.latency.slower === state.latency.slower &&
    before.incidents === state.incidents &&
    before.custom === state.custom &&
    state.hasControl
  );
}

const noArm: PendingArm = { count: noCount, sinceMs: null };

function requireTime(name: string, ms: number): void {
  if (Number.isFinite(ms) && ms >= 0) return;
  throw new RangeError(`cannot use ${name} ${ms}: must be a finite number of milliseconds, >= 0`);
}

function requireRatio(name: string, ratio: number): void {
  if (ratio > 0 && ratio < 1) return;
  throw new RangeError(`cannot open a gate with ${name} ${ratio}: must be between 0 and 1`);
}
