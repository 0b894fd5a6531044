import type { WakeRule } from '../traffic/wake-rule.ts';
import { type LoadWindow, meanOver, openLoadWindow, withValue } from './load-window.ts';

/**
 * How instances follow the requests under way, as Knative's pod autoscaler does (knative.dev, "Autoscaling concepts" and its
 * `config-autoscaler`, whose defaults these are).
 */
export interface ConcurrencyScaling {
  /** 0: to nothing when nobody asks, while the gateway holds what comes. */
  readonly min: number;
  readonly max: number;
  /** Requests that one instance may have under way. */
  readonly perInstance: number;
  /** How much of that is aimed at: 0 < ratio <= 1. */
  readonly targetUtilizationRatio: number;
  readonly stableWindowMs: number;
  /** Part of the stable window that tells a sudden burst. */
  readonly panicWindowRatio: number;
  /** Panic begins when the burst wants so many times the instances that are ready. */
  readonly panicThresholdRatio: number;
  /** In one look at most times and at least one in so many of the instances that are ready. */
  readonly maxScaleUpRate: number;
  readonly maxScaleDownRate: number;
  /** Requests that should find room at once; below that the gateway holds requests. -1: it always does; 0: only at zero. */
  readonly targetBurstCapacity: number;
  /** The last instance stays for so long after the last request. */
  readonly scaleToZeroGraceMs: number;
  /** How the gateway keeps requests meanwhile; absent: it never goes to zero. */
  readonly wake?: Pick<WakeRule, 'timeoutMs' | 'requestsMax'>;
}

export const usualConcurrencyScaling: ConcurrencyScaling = {
  min: 0,
  max: 12,
  perInstance: 100,
  targetUtilizationRatio: 0.7,
  stableWindowMs: 60_000,
  panicWindowRatio: 0.1,
  panicThresholdRatio: 2,
  maxScaleUpRate: 1000,
  maxScaleDownRate: 2,
  targetBurstCapacity: 211,
  scaleToZeroGraceMs: 30_000,
};

export interface ConcurrencyState {
  readonly load: LoadWindow;
  /** Null: calm. */
  readonly panic: Panic | null;
  /** Since when nothing was wanted; null: something is. */
  readonly idleSinceMs: number | null;
}

interface Panic {
  /** When a burst was last seen. */
  readonly atMs: number;
  /** The most that was wanted in it; never fewer while it lasts. */
  readonly instances: number;
}

export function openConcurrency({ stableWindowMs }: ConcurrencyScaling): ConcurrencyState {
  return { load: openLoadWindow(stableWindowMs), panic: null, idleSinceMs: null };
}

export interface ConcurrencyLook {
  readonly atMs: number;
  /** Mean of the last second over all instances, with those that the gateway holds. */
  readonly underWay: number;
  /** Instances that are ready. */
  readonly ready: number;
}

export interface ConcurrencyDecision {
  readonly instances: number;
  readonly isPanic: boolean;
  /** Means over the stable window and the panic window. */
  readonly stableUnderWay: number;
  readonly panicUnderWay: number;
  /** Room left for a burst; below 0 the gateway should hold requests until there is some. */
  readonly excessBurstCapacity: number;
}

/** One look, some seconds after the last one; a value a second may come between (`withLoad`). */
export function scaleByConcurrency(
  scaling: ConcurrencyScaling,
  before: ConcurrencyState,
  look: ConcurrencyLook,
): { readonly state: ConcurrencyState; readonly decision: ConcurrencyDecision } {
  const { atMs } = look;
  const state = withLoad(before, look);
  const { stableWindowMs } = scaling;
  const stableUnderWay = meanOver(state.load, stableWindowMs, atMs);
  const panicUnderWay = meanOver(state.load, stableWindowMs * scaling.panicWindowRatio, atMs);
  const ready = Math.max(1, look.ready);
  const calm = paced(scaling, ready, stableUnderWay);
  const burst = paced(scaling, ready, panicUnderWay);
  const panic = panicAfter(scaling, state.panic, { atMs, ready, burst, panicUnderWay });
  const wanted = panic === null ? calm : Math.max(calm, panic.instances);
  const idleSinceMs = wanted > 0 ? null : (state.idleSinceMs ?? atMs);
  const instances = withinBounds(scaling, { wanted, ready: look.ready, idleSinceMs, atMs });
  const excessBurstCapacity = excessOf(scaling, look.ready, panicUnderWay);
  const isPanic = panic !== null;
  return {
    state: { ...state, panic, idleSinceMs },
    decision: { instances, isPanic, stableUnderWay, panicUnderWay, excessBurstCapacity },
  };
}

/** How many to start at once for requests that wait while there is none: no window is waited for, as their callers wait. */
export function wokenInstances(scaling: ConcurrencyScaling, waiting: number): number {
  if (waiting <= 0) return 0;
  return Math.min(Math.max(1, wantedFor(scaling, waiting)), scaling.max);
}

/** One more second of load. */
export function withLoad(
  state: ConcurrencyState,
  { atMs, underWay }: Pick<ConcurrencyLook, 'atMs' | 'underWay'>,
): ConcurrencyState {
  return { ...state, load: withValue(state.load, { atMs, value: underWay }) };
}

/** Instances for a load, as far from those that are ready as the rates allow. */
function paced(scaling: ConcurrencyScaling, ready: number, underWay: number): number {
  const wanted = wantedFor(scaling, underWay);
  const most = Math.ceil(ready * scaling.maxScaleUpRate);
  const least = Math.floor(ready / scaling.maxScaleDownRate);
  return Math.min(Math.max(wanted, least), most);
}

function wantedFor(
  { perInstance, targetUtilizationRatio }: ConcurrencyScaling,
  underWay: number,
): number {
  return Math.ceil(underWay / (perInstance * targetUtilizationRatio));
}

interface Burst {
  readonly atMs: number;
  readonly ready: number;
  readonly burst: number;
  readonly panicUnderWay: number;
}

/** A panic goes on for a stable window after the last burst. */
function panicAfter(
  scaling: ConcurrencyScaling,
  panic: Panic | null,
  { atMs, ready, burst, panicUnderWay }: Burst,
): Panic | null {
  const isBurst = wantedFor(scaling, panicUnderWay) / ready >= scaling.panicThresholdRatio;
  if (isBurst) return { atMs, instances: Math.max(panic?.instances ?? 0, burst) };
  if (panic === null || atMs - panic.atMs > scaling.stableWindowMs) return null;
  return { atMs: panic.atMs, instances: Math.max(panic.instances, burst) };
}

interface Wanted {
  readonly wanted: number;
  readonly ready: number;
  readonly idleSinceMs: number | null;
  readonly atMs: number;
}

function withinBounds(
  { min, max, scaleToZeroGraceMs }: ConcurrencyScaling,
  { wanted, ready, idleSinceMs, atMs }: Wanted,
): number {
  const isGrace = idleSinceMs !== null && ready > 0 && atMs - idleSinceMs < scaleToZeroGraceMs;
  return Math.min(Math.max(wanted, min, isGrace ? 1 : 0), max);
}

function excessOf(
  { perInstance, targetBurstCapacity }: ConcurrencyScaling,
  ready: number,
  panicUnderWay: number,
): number {
  if (targetBurstCapacity === 0) return ready > 0 ? 0 : -1;
  if (targetBurstCapacity < 0) return -1;
  return Math.floor(ready * perInstance - targetBurstCapacity - panicUnderWay);
}
