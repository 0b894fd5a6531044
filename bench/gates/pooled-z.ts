import type { Rule } from './rule.ts';

/**
 * What one writes in an afternoon: the pooled two-sample z-test over all counts so far, looked at five times a second as
 * if each look were the only one. One-sided, from 100 candidate requests on.
 */
export const pooledZRules: readonly Rule[] = [
  pooledZ('z-test 5%', 1.644_853_6),
  pooledZ('z-test 0.1%', 3.090_232_3),
];

const lookEveryMs = 200;
const candidateRequestsMin = 100;

function pooledZ(name: string, limit: number): Rule {
  const open: Rule['open'] = () => {
    let [candidates, candidateFailures, stables, stableFailures] = [0, 0, 0, 0];
    return {
      changeStep: () => undefined,
      take: (tick) => {
        candidates += tick.candidateRequests;
        candidateFailures += tick.candidateFailures;
        stables += tick.stableRequests;
        stableFailures += tick.stableFailures;
        const failures = candidateFailures + stableFailures;
        if (tick.atMs % lookEveryMs !== 0 || failures === 0) return false;
        if (candidates < candidateRequestsMin || stables === 0) return false;
        const pooled = failures / (candidates + stables);
        const variance = pooled * (1 - pooled) * (1 / candidates + 1 / stables);
        const difference = candidateFailures / candidates - stableFailures / stables;
        return difference > limit * Math.sqrt(variance);
      },
    };
  };
  return { name, open };
}
