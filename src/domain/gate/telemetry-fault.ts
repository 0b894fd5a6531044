import { latencyBucketCount } from '../traffic/samples/latency-buckets.ts';
import type { ArmCount } from '../traffic/samples/traffic-sample.ts';
import type { CustomObservation } from './custom-metrics.ts';
import type { SparseHistogram } from './latency-scale.ts';
import type { GateObservation, InstanceObservation, StratumObservation } from './verdict.ts';

/** A sample that was refused at the door: it is no evidence, and while there are such, a step holds. */
export interface TelemetryFault {
  /** Newest time known when it came. */
  readonly atMs: number;
  /** What was wrong, with the value. */
  readonly sentence: string;
}

/** What is wrong with an observation, that makes it no evidence at all; null: nothing. */
export function faultIn(observation: GateObservation, lastAtMs: number): string | null {
  const { atMs } = observation;
  if (!Number.isFinite(atMs) || atMs < 0) {
    return `atMs ${atMs} is no time`;
  }
  if (atMs < lastAtMs - staleMs) {
    return `a sample is ${Math.round((lastAtMs - atMs) / 1000)} s older than the newest one`;
  }
  const { instances, strata, metrics, wantedShareRatio } = observation;
  return (
    partFault(observation) ??
    (wantedShareRatio === undefined ? null : shareFault(wantedShareRatio)) ??
    (instances === undefined ? null : firstFault(instances.candidate, instanceFault)) ??
    (instances === undefined ? null : firstFault(instances.stable, instanceFault)) ??
    (metrics === undefined ? null : firstFault(metrics, metricFault)) ??
    (strata === undefined ? null : firstFault(strata, partFault))
  );
}

function partFault({
  candidate,
  stable,
  latency,
}: Pick<StratumObservation, 'candidate' | 'stable' | 'latency'>): string | null {
  const fault = countFault('candidate', candidate) ?? countFault('stable', stable);
  if (fault !== null || latency === undefined) return fault;
  return (
    histogramFault('candidate', latency.candidate, candidate.requests) ??
    histogramFault('stable', latency.stable, stable.requests)
  );
}

function instanceFault(each: InstanceObservation): string | null {
  const fault = countFault(each.instanceId, each);
  if (fault !== null || each.latency === undefined) return fault;
  return histogramFault(each.instanceId, each.latency, each.requests);
}

function metricFault(metric: CustomObservation): string | null {
  const { name } = metric;
  return metric.kind === 'ratio'
    ? (countFault(name, metric.candidate) ?? countFault(name, metric.stable))
    : (histogramFault(name, metric.candidate, countMax) ??
        histogramFault(name, metric.stable, countMax));
}

function shareFault(ratio: number): string | null {
  return ratio >= 0 && ratio <= 1 ? null : `${ratio} is no share of the requests`;
}

/** Samples come every 100 ms, so one that is later than this says that something holds them up. */
const staleMs = 10_000;

/** How long a fault holds a step. */
export const faultHoldMs = 30_000;

/** No arm has so many requests between two samples; sums of such counts stay exact. */
const countMax = 2 ** 40;

function countFault(name: string, { requests, failures }: ArmCount): string | null {
  const isSane = Number.isSafeInteger(requests) && Number.isSafeInteger(failures);
  if (isSane && failures >= 0 && failures <= requests && requests <= countMax) return null;
  return `${failures} failures of ${requests} ${name} requests is no count`;
}

/** Latencies may be missing, but there can't be more of them than requests. Events of a custom metric need not be requests. */
function histogramFault(name: string, histogram: SparseHistogram, most: number): string | null {
  let total = 0;
  for (let index = 0; index < histogram.length; index += 1) {
    const pair = histogram[index];
    const bucket = pair?.[0] ?? -1;
    const count = pair?.[1] ?? -1;
    const isBucket = Number.isInteger(bucket) && bucket >= 0 && bucket < latencyBucketCount;
    if (!isBucket || !Number.isSafeInteger(count) || count < 0) {
      return `${count} latencies of ${name} in bucket ${bucket} is no count`;
    }
    total += count;
  }
  return total <= most ? null : `${total} latencies of ${most} ${name} requests`;
}

function firstFault<Each>(
  all: readonly Each[],
  find: (each: Each) => string | null,
): string | null {
  for (let index = 0; index < all.length; index += 1) {
    const each = all[index];
    const fault = each === undefined ? null : find(each);
    if (fault !== null) return fault;
  }
  return null;
}
