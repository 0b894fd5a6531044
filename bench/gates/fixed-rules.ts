import type { FixedThresholdRule } from '../../src/domain/gate/fixed-threshold-rules.ts';
import type { Rule } from './rule.ts';

const flagger: FixedThresholdRule = {
  name: 'Flagger',
  tool: 'flagger',
  intervalMs: 10_000,
  windowMs: 60_000,
  successRatioMin: 0.99,
  failedChecksMax: 5,
  failsWithoutData: true,
};

const argo: FixedThresholdRule = {
  name: 'Argo Rollouts',
  tool: 'argo-rollouts',
  intervalMs: 10_000,
  windowMs: 10_000,
  successRatioMin: 0.95,
  failedChecksMax: 1,
  failsWithoutData: false,
};

/**
 * Flagger's and Argo Rollouts' rules on a stream: how they count is told in fixed-threshold-rules.ts, with the places
 * where it was read. In their favour: no scrape delay, no interval between decision and rollback, traffic back at once.
 */
export const fixedRules: readonly Rule[] = [
  fixed({ ...flagger, name: 'Flagger 10s x1', windowMs: 10_000, failedChecksMax: 1 }),
  fixed({ ...flagger, name: 'Flagger 10s x5' }),
  fixed({ ...flagger, name: 'Flagger 1m x5', intervalMs: 60_000 }),
  // A failureLimit of 3 takes four failed measurements, the default of 0 takes one.
  fixed({ ...argo, name: 'Argo 95% limit 3', failedChecksMax: 4 }),
  fixed({ ...argo, name: 'Argo 99% limit 3', successRatioMin: 0.99, failedChecksMax: 4 }),
  fixed({ ...argo, name: 'Argo 95% limit 0' }),
  fixed({ ...argo, name: 'Argo 99% limit 0', successRatioMin: 0.99 }),
];

/** Checks stand at multiples of the interval; the window is a whole number of intervals and shorter at the beginning. */
export function fixed(rule: FixedThresholdRule): Rule {
  const { intervalMs, windowMs, successRatioMin, failedChecksMax, failsWithoutData } = rule;
  const slots = Math.round(windowMs / intervalMs);
  const open: Rule['open'] = () => {
    const requests = new Float64Array(slots);
    const failures = new Float64Array(slots);
    let slot = 0;
    let failedChecks = 0;
    return {
      changeStep: () => undefined,
      take: (tick) => {
        requests[slot] = (requests[slot] ?? 0) + tick.candidateRequests;
        failures[slot] = (failures[slot] ?? 0) + tick.candidateFailures;
        if (tick.atMs % intervalMs !== 0) return false;
        const seen = sum(requests);
        // Rounding must not fail 4 of 400 against 99 %.
        const isTooBad = sum(failures) > (1 - successRatioMin) * seen + 1e-9;
        if (seen === 0 ? failsWithoutData : isTooBad) failedChecks += 1;
        slot = (slot + 1) % slots;
        requests[slot] = 0;
        failures[slot] = 0;
        return failedChecks >= failedChecksMax;
      },
    };
  };
  return { name: rule.name, open };
}

function sum(values: Float64Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
