import type { Rule } from './rule.ts';

/**
 * Kayenta's NetflixACAJudge (read at a69573be) on one metric, the error ratio by the minute, judged after 5 and 10
 * minutes: a Mann-Whitney test with a two-sided 98 % confidence interval for the shift between the arms; "High" when the
 * interval's lower end is above 0.25 x |estimated shift| (Hodges and Lehmann). In its favour: the whole stable arm is the
 * baseline, points are there at once, and a High is a rollback without a score over other metrics.
 */
export const kayentaRule: Rule = {
  name: 'Kayenta 5/10 min',
  open: () => {
    const candidate: number[] = [];
    const stable: number[] = [];
    let counts = [0, 0, 0, 0] as [number, number, number, number];
    return {
      changeStep: () => undefined,
      take: (tick) => {
        counts[0] += tick.candidateRequests;
        counts[1] += tick.candidateFailures;
        counts[2] += tick.stableRequests;
        counts[3] += tick.stableFailures;
        if (tick.atMs % 60_000 !== 0) return false;
        // A minute without a request is no point.
        if (counts[0] > 0) candidate.push(counts[1] / counts[0]);
        if (counts[2] > 0) stable.push(counts[3] / counts[2]);
        counts = [0, 0, 0, 0];
        return tick.atMs % 300_000 === 0 && isHigh(candidate, stable);
      },
    };
  },
};

export function isHigh(candidate: readonly number[], stable: readonly number[]): boolean {
  const shift = shiftOf(candidate, stable);
  return shift !== null && shift.low > 0.25 * Math.abs(shift.estimate);
}

/**
 * Lower end of the 98 % interval, and the estimate: the shifts at which the test's z, a falling step function of the
 * shift, crosses 2.326 and 0. Null: the points are too few for z to reach 2.326 at all (fewer than 5 in each arm).
 */
export function shiftOf(
  candidate: readonly number[],
  stable: readonly number[],
): { readonly low: number; readonly estimate: number } | null {
  const shifts = candidate.flatMap((one) => stable.map((other) => one - other));
  const steps = [...new Set(shifts)].toSorted((a, b) => a - b);
  const first = steps[0];
  if (first === undefined) return null;
  const isBelow = (limit: number) => (from: number, index: number) => {
    const to = steps[index + 1] ?? from + 1;
    return zAt((from + to) / 2, candidate, stable) <= limit;
  };
  if (zAt(first - 1, candidate, stable) < quantile) return null;
  const low = steps.find(isBelow(quantile)) ?? first;
  const estimate = steps.find(isBelow(0)) ?? first;
  return { low, estimate };
}

/** Of the standard normal distribution, at 99 %. */
const quantile = 2.326_347_9;

/** z of the rank sum once the candidate's points are shifted down, corrected for continuity and ties as R's wilcox.test. */
function zAt(shift: number, candidate: readonly number[], stable: readonly number[]): number {
  const moved = candidate.map((value) => value - shift);
  let wins = 0;
  for (const one of moved) {
    for (const other of stable) if (one >= other) wins += one > other ? 1 : 0.5;
  }
  const [n, m] = [candidate.length, stable.length];
  const all = n + m;
  const tied = tieSum([...moved, ...stable]) / (all * (all - 1));
  const sigma = Math.sqrt(((n * m) / 12) * (all + 1 - tied));
  const above = wins - (n * m) / 2;
  if (sigma === 0) return 0;
  return (above - 0.5 * Math.sign(above)) / sigma;
}

/** Sum of t^3 - t over groups of t equal values. */
function tieSum(values: readonly number[]): number {
  const groups = new Map<number, number>();
  for (const value of values) groups.set(value, (groups.get(value) ?? 0) + 1);
  let sum = 0;
  for (const size of groups.values()) sum += size ** 3 - size;
  return sum;
}
