import type { GateSettings } from '../release/revision.ts';
import type { MetricSelection } from '../traffic/samples/metric-selection.ts';
import type { ArmPair } from './arm-block.ts';
import { slowerByRatioOf, type SparseHistogram } from './latency-scale.ts';
import {
  addToLatencyMetric,
  closeLatencyBlocks,
  type LatencyMetric,
  openLatencyMetric,
} from './latency-metric.ts';
import type { MetricTrouble } from './metric-standing.ts';
import { evidenceOf } from './onset-mixture.ts';
import {
  addToRatioMetric,
  closeRatioBlocks,
  openRatioMetric,
  type RatioMetric,
} from './ratio-metric.ts';

/**
 * Metrics that services bring: a pair of counters (bad events of all), or a histogram on the scale of latencies. They are
 * compared like errors and latency and share the budget of false rollbacks with them by weight.
 */
export interface MetricSpec {
  /** Unique; neither `errors` nor `latency`. */
  readonly name: string;
  readonly kind: 'ratio' | 'histogram';
  /** Against 0.6 of errors and 0.25 of latency, in (0, 100]. */
  readonly weight: number;
  /** Where the instances' own metrics have it; absent: it comes some other way. */
  readonly source?: MetricSelection;
  /** Of a histogram: as `GateSettings.slowerByRatio`, which holds where this is absent. */
  readonly slowerByRatio?: number;
}

export type CustomMetric = (
  | { readonly kind: 'ratio'; readonly spec: MetricSpec; readonly metric: RatioMetric }
  | { readonly kind: 'histogram'; readonly spec: MetricSpec; readonly metric: LatencyMetric }
) & {
  /** Events so far, a histogram's as requests; absent: never asked for. */
  readonly seen?: ArmPair;
  readonly trouble?: MetricTrouble | null;
};

/** What one custom metric had in an interval. */
export type CustomObservation =
  | ({ readonly kind: 'ratio'; readonly name: string } & ArmPair)
  | {
      readonly kind: 'histogram';
      readonly name: string;
      readonly candidate: SparseHistogram;
      readonly stable: SparseHistogram;
    };

/** Custom metrics of one gate; each has its part of the budget, so many would leave none enough. */
const customMetricsMax = 16;

/** Throws a RangeError on a list that can't be judged. */
export function openCustomMetrics(
  specs: readonly MetricSpec[],
  settings: GateSettings,
  moment: { readonly atMs: number; readonly plannedMs: number },
): readonly CustomMetric[] {
  const { atMs, plannedMs } = moment;
  if (specs.length > customMetricsMax) {
    throw new RangeError(`cannot judge ${specs.length} metrics: at most ${customMetricsMax}`);
  }
  const names = new Set(['errors', 'latency']);
  return specs.map((spec) => {
    if (names.has(spec.name)) throw new RangeError(`cannot judge two metrics named ${spec.name}`);
    names.add(spec.name);
    if (!(spec.weight > 0 && spec.weight <= 100)) {
      throw new RangeError(`cannot give ${spec.name} weight ${spec.weight}: must be in (0, 100]`);
    }
    return spec.kind === 'ratio'
      ? { kind: 'ratio', spec, metric: openRatioMetric(settings, atMs, plannedMs) }
      : {
          kind: 'histogram',
          spec,
          metric: openLatencyMetric(slowerByRatioOf(spec, settings), atMs, plannedMs),
        };
  });
}

/** Metrics without an observation, and observations of no metric, change nothing: silence is no evidence. */
export function addToCustomMetrics(
  metrics: readonly CustomMetric[],
  observations: readonly CustomObservation[],
  atMs: number,
): readonly CustomMetric[] {
  if (metrics.length === 0 || observations.length === 0) return metrics;
  return metrics.map((custom): CustomMetric => {
    const seen = observations.find((each) => each.name === custom.spec.name);
    if (seen?.kind === 'ratio' && custom.kind === 'ratio') {
      const metric = addToRatioMetric(custom.metric, { total: seen, strata: [] }, atMs);
      return { ...custom, metric };
    }
    if (seen?.kind === 'histogram' && custom.kind === 'histogram') {
      const { candidate, stable } = seen;
      const interval = { candidate, stable, key: '' };
      return { ...custom, metric: addToLatencyMetric(custom.metric, interval, atMs) };
    }
    return custom;
  });
}

export function closeCustomBlocks(metrics: readonly CustomMetric[]): readonly CustomMetric[] {
  return metrics.map((custom) =>
    custom.kind === 'ratio'
      ? { ...custom, metric: closeRatioBlocks(custom.metric) }
      : { ...custom, metric: closeLatencyBlocks(custom.metric) },
  );
}

/** W. */
export function customEvidence(custom: CustomMetric): number {
  return evidenceOf(custom.kind === 'ratio' ? custom.metric.worse : custom.metric.slower);
}
