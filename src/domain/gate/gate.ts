import type { GateSettings, Objective } from '../release/revision.ts';
import { noCount } from './arm-block.ts';
import { openBeforeAfter, type StableWindow } from './before-after.ts';
import { addToCustomMetrics, closeCustomBlocks, openCustomMetrics } from './custom-metrics.ts';
import { closeIntervalBlock, openDifferenceInterval } from './difference-interval.ts';
import type { GateState } from './gate-state.ts';
import { cutLanes, openIncidentLanes } from './incident-lanes.ts';
import { closeLatencyBlocks, openLatencyMetric } from './latency-metric.ts';
import { slowerByRatioOf } from './latency-scale.ts';
import { addToAccounts, closeAccounts, openAccounts } from './metric-account.ts';
import { addSetAside, type SetAsideCounts, withStanding } from './metric-standing.ts';
import { type ArmView, openObjectives } from './objective-evidence.ts';
import { openPark } from './park.ts';
import { withPeak } from './peak-evidence.ts';
import { openPlacebo } from './placebo.ts';
import { closeRatioBlocks, openRatioMetric } from './ratio-metric.ts';
import { faultIn } from './telemetry-fault.ts';
import type { GateObservation, MetricObservation } from './verdict.ts';
import { countsAfter, noArm, stableRemembered, weighInterval } from './weigh-interval.ts';

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
  const slowerByRatio = slowerByRatioOf(settings);
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

function requireTime(name: string, ms: number): void {
  if (Number.isFinite(ms) && ms >= 0) return;
  throw new RangeError(`cannot use ${name} ${ms}: must be a finite number of milliseconds, >= 0`);
}

function requireRatio(name: string, ratio: number): void {
  if (ratio > 0 && ratio < 1) return;
  throw new RangeError(`cannot open a gate with ${name} ${ratio}: must be between 0 and 1`);
}
