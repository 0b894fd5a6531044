/**
 * What the rules of fixed-threshold tools would have cost on the same candidate, computed from how they are published; the
 * tools themselves are not run. All is in their favour: no scrape delay, traffic back at once, no rollback one interval later.
 *
 * Sources, read in code: Flagger 15bd6ad5 (analysis interval at least 10 s, success >= 99 %, `threshold` failed checks
 * counted together over the release and not reset by a good one, no data counts as failed) and Argo Rollouts 9f8d111d (fails
 * when failed measurements exceed `failureLimit`, so a limit of 3 takes four; no data is neither).
 */
export function fixedThresholdCost(
  rule: FixedThresholdRule,
  stream: CandidateStream,
): RuleCost | null {
  const { intervalMs, windowMs, successRatioMin, failedChecksMax } = rule;
  const { failureRatio, requestsPerSecond, failingSinceMs } = stream;
  const isSilent = requestsPerSecond <= 0;
  if (isSilent && !rule.failsWithoutData) return null;
  if (!isSilent && 1 - failureRatio >= successRatioMin) return null;

  // Checks stand at multiples of the interval after the candidate's first request; from this one on every check fails.
  const surelyFailing = Math.ceil((failingSinceMs + windowMs) / intervalMs);
  const checksMax = surelyFailing + failedChecksMax;
  let failedChecks = 0;
  for (let check = 1; check <= checksMax; check += 1) {
    const atMs = check * intervalMs;
    const seenMs = Math.min(windowMs, atMs);
    const failingMs = Math.min(seenMs, Math.max(0, atMs - failingSinceMs));
    const successRatio = 1 - (failureRatio * failingMs) / seenMs;
    if (isSilent || successRatio < successRatioMin) failedChecks += 1;
    if (failedChecks >= failedChecksMax) {
      const failedMs = Math.max(0, atMs - failingSinceMs);
      const failedRequests = Math.round((requestsPerSecond * failureRatio * failedMs) / 1000);
      return { decidedMs: failedMs, failedRequests };
    }
  }
  return null;
}

export interface FixedThresholdRule {
  /** For showing: tool and setting. */
  readonly name: string;
  readonly tool: 'flagger' | 'argo-rollouts';
  readonly intervalMs: number;
  /** How far back a check looks. */
  readonly windowMs: number;
  /** A check fails when the candidate's success ratio is lower. */
  readonly successRatioMin: number;
  /** Rolls back at this many failed checks. */
  readonly failedChecksMax: number;
  /** Whether a check without a request fails. */
  readonly failsWithoutData: boolean;
}

/** A candidate at a constant rate, good until `failingSinceMs` after its first request and then failing at a constant ratio. */
export interface CandidateStream {
  readonly failureRatio: number;
  readonly requestsPerSecond: number;
  readonly failingSinceMs: number;
}

export interface RuleCost {
  /** From the first failure to the rollback. */
  readonly decidedMs: number;
  readonly failedRequests: number;
}

/** Quickest legal settings, defaults and documented examples. */
export const publishedRules: readonly FixedThresholdRule[] = [
  flagger('Flagger, 10 s x 1 (quickest)', { intervalMs: 10_000, threshold: 1, windowMs: 10_000 }),
  flagger('Flagger, 10 s x 5', { intervalMs: 10_000, threshold: 5, windowMs: 60_000 }),
  flagger('Flagger, 1 min x 1 (default)', { intervalMs: 60_000, threshold: 1, windowMs: 60_000 }),
  flagger('Flagger, 1 min x 5', { intervalMs: 60_000, threshold: 5, windowMs: 60_000 }),
  argo('Argo Rollouts, 95 %, 10 s, failureLimit 3', {
    successRatioMin: 0.95,
    intervalMs: 10_000,
    failureLimit: 3,
  }),
  argo('Argo Rollouts, 99 %, 10 s, failureLimit 3', {
    successRatioMin: 0.99,
    intervalMs: 10_000,
    failureLimit: 3,
  }),
  argo('Argo Rollouts, 95 %, 5 min, failureLimit 3 (example)', {
    successRatioMin: 0.95,
    intervalMs: 300_000,
    failureLimit: 3,
  }),
];

function flagger(
  name: string,
  setting: { readonly intervalMs: number; readonly threshold: number; readonly windowMs: number },
): FixedThresholdRule {
  const { intervalMs, threshold, windowMs } = setting;
  return {
    name,
    tool: 'flagger',
    intervalMs,
    windowMs,
    successRatioMin: 0.99,
    failedChecksMax: threshold,
    failsWithoutData: true,
  };
}

function argo(
  name: string,
  setting: {
    readonly successRatioMin: number;
    readonly intervalMs: number;
    readonly failureLimit: number;
  },
): FixedThresholdRule {
  const { successRatioMin, intervalMs, failureLimit } = setting;
  return {
    name,
    tool: 'argo-rollouts',
    intervalMs,
    windowMs: intervalMs,
    successRatioMin,
    failedChecksMax: failureLimit + 1,
    failsWithoutData: false,
  };
}
