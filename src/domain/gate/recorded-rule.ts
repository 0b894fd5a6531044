import {
  fixedThresholdCost,
  type FixedThresholdRule,
  type RuleCost,
} from './fixed-threshold-rules.ts';

/** The candidate's requests of one second since it first had traffic. Seconds without a request may be left out. */
export interface RecordedSecond {
  readonly second: number;
  readonly requests: number;
  readonly failures: number;
}

export interface RecordedRuleCost extends RuleCost {
  /**
   * The recorded traffic ended before the rule would have decided, so the candidate is taken to have gone on as it was: the
   * same failure ratio at the share it had.
   */
  readonly isExtrapolated: boolean;
}

/**
 * What a fixed-threshold rule would have done with the traffic that was recorded; null: it would not have gone back. Checks
 * stand at multiples of the interval after the first request, idealised in the rule's favour (fixed-threshold-rules.ts).
 * `hasGoneOn`: the recorded candidate kept its traffic to the end (it was promoted), so nothing is to be extrapolated.
 */
export function recordedRuleCost(
  rule: FixedThresholdRule,
  recorded: {
    readonly seconds: readonly RecordedSecond[];
    readonly durationMs: number;
    /** Of the candidate, at the share it had last; null: too little was recorded to tell. */
    readonly requestsPerSecond: number | null;
    readonly hasGoneOn: boolean;
  },
): RecordedRuleCost | 'unknown' | null {
  const { seconds, durationMs, hasGoneOn } = recorded;
  const sums = cumulated(seconds, Math.ceil(durationMs / 1000));
  let failedChecks = 0;
  for (let atMs = rule.intervalMs; atMs <= durationMs; atMs += rule.intervalMs) {
    const until = sums[Math.floor(atMs / 1000)] ?? nothing;
    const from = sums[Math.max(0, Math.floor((atMs - rule.windowMs) / 1000))] ?? nothing;
    const requests = until.requests - from.requests;
    const failures = until.failures - from.failures;
    const isFailed =
      requests === 0 ? rule.failsWithoutData : 1 - failures / requests < rule.successRatioMin;
    if (isFailed) failedChecks += 1;
    if (failedChecks >= rule.failedChecksMax) {
      return { decidedMs: atMs, failedRequests: until.failures, isExtrapolated: false };
    }
  }
  return hasGoneOn ? null : extrapolated(rule, recorded, sums.at(-1) ?? nothing);
}

function extrapolated(
  rule: FixedThresholdRule,
  { requestsPerSecond }: Parameters<typeof recordedRuleCost>[1],
  total: Sums,
): RecordedRuleCost | 'unknown' | null {
  if (total.requests === 0 || requestsPerSecond === null) return 'unknown';
  const failureRatio = total.failures / total.requests;
  const cost = fixedThresholdCost(rule, { failureRatio, requestsPerSecond, failingSinceMs: 0 });
  return cost === null ? null : { ...cost, isExtrapolated: true };
}

interface Sums {
  readonly requests: number;
  readonly failures: number;
}

const nothing: Sums = { requests: 0, failures: 0 };

/** At index n: the sums of the first n seconds. */
function cumulated(seconds: readonly RecordedSecond[], length: number): readonly Sums[] {
  const sums: Sums[] = [nothing];
  let at = 0;
  for (let second = 0; second < length; second += 1) {
    let { requests, failures } = sums[second] ?? nothing;
    for (; (seconds[at]?.second ?? Infinity) <= second; at += 1) {
      requests += seconds[at]?.requests ?? 0;
      failures += seconds[at]?.failures ?? 0;
    }
    sums.push({ requests, failures });
  }
  return sums;
}
