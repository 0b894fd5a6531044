import type { GateSettings, Objective } from '../release/revision.ts';
import type { ArmCount } from '../traffic/traffic-sample.ts';
import { noCount, plus } from './arm-block.ts';
import { baseRatioAt } from './base-rate.ts';
import { type GateState, leadingPart, logAgainst, partsOf, type PendingArm } from './gate-state.ts';
import {
  addToLatencyMetric,
  closeLatencyBlocks,
  type LatencyMetric,
  openLatencyMetric,
} from './latency-metric.ts';
import { addToCustomMetrics, closeCustomBlocks, openCustomMetrics } from './custom-metrics.ts';
import {
  addToInterval,
  closeIntervalBlock,
  openDifferenceInterval,
} from './difference-interval.ts';
import { addSetAside, type SetAsideCounts, withStanding } from './metric-standing.ts';
import { addToLanes, cutLanes, openIncidentLanes } from './incident-lanes.ts';
import { type ArmView, openObjectives, weighBake, weighHold } from './objective-evidence.ts';
import { cutPlacebo, openPlacebo, weighPlacebo } from './placebo.ts';
import { addToRatioMetric, closeRatioBlocks, openRatioMetric } from './ratio-metric.ts';
import { loneCulprit, withoutInstance } from './suspect.ts';
import { mergedTallies } from './unit-lane.ts';
import { faultIn } from './telemetry-fault.ts';
import { weighShare } from './traffic-share.ts';
import type { GateObservation, InstanceObservation, MetricObservation } from './verdict.ts';

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
    peakLogAgainst: 0,
    peakMetric: 'errors',
  };
}

/** A candidate slower by this is not slower, unless the file says otherwise. */
const slowerByRatioUsual = 0.1;

/**
 * Takes an interval in. An interval without a request changes nothing; one that can't be (impossible counts, stale) is refused
 * and holds the step for a while.
 */
export function observe(state: GateState, observation: GateObservation): GateState {
  const counted = tally(state, observation);
  const isNew = counted !== state && counted.telemetryFault === state.telemetryFault;
  return isNew ? weighInterval(counted, observation) : counted;
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
  return withPeak({ ...state, lastAtMs: atMs, custom });
}

/** Notes requests that were set aside. */
export function setAside(state: GateState, counts: SetAsideCounts): GateState {
  return { ...state, setAside: addSetAside(state.setAside, counts) };
}

/** Counts an interval in the totals without letting it be evidence: one that spans several weights, for example. */
export function tally(state: GateState, observation: GateObservation): GateState {
  const sentence = faultIn(observation, state.lastAtMs);
  if (sentence === null) return counting(state, observation);
  return { ...state, telemetryFault: { atMs: state.lastAtMs, sentence } };
}

function counting(state: GateState, observation: GateObservation): GateState {
  const { candidate, stable } = observation;
  if (candidate.requests === 0 && stable.requests === 0) return state;
  const { totals } = state;
  const lastAtMs = Math.max(state.lastAtMs, observation.atMs);
  const isFirst = state.candidateSinceMs === null && candidate.requests > 0;
  return {
    ...state,
    lastAtMs,
    candidateSinceMs: isFirst ? lastAtMs : state.candidateSinceMs,
    totals: { candidate: plus(totals.candidate, candidate), stable: plus(totals.stable, stable) },
  };
}

function weighInterval(state: GateState, seen: GateObservation): GateState {
  const { suspect } = state;
  const observation = suspect === null ? seen : withoutInstance(seen, suspect.instanceId);
  const atMs = state.lastAtMs;
  const isSeen = seen.instances?.candidate.some((each) => each.instanceId === suspect?.instanceId);
  const watched = {
    ...state,
    suspect: suspect !== null && isSeen === true ? { ...suspect, seenAtMs: atMs } : suspect,
    instances: mergedTallies(state.instances, observation.instances?.candidate ?? []),
  };
  if (observation.stable.requests > 0) {
    return compare({ ...watched, solo: noArm, hasControl: true }, observation, atMs);
  }
  const view = {
    count: observation.candidate,
    latency: isWarm(watched, atMs) ? (observation.latency?.candidate ?? []) : [],
  };
  if (!watched.hasControl) return weighAlone(watched, view, atMs);
  const solo = {
    count: plus(watched.solo.count, view.count),
    sinceMs: watched.solo.sinceMs ?? atMs,
  };
  if (isAlone(solo, atMs)) return weighAlone(watched, { ...view, count: solo.count }, atMs);
  return compare({ ...watched, solo }, observation, atMs);
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
    share: null,
    placebo: cutPlacebo(state.placebo, state.lastAtMs),
    solo: noArm,
    hasControl: true,
  };
}

/** Both arms have requests, or only one of them lately: whatever completes a block is evidence. */
function compare(state: GateState, observation: GateObservation, atMs: number): GateState {
  const { strata = [] } = observation;
  const candidate = { count: observation.candidate, latency: observation.latency?.candidate ?? [] };
  const stable = { count: observation.stable, latency: observation.latency?.stable ?? [] };
  const isCompared = isWarm(state, atMs) && state.settings.latency !== 'off';
  const judged = isCompared ? { candidate, stable } : withoutLatency({ candidate, stable });
  return withPeak({
    ...state,
    errors: addToRatioMetric(state.errors, { total: observation, strata }, atMs),
    latency: isCompared ? addLatency(state.latency, observation, atMs) : state.latency,
    incidents: state.incidents === null ? null : addIncidents(state, observation, isCompared),
    promises: state.promises.map((promise) => weighHold(promise, judged, atMs)),
    custom: addToCustomMetrics(state.custom, observation.metrics ?? [], atMs),
    difference: addToInterval(state.difference, observation, atMs),
    share: shareAfter(state, observation, atMs),
    placebo:
      observation.instances === undefined
        ? state.placebo
        : weighPlacebo(state.placebo, observation.instances, atMs),
  });
}

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

/** Without counts by instance each arm is one: valid still, and slow. */
function addIncidents(
  { incidents, errors, latency, plannedMs, lastAtMs }: GateState,
  observation: GateObservation,
  isCompared: boolean,
): GateState['incidents'] {
  if (incidents === null) return null;
  const { candidate, stable, instances } = observation;
  const whole = (count: ArmCount): readonly InstanceObservation[] =>
    count.requests === 0 ? [] : [{ instanceId: '', ...count }];
  const interval = {
    pair: { candidate, stable },
    candidate: instances?.candidate ?? whole(candidate),
    stable: instances?.stable ?? whole(stable),
    latency: isCompared ? latency : null,
  };
  const stableRatio = baseRatioAt(errors.base, lastAtMs);
  return addToLanes(incidents, interval, { atMs: lastAtMs, plannedMs, stableRatio });
}

function addLatency(
  metric: LatencyMetric,
  { latency, strata = [] }: GateObservation,
  atMs: number,
): LatencyMetric {
  if (latency === undefined) return metric;
  const parts = strata.some((each) => each.latency !== undefined)
    ? strata.map(({ key, latency: own }) => ({ key, candidate: [], stable: [], ...own }))
    : [{ ...latency, key: '' }];
  let next = metric;
  for (const part of parts) next = addToLatencyMetric(next, part, atMs);
  return next;
}

function isWarm({ candidateSinceMs, settings }: GateState, atMs: number): boolean {
  const warmUpMs = settings.warmUpMs ?? warmUpUsualMs;
  return warmUpMs === 0 || (candidateSinceMs !== null && atMs - candidateSinceMs >= warmUpMs);
}

/** A fresh process compiles and connects before it is as fast as it will be. */
const warmUpUsualMs = 10_000;

function withoutLatency(arms: { readonly candidate: ArmView; readonly stable: ArmView }): {
  readonly candidate: ArmView;
  readonly stable: ArmView;
} {
  return {
    candidate: { ...arms.candidate, latency: [] },
    stable: { ...arms.stable, latency: [] },
  };
}

/**
 * The candidate has all traffic: the one-sample tests, which may roll back because they are the only ones left. The old
 * revision would do no better in an outage of something behind both; that is the price of having no control.
 */
function weighAlone(state: GateState, view: ArmView, atMs: number): GateState {
  const { settings, plannedMs } = state;
  const moment = { atMs, plannedMs, worseByRatio: settings.worseByRatio };
  return withPeak({
    ...state,
    errors: closeRatioBlocks(state.errors),
    latency: closeLatencyBlocks(state.latency),
    solo: noArm,
    hasControl: false,
    promises: state.promises.map((promise) => weighBake(promise, view, moment)),
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

function withPeak(state: GateState): GateState {
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

const noArm: PendingArm = { count: noCount, sinceMs: null };

function requireTime(name: string, ms: number): void {
  if (Number.isFinite(ms) && ms >= 0) return;
  throw new RangeError(`cannot use ${name} ${ms}: must be a finite number of milliseconds, >= 0`);
}

function requireRatio(name: string, ratio: number): void {
  if (ratio > 0 && ratio < 1) return;
  throw new RangeError(`cannot open a gate with ${name} ${ratio}: must be between 0 and 1`);
}
