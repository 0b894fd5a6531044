import type { OutlierDetection } from './traffic-policy.ts';

/**
 * Whether one instance fails so much that it should get nothing for a while. Changed in place, since it runs for every attempt.
 *
 * - O1. Only failures in a row count; one success ends the row.
 * - O2. The n-th ejection in a row lasts n times the base, `ejectionMsMax` at most; each interval served well takes one step back.
 * - O3. After it, one request is let through: its success ends the ejection, its failure begins the next one.
 * - O4. What began before an ejection, or before a trial, doesn't speak for it.
 *
 * Envoy's rule ("Outlier detection" in its architecture overview), but for O3: Envoy lets an instance back at once with all its share.
 */
export interface InstanceHealth {
  standing: 'serving' | 'ejected' | 'trial';
  errorsInRow: number;
  gatewayErrorsInRow: number;
  /** Since when the standing is what it is, and until when an ejection or a trial lasts. */
  sinceMs: number;
  untilMs: number;
  /** Ejections in a row, see O2. */
  steps: number;
  /** When the next step is taken back. */
  relaxAtMs: number;
  /** Ejections ever. */
  ejections: number;
}

/** How an attempt ended. `none` says nothing of the instance: its caller left, or was to blame. */
export type Outcome = 'success' | 'error' | 'gateway-error' | 'none';

/** As Envoy's `max_ejection_time`. A longer base stands for itself. */
export const ejectionMsMax = 300_000;

export function newHealth(): InstanceHealth {
  return {
    standing: 'serving',
    errorsInRow: 0,
    gatewayErrorsInRow: 0,
    sinceMs: 0,
    untilMs: 0,
    steps: 0,
    relaxAtMs: 0,
    ejections: 0,
  };
}

export function outcomeOf(status: number): Outcome {
  if (status < 500) return 'success';
  return status >= 502 && status <= 504 ? 'gateway-error' : 'error';
}

export interface Attempt {
  readonly outcome: Outcome;
  readonly startedMs: number;
  readonly nowMs: number;
}

/** What follows from an attempt. `due`: it is to be ejected, if so many may be (`eject`). */
export type Consequence = 'nothing' | 'due' | 'recovered' | 'failed-trial';

export function noteAttempt(
  health: InstanceHealth,
  { outcome, startedMs, nowMs }: Attempt,
  rule: OutlierDetection,
): Consequence {
  if (outcome === 'none') {
    // Another one must be the trial.
    if (health.standing === 'trial' && startedMs >= health.sinceMs) health.untilMs = nowMs;
    return 'nothing';
  }
  if (health.standing !== 'serving') return noteOutside(health, outcome, startedMs);
  if (outcome === 'success') {
    if (health.errorsInRow !== 0) health.errorsInRow = 0;
    if (health.gatewayErrorsInRow !== 0) health.gatewayErrorsInRow = 0;
    if (health.steps > 0 && nowMs >= health.relaxAtMs) relax(health, nowMs, rule);
    return 'nothing';
  }
  // Of the requests under way when it came back, those that began before say nothing.
  if (startedMs < health.sinceMs) return 'nothing';
  health.errorsInRow += 1;
  if (outcome === 'gateway-error') health.gatewayErrorsInRow += 1;
  else health.gatewayErrorsInRow = 0;
  const isDue =
    health.errorsInRow >= (rule.consecutive5xx ?? Infinity) ||
    health.gatewayErrorsInRow >= (rule.consecutiveGatewayErrors ?? Infinity);
  return isDue ? 'due' : 'nothing';
}

export function eject(health: InstanceHealth, nowMs: number, rule: OutlierDetection): void {
  health.standing = 'ejected';
  health.steps += 1;
  health.ejections += 1;
  health.sinceMs = nowMs;
  const longestMs = Math.max(ejectionMsMax, rule.baseEjectionMs);
  health.untilMs = nowMs + Math.min(longestMs, rule.baseEjectionMs * health.steps);
}

/** The next request is the trial; it has as long as a first ejection, then another one may be. */
export function beginTrial(health: InstanceHealth, nowMs: number, rule: OutlierDetection): void {
  health.standing = 'trial';
  health.sinceMs = nowMs;
  health.untilMs = nowMs + rule.baseEjectionMs;
}

/** Back among the others; what it did before is remembered by `steps` only. */
export function readmit(health: InstanceHealth, nowMs: number, rule: OutlierDetection): void {
  health.standing = 'serving';
  health.sinceMs = nowMs;
  health.errorsInRow = 0;
  health.gatewayErrorsInRow = 0;
  health.relaxAtMs = nowMs + rule.intervalMs;
}

function noteOutside(health: InstanceHealth, outcome: Outcome, startedMs: number): Consequence {
  if (startedMs < health.sinceMs) return 'nothing';
  if (outcome === 'success') return 'recovered';
  return health.standing === 'trial' ? 'failed-trial' : 'nothing';
}

function relax(health: InstanceHealth, nowMs: number, rule: OutlierDetection): void {
  health.steps -= 1;
  health.relaxAtMs = nowMs + rule.intervalMs;
}
