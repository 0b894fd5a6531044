import { quantileOf } from '../form.ts';
import type { JobResult } from './run-scenario.ts';

/** What finding bad candidates took, quantiles over all releases: one that was not found counts as infinitely long. */
export interface Costs {
  readonly detectedRatio: number;
  readonly runs: number;
  /** Null: not reached by this part of the releases. */
  readonly msAt: (quantile: number) => number | null;
  readonly failedAt: (quantile: number) => number | null;
  readonly requestsAt: (quantile: number) => number | null;
}

export function costsOf(result: JobResult, rule: string): Costs {
  const tally = result.tallies[rule];
  const costs = tally?.costs ?? [];
  const runs = tally === undefined ? 0 : tally.runs - tally.early;
  const at = (part: 0 | 1 | 2) => (quantile: number) => {
    const values = costs.map((cost) => cost[part]);
    const missing = Array.from({ length: runs - values.length }, () => Infinity);
    const value = quantileOf([...values, ...missing], quantile);
    return value === Infinity ? null : value;
  };
  const detectedRatio = runs === 0 ? 0 : costs.length / runs;
  return { detectedRatio, runs, msAt: at(0), failedAt: at(1), requestsAt: at(2) };
}

/** `2.4/5.0 s, 5/7`: median and 95th percentile of time and failed requests; what is found in part says so. */
export function costText(costs: Costs): string {
  if (costs.runs === 0) return 'all before, or none run';
  if (costs.detectedRatio < 0.05) return 'never';
  const found = costs.detectedRatio < 0.995 ? `in ${Math.round(100 * costs.detectedRatio)}%: ` : '';
  const time = `${secondsText(costs.msAt(0.5))}/${secondsText(costs.msAt(0.95))} s`;
  return `${found}${time}, ${countText(costs.failedAt(0.5))}/${countText(costs.failedAt(0.95))}`;
}

function secondsText(ms: number | null): string {
  if (ms === null) return '-';
  return ms < 20_000 ? String(Number((ms / 1000).toFixed(2))) : (ms / 1000).toFixed(0);
}

function countText(count: number | null): string {
  return count === null ? '-' : String(count);
}
