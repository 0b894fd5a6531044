import { checkAuthorization } from '../../authorization/check-authorization.ts';
import { checkCacheRule } from '../../cache/check-cache-rule.ts';
import type { Note } from '../routing/check-header-name.ts';
import { checkJwt } from '../check-jwt-rule.ts';
import { checkRateLimits } from '../limits/check-rate-limits.ts';
import type { RetryPolicy, TrafficPolicy } from './traffic-policy.ts';

/** Bounds of a policy: what a release file may say, and what a gateway takes. */
export const trafficPolicyLimits = {
  attempts: 10,
  statuses: 32,
  count: 1_000_000,
  /** Of failures in a row: more would never be seen. */
  consecutive: 1000,
  backOffMs: 10_000,
  durationMs: 3_600_000,
} as const;

/** Notes everything that is out of its bounds, with its place below `place`. */
export function checkTrafficPolicy(policy: TrafficPolicy, place: string, note: Note): void {
  const { loadBalancing, circuitBreaker } = policy;
  const { durationMs, count } = trafficPolicyLimits;
  if (policy.retries !== undefined) checkRetries(policy.retries, `${place}.retries`, note);
  checkOutliers(policy, place, note);
  checkRateLimits(policy.rateLimits ?? [], `${place}.rateLimits`, note);
  if (policy.cache !== undefined) checkCacheRule(policy.cache, `${place}.cache`, note);
  if (policy.jwt !== undefined) checkJwt(policy.jwt, `${place}.jwt`, note);
  if (policy.authorization !== undefined) {
    checkAuthorization(policy.authorization, `${place}.authorization`, note);
  }
  if (loadBalancing !== undefined) {
    const within = boundsOf(note, `${place}.loadBalancing`);
    within('slowStartMs', loadBalancing.slowStartMs, 0, durationMs);
  }
  if (circuitBreaker === undefined) return;
  const within = boundsOf(note, `${place}.circuitBreaker`);
  for (const [key, value] of Object.entries(circuitBreaker) as [string, number | null][]) {
    // Nothing at all could be sent over none; no retry is a wish like any other.
    if (value !== null) within(key, value, key === 'maxRetries' ? 0 : 1, count);
  }
}

export function checkRetries(retries: RetryPolicy, place: string, note: Note): void {
  const within = boundsOf(note, place);
  const { attempts, statuses, count, backOffMs, durationMs } = trafficPolicyLimits;
  within('attempts', retries.attempts, 0, attempts);
  within('onStatuses.length', retries.onStatuses.length, 0, statuses);
  for (const status of retries.onStatuses) within('onStatuses', status, 400, 599);
  if (retries.perTryTimeoutMs !== null) {
    within('perTryTimeoutMs', retries.perTryTimeoutMs, 1, durationMs);
  }
  const { hedgeAfterMs, perTryTimeoutMs } = retries;
  if (hedgeAfterMs !== undefined) {
    within('hedgeAfterMs', hedgeAfterMs, 1, (perTryTimeoutMs ?? durationMs + 1) - 1);
    within('attempts', retries.attempts, 1, attempts);
  }
  within('backOffMs', retries.backOffMs, 0, backOffMs);
  percent(note, `${place}.budgetPercent`, retries.budgetPercent);
  within('minPerSecond', retries.minPerSecond, 0, count);
}

function checkOutliers({ outlierDetection }: TrafficPolicy, place: string, note: Note): void {
  if (outlierDetection === undefined) return;
  const within = boundsOf(note, `${place}.outlierDetection`);
  const { consecutive, durationMs } = trafficPolicyLimits;
  const { consecutive5xx, consecutiveGatewayErrors } = outlierDetection;
  if (consecutive5xx !== null) within('consecutive5xx', consecutive5xx, 1, consecutive);
  if (consecutiveGatewayErrors !== null) {
    within('consecutiveGatewayErrors', consecutiveGatewayErrors, 1, consecutive);
  }
  within('intervalMs', outlierDetection.intervalMs, 1, durationMs);
  within('baseEjectionMs', outlierDetection.baseEjectionMs, 1, durationMs);
  for (const key of ['maxEjectionPercent', 'panicThresholdPercent'] as const) {
    percent(note, `${place}.outlierDetection.${key}`, outlierDetection[key]);
  }
}

function boundsOf(note: Note, place: string) {
  return (key: string, value: number, min: number, max: number): void => {
    if (Number.isSafeInteger(value) && value >= min && value <= max) return;
    note(`${place}.${key}`, `must be ${min}-${max}, but is ${value}`);
  };
}

function percent(note: Note, place: string, value: number): void {
  if (!(value >= 0 && value <= 100)) note(place, `must be 0-100, but is ${value}`);
}
