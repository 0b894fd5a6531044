import { latencyBucketCount } from '../traffic/latency-buckets.ts';
import type { ArmCount } from '../traffic/traffic-sample.ts';
import type { SparseHistogram } from './latency-scale.ts';
import type { GateObservation } from './verdict.ts';

/** A sample that was refused at the door: it is no evidence, and while there are such, a step holds. */
export interface TelemetryFault {
  /** Newest time known when it came. */
  readonly atMs: number;
  /** What was wrong, with the value. */
  readonly sentence: string;
}

/** What is wrong with an observation, that makes it no evidence at all; null: nothing. */
export function faultIn(observation: GateObservation, lastAtMs: number): string | null {
  const { atMs, candidate, stable, latency, instances, strata = [] } = observation;
  if (!Number.isFinite(atMs) || atMs < 0) {
    return `atMs ${atMs} is no time`;
  }
  if (atMs < lastAtMs - staleMs) {
    return `a sample is ${Math.round((lastAtMs - atMs) / 1000)} s older than the newest one`;
  }
  const parts = [...strata, ...(latency === undefined ? [] : [{ candidate, stable, latency }])];
  return (
    countFault('candidate', candidate) ??
    countFault('stable', stable) ??
    firstFault(instances?.candidate ?? [], (each) => countFault(each.instanceId, each)) ??
    firstFault(instances?.stable ?? [], (each) => countFault(each.instanceId, each)) ??
    firstFault(observation.metrics ?? [], (metric) =>
      metric.kind === 'ratio'
        ? (countFault(metric.name, metric.candidate) ?? countFault(metric.name, metric.stable))
        : (histogramFault(metric.name, metric.candidate, unbounded) ??
          histogramFault(metric.name, metric.stable, unbounded)),
    ) ??
    firstFault(parts, (part) => {
      return (
        countFault('candidate', part.candidate) ??
        countFault('stable', part.stable) ??
        histogramFault('candidate', part.latency?.candidate, part.candidate) ??
        histogramFault('stable', part.latency?.stable, part.stable)
      );
    })
  );
}

/** Samples come every 100 ms, so one that is later than this says that something holds them up. */
const staleMs = 10_000;

/** How long a fault holds a step. */
export const faultHoldMs = 30_000;

function countFault(name: string, { requests, failures }: ArmCount): string | null {
  const isSane = Number.isSafeInteger(requests) && Number.isSafeInteger(failures);
  if (isSane && failures >= 0 && failures <= requests) return null;
  return `${failures} failures of ${requests} ${name} requests is no count`;
}

/** Latencies may be missing, but there can't be more of them than requests. */
function histogramFault(
  name: string,
  histogram: SparseHistogram | undefined,
  { requests }: ArmCount,
): string | null {
  if (histogram === undefined) return null;
  let total = 0;
  for (let index = 0; index < histogram.length; index += 1) {
    const bucket = histogram[index]?.[0] ?? -1;
    const count = histogram[index]?.[1] ?? -1;
    const isBucket = Number.isInteger(bucket) && bucket >= 0 && bucket < latencyBucketCount;
    if (!isBucket || !Number.isSafeInteger(count) || count < 0) {
      return `${count} latencies of ${name} in bucket ${bucket} is no count`;
    }
    total += count;
  }
  return total <= requests ? null : `${total} latencies of ${requests} ${name} requests`;
}

/** Events of a custom metric need not be requests. */
const unbounded = { requests: Number.MAX_SAFE_INTEGER, failures: 0 };

function firstFault<Each>(
  all: readonly Each[],
  find: (each: Each) => string | null,
): string | null {
  for (const each of all) {
    const fault = find(each);
    if (fault !== null) return fault;
  }
  return null;
}
