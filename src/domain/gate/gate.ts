import type { GateSettings, Objective } from '../release/revision.ts';
import type { ArmCount } from '../traffic/traffic-sample.ts';
import { type Block, logArmRatio, logLikelihoodRatio, pooled, sizesOf } from './e-variable.ts';
import {
  addToBase,
  baseRatioAt,
  blockRequestsMin,
  type GateState,
  logAgainst,
  type ObjectiveEvidence,
  type PendingArm,
  type PendingBlock,
} from './gate-state.ts';
import { openMargins, weigh } from './non-inferiority.ts';
import { advance, alternativeWeights, capped, openMixture, worseRatios } from './onset-mixture.ts';
import type { GateObservation } from './verdict.ts';

export { judge } from './judge.ts';
export type { GateState } from './gate-state.ts';
export type { GateObservation, Verdict } from './verdict.ts';

/**
 * The gate: is the candidate worse than stable, is it shown not to be, or is that still open? It may be asked at any moment
 * and as often as one likes without spoiling its two promises (see e-variable.ts for the mathematics):
 *
 * G1  A candidate whose failure ratio is never above stable's is rolled back with a chance of alpha at most, over the
 *     whole rollout and whatever the shares, the base rate and its drift are. (gate-simulation.test.ts)
 * G2  A candidate worse than stable by the declared margin all along passes the last gate with a chance of beta at most.
 * G3  What ends a block depends on counts and times only, never on how requests ended. (See `isComplete`.)
 * G4  Alternatives and base rates used for a block come from before it.
 * G5  Nothing is reset at a step: one alpha per release. A block never spans two weights (`closeBlock`).
 * G6  Absolute objectives hold a step while there is a control arm; they never roll back. A shared outage breaks an
 *     objective on both arms, and throwing back a healthy candidate would not end it.
 * G7  Silence is no evidence, for or against.
 *
 * G1 and G2 assume that requests fail independently given the rates. Bursts that fail all requests of one instance
 * together break that; evidence by instance and window is the remedy (gates 2g) and becomes another metric in `budgetShares`,
 * as does latency.
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
  return {
    settings,
    objectives,
    openedAtMs: atMs,
    plannedMs,
    lastAtMs: atMs,
    totals: { candidate: none, stable: none },
    pending: noBlock,
    solo: noArm,
    hasControl: true,
    base: { requests: 0, failures: 0, atMs },
    comparedAtMs: null,
    errors: openMixture(alternativeWeights, atMs, plannedMs),
    bake: null,
    objective: openObjective(objectives, atMs, plannedMs),
    margins: openMargins(settings, atMs, plannedMs),
    peakLogAgainst: 0,
  };
}

/** Takes an interval in. An interval without a request changes nothing. Throws a RangeError on counts that are none. */
export function observe(state: GateState, observation: GateObservation): GateState {
  const counted = tally(state, observation);
  if (counted === state) return state;
  const { candidate, stable } = observation;
  const atMs = counted.lastAtMs;
  if (stable.requests > 0) {
    const pending = extended(counted.pending, observation, atMs);
    return settle({ ...counted, pending, solo: noArm, hasControl: true }, atMs);
  }
  if (!counted.hasControl) return weighAlone(counted, candidate, atMs);
  const solo = {
    count: plus(counted.solo.count, candidate),
    sinceMs: counted.solo.sinceMs ?? atMs,
  };
  if (isAlone(solo, atMs)) return weighAlone(counted, solo.count, atMs);
  return settle({ ...counted, pending: extended(counted.pending, observation, atMs), solo }, atMs);
}

/** Counts an interval in the totals without letting it be evidence: one that spans several weights, for example. */
export function tally(state: GateState, observation: GateObservation): GateState {
  requireTime('atMs', observation.atMs);
  requireCount('candidate', observation.candidate);
  requireCount('stable', observation.stable);
  const { candidate, stable } = observation;
  if (candidate.requests === 0 && stable.requests === 0) return state;
  const { totals } = state;
  return {
    ...state,
    lastAtMs: Math.max(state.lastAtMs, observation.atMs),
    totals: { candidate: plus(totals.candidate, candidate), stable: plus(totals.stable, stable) },
  };
}

/**
 * Ends the block under way, to be called when the weight changes: a block over two weights would compare candidate requests
 * of one time with stable requests of another. What it held stays in the totals and is no evidence.
 */
export function closeBlock(state: GateState): GateState {
  return { ...state, pending: noBlock, solo: noArm, hasControl: true };
}

/** Objectives that are accepted and not judged. */
export function unjudgedObjectives(objectives: readonly Objective[]): readonly Objective[] {
  return objectives.filter((objective) => objective.kind !== 'success');
}

/**
 * Makes the pending block evidence when it is complete.
 *
 * Why blocks at all: the share of the candidate enters the e-variable, and in a block with requests of one arm only there is
 * nothing to compare. Why not "until something fails": E averages to 1 over the outcomes of a block whose size was fixed
 * without looking at them. Ending a block early because a failure came in would choose the size by the outcome, and the
 * proof would be void. Counts and times are free to decide, because they don't tell how requests end.
 */
function settle(state: GateState, atMs: number): GateState {
  const { pending } = state;
  if (isComplete(pending, blockRequestsMin)) return compare(state, pending, atMs);
  const isOld = pending.sinceMs !== null && atMs - pending.sinceMs >= blockAgeMaxMs;
  if (!isOld) return state;
  if (isComplete(pending, 1)) return compare(state, pending, atMs);
  // One arm got nothing for long: a comparison would be between different times. Stable's counts still tell its base rate.
  return { ...state, pending: noBlock, base: addToBase(state.base, pending.stable, atMs) };
}

function isComplete({ candidate, stable }: Block, requestsMin: number): boolean {
  return Math.min(candidate.requests, stable.requests) >= requestsMin;
}

/** A block that is not complete by then ends with what it has. */
const blockAgeMaxMs = 30_000;

/** The block becomes evidence in every two-armed process; the base rate learns from it afterwards (G4). */
function compare(state: GateState, block: Block, atMs: number): GateState {
  const baseRatio = baseRatioAt(state.base, atMs);
  const sizes = sizesOf(block);
  const logEvidences = worseRatios(baseRatio).map((candidateRatio) => {
    const alternative = { candidateRatio, stableRatio: baseRatio };
    return logLikelihoodRatio(block, alternative, pooled(sizes, alternative));
  });
  return withPeak({
    ...state,
    pending: noBlock,
    base: addToBase(state.base, block.stable, atMs),
    comparedAtMs: atMs,
    errors: advance(state.errors, alternativeWeights, atMs, logEvidences),
    margins: state.margins.map((margin) => weigh(margin, block, { baseRatio, atMs })),
    objective: state.objective && weighObjective(state.objective, block.candidate, atMs),
  });
}

/**
 * The candidate has all traffic: the one-sample test, which may roll back because it is the only one left. The old revision
 * would do no better in an outage of something behind both; that is the price of having no control.
 */
function weighAlone(state: GateState, count: ArmCount, atMs: number): GateState {
  const bake = state.bake ?? {
    allowedRatio: allowedAlone(state),
    count: none,
    atMs,
    mixture: openMixture(alternativeWeights, atMs, state.plannedMs),
  };
  const mixture = advance(
    bake.mixture,
    alternativeWeights,
    atMs,
    logAllowed(count, bake.allowedRatio),
  );
  return withPeak({
    ...state,
    pending: noBlock,
    solo: noArm,
    hasControl: false,
    bake: { ...bake, count: plus(bake.count, count), atMs, mixture },
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

/**
 * The failure ratio a candidate alone may have: what its strictest success objective allows (99 % when none is declared),
 * but never less than what promotion allowed it, stable's own ratio and the margin. Otherwise a service that has always
 * failed 2 % of its requests would be thrown back after 100 % for being itself.
 */
function allowedAlone(state: GateState): number {
  const stableRatio = baseRatioAt(state.base, state.lastAtMs);
  const promised = state.objective?.allowedRatio ?? 1 - defaultSuccessRatio;
  return Math.min(0.999, Math.max(promised, stableRatio + state.settings.worseByRatio));
}

const defaultSuccessRatio = 0.99;

/** All success objectives speak of one failure ratio, so the strictest one implies the others. */
function openObjective(
  objectives: readonly Objective[],
  atMs: number,
  plannedMs: number,
): ObjectiveEvidence | null {
  const [strictest] = objectives
    .filter((objective) => objective.kind === 'success')
    .toSorted((a, b) => b.ratioMin - a.ratioMin);
  if (strictest === undefined) return null;
  const allowedRatio = Math.min(0.999, Math.max(allowedRatioMin, 1 - strictest.ratioMin));
  return {
    name: strictest.name,
    allowedRatio,
    mixture: openMixture(alternativeWeights, atMs, plannedMs),
  };
}

/** "100 %" can't be tested, one failure would refute it; it is taken as 99.99 %. */
const allowedRatioMin = 0.0001;

/** Capped, so that the hold ends within some hundred good requests after an outage, not after as many as were bad. */
function weighObjective(
  objective: ObjectiveEvidence,
  count: ArmCount,
  atMs: number,
): ObjectiveEvidence {
  const mixture = advance(
    objective.mixture,
    alternativeWeights,
    atMs,
    logAllowed(count, objective.allowedRatio),
  );
  return { ...objective, mixture: capped(mixture, objectiveLogMax) };
}

/** Two nats above the 20 at which an objective holds. */
const objectiveLogMax = Math.log(20) + 2;

function logAllowed(count: ArmCount, allowedRatio: number): readonly number[] {
  return worseRatios(allowedRatio).map((ratio) => logArmRatio(count, ratio, allowedRatio));
}

function withPeak(state: GateState): GateState {
  return { ...state, peakLogAgainst: Math.max(state.peakLogAgainst, logAgainst(state)) };
}

const none: ArmCount = { requests: 0, failures: 0 };
const noArm: PendingArm = { count: none, sinceMs: null };
const noBlock: PendingBlock = { candidate: none, stable: none, sinceMs: null };

function extended(block: PendingBlock, more: GateObservation, atMs: number): PendingBlock {
  return {
    candidate: plus(block.candidate, more.candidate),
    stable: plus(block.stable, more.stable),
    sinceMs: block.sinceMs ?? atMs,
  };
}

function plus(a: ArmCount, b: ArmCount): ArmCount {
  return { requests: a.requests + b.requests, failures: a.failures + b.failures };
}

function requireCount(arm: string, { requests, failures }: ArmCount): void {
  const isSane = Number.isSafeInteger(requests) && Number.isSafeInteger(failures);
  if (isSane && failures >= 0 && failures <= requests) return;
  throw new RangeError(
    `cannot observe ${failures} failures of ${requests} ${arm} requests: both must be whole numbers, 0 <= failures <= requests`,
  );
}

function requireTime(name: string, ms: number): void {
  if (Number.isFinite(ms) && ms >= 0) return;
  throw new RangeError(`cannot use ${name} ${ms}: must be a finite number of milliseconds, >= 0`);
}

function requireRatio(name: string, ratio: number): void {
  if (ratio > 0 && ratio < 1) return;
  throw new RangeError(`cannot open a gate with ${name} ${ratio}: must be between 0 and 1`);
}
