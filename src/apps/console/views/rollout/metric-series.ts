import type { RolloutSamples, SamplePoint } from '../../../../api/rollout-wire.ts';
import type { ChartLine } from '../../parts/chart/line-chart.tsx';

interface Arm {
  readonly requests: number;
  readonly failures: number;
}

/** A share of fewer requests says nothing; the line has a gap there. */
export const requestsMin = 20;

const farBelow = 0.01;

export interface MetricChart {
  readonly times: readonly number[];
  readonly lines: readonly ChartLine[];
}

/**
 * A metric over time, both arms on one axis, each point over the requests since the last point with enough of them. The limit is stable's
 * share over the whole rollout so far and the margin: above it the candidate is worse than the plan allows.
 */
export function metricChart(
  { points }: Pick<RolloutSamples, 'points'>,
  metric: string,
  marginRatio: number,
): MetricChart {
  const seen = points.flatMap((point) => {
    const found = point.metrics.find((each) => each.metric === metric);
    return found === undefined ? [] : [{ at: point.at, ...found }];
  });
  const candidate = shares(seen.map((each) => each.candidate));
  const stable = shares(seen.map((each) => each.stable ?? { requests: 0, failures: 0 }));
  const limit = seen.map((each) => limitRatio(each.stable, marginRatio));
  const lines: ChartLine[] = [
    { label: 'candidate', ink: 'candidate', values: candidate },
    { label: 'stable', ink: 'stable', values: stable },
    { label: 'limit', ink: 'limit', isDashed: true, values: limit },
  ];
  const hasStable = seen.some((each) => each.stable !== null);
  return { times: seen.map(({ at }) => seconds(at)), lines: hasStable ? lines : lines.slice(0, 1) };
}

/** 95 of 100 requests were faster, on either arm; null: the gate knows no latencies. */
export function latencyChart({ points }: Pick<RolloutSamples, 'points'>): MetricChart | null {
  const seen = points.filter((point) => point.p95 !== null);
  if (seen.length === 0) return null;
  return {
    times: seen.map(({ at }) => seconds(at)),
    lines: [
      {
        label: 'candidate',
        ink: 'candidate',
        values: seen.map(({ p95 }) => p95?.candidateMs ?? null),
      },
      { label: 'stable', ink: 'stable', values: seen.map(({ p95 }) => p95?.stableMs ?? null) },
    ],
  };
}

/** The evidence as it grows towards its limits. It starts at 1. Far beyond a limit, and far below 1, how far is no matter. */
export function evidenceChart({ points }: Pick<RolloutSamples, 'points'>): MetricChart {
  const limits = points.flatMap((point) => [point.againstLimit, point.forLimit]);
  const farBeyond = Math.max(...limits, 1) * 100;
  const line = (
    label: string,
    ink: ChartLine['ink'],
    pick: (point: SamplePoint) => number,
  ): ChartLine => ({
    label,
    ink,
    isDashed: label.includes('limit'),
    values: points.map((point) => Math.min(farBeyond, Math.max(pick(point), farBelow))),
  });
  return {
    times: points.map(({ at }) => seconds(at)),
    lines: [
      line('that it is worse', 'candidate', ({ against }) => against),
      line('limit: goes back', 'limit', ({ againstLimit }) => againstLimit),
      line('that it is not', 'stable', (point) => point.for),
      line('limit: may go on', 'good', ({ forLimit }) => forLimit),
    ],
  };
}

/** Failures among the requests since the last point that had enough, as counts are of the whole rollout up to a point. */
function shares(totals: readonly Arm[]): readonly (number | null)[] {
  let before: Arm = { requests: 0, failures: 0 };
  let last: number | null = null;
  return totals.map((total) => {
    const requests = total.requests - before.requests;
    // Counts that fall back belong to a new comparison.
    if (requests < 0) before = { requests: 0, failures: 0 };
    if (requests >= requestsMin) {
      last = (total.failures - before.failures) / requests;
      before = total;
    }
    return last;
  });
}

function limitRatio(stable: Arm | null, marginRatio: number): number | null {
  if (stable === null || stable.requests < requestsMin) return null;
  return stable.failures / stable.requests + marginRatio;
}

function seconds(at: string): number {
  return Date.parse(at) / 1000;
}
