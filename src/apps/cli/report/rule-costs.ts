import { fixedThresholdCost, publishedRules } from '../../../domain/gate/fixed-threshold-rules.ts';
import type { ArmReport, RuleCostReport, StepReport } from './report-model.ts';

/** How the figures have to be labelled wherever they are shown. */
export const ruleCostsLabel = 'computed by their published rules from the recorded stream';

/** A rate measured over less is mostly chance. */
const rateStepMsMin = 1000;

/**
 * What fixed-threshold rules would have cost on this candidate, had it gone on as it was recorded: the same failure ratio
 * at `requestsPerSecond`. Example: 12 of 12 requests failed, at 80 a second; a check after 10 s costs 800.
 */
export function ruleCosts(
  candidate: ArmReport,
  requestsPerSecond: number | null,
): RuleCostReport[] {
  if (candidate.requests === 0 || requestsPerSecond === null) return [];
  const stream = {
    failureRatio: candidate.failures / candidate.requests,
    requestsPerSecond,
    failingSinceMs: 0,
  };
  return publishedRules.map((rule) => {
    const cost = fixedThresholdCost(rule, stream);
    return {
      rule: rule.name,
      decidedInMs: cost?.decidedMs ?? null,
      failedRequests: cost?.failedRequests ?? null,
    };
  });
}

/**
 * The rate of a service: the median over recorded steps. A candidate that was taken back within 80 ms has too few requests to
 * tell its rate, but the service goes on. Null: no step was long enough.
 */
export function recordedRate(steps: readonly StepReport[]): number | null {
  const rates = steps
    .filter((step) => step.durationMs >= rateStepMsMin && step.requests > 0)
    .map((step) => (step.requests * 1000) / step.durationMs)
    .sort((a, b) => a - b);
  return rates[Math.floor((rates.length - 1) / 2)] ?? null;
}
