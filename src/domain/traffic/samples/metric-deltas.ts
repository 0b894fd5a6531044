import { latencyBucket, latencyBucketCount } from './latency-buckets.ts';
import type { CumulativeBucket, MetricReading } from './metric-selection.ts';

/**
 * Turns the totals that one process publishes into what happened between two looks.
 *
 * - M1. A total below the one before means that the process began anew: all of the metric counts from 0, as Prometheus's own
 *   `rate` does it.
 * - M2. A histogram whose limits changed has nothing to compare with; the look is a new beginning.
 * - M3. Counters are not read at one instant inside the service, so a bad event may be seen one look before its total. What is too
 *   much is counted at the next look; where it grows beyond `carriedMax` the pair is no pair.
 */
export interface MetricBaseline {
  readonly reading: MetricReading;
  /** Bad events seen without their totals yet (M3). */
  readonly carriedBad: number;
}

export type MetricDelta =
  | { readonly kind: 'ratio'; readonly bad: number; readonly total: number }
  | {
      readonly kind: 'histogram';
      readonly histogram: readonly (readonly [bucket: number, count: number])[];
    }
  /** Nothing to compare with. */
  | { readonly kind: 'none' }
  | { readonly kind: 'unusable'; readonly sentence: string };

export interface MetricStep {
  readonly delta: MetricDelta;
  /** For the next look; null: there is none, and the next look is a beginning. */
  readonly baseline: MetricBaseline | null;
}

/** `before` is null at the first look at a process, and after one that failed. */
export function metricStep(before: MetricBaseline | null, reading: MetricReading): MetricStep {
  if (reading.kind === 'unusable') return { delta: reading, baseline: null };
  const first = { delta: { kind: 'none' }, baseline: { reading, carriedBad: 0 } } as const;
  if (before === null) return first;
  const last = before.reading;
  if (reading.kind === 'counter' && last.kind === 'counter') {
    const isAnew = reading.bad < last.bad || reading.total < last.total;
    const carriedBad = isAnew ? 0 : before.carriedBad;
    const bad = reading.bad - (isAnew ? 0 : last.bad) + carriedBad;
    const total = reading.total - (isAnew ? 0 : last.total);
    const counted = Math.min(bad, total);
    if (bad - counted > carriedMax) {
      const sentence = `${bad - counted} more bad events than events in all: bad is not part of total`;
      return { delta: { kind: 'unusable', sentence }, baseline: null };
    }
    return {
      delta: { kind: 'ratio', bad: counted, total },
      baseline: { reading, carriedBad: bad - counted },
    };
  }
  if (reading.kind === 'histogram' && last.kind === 'histogram') {
    const histogram = grown(last.buckets, reading.buckets);
    if (histogram === null) return first;
    return { delta: { kind: 'histogram', histogram }, baseline: { reading, carriedBad: 0 } };
  }
  return first;
}

/** Events in progress inside one service at once. */
const carriedMax = 1000;

/** By latency bucket; null: the limits differ. */
function grown(
  before: readonly CumulativeBucket[],
  now: readonly CumulativeBucket[],
): readonly (readonly [bucket: number, count: number])[] | null {
  // A histogram that was not there yet had no events.
  const last = before.length === 0 ? now.map((bucket) => ({ ...bucket, count: 0 })) : before;
  const isSame =
    last.length === now.length &&
    now.every(({ upperSeconds }, index) => upperSeconds === last[index]?.upperSeconds);
  if (!isSame) return null;
  const isAnew = now.some(({ count }, index) => count < (last[index]?.count ?? 0));
  const histogram: (readonly [number, number])[] = [];
  let counted = 0;
  for (const [index, { upperSeconds, count }] of now.entries()) {
    const upToHere = count - (isAnew ? 0 : (last[index]?.count ?? 0));
    // Buckets that are not read at one instant may lack an event that a smaller one has already.
    if (upToHere <= counted) continue;
    histogram.push([bucketOf(upperSeconds), upToHere - counted]);
    counted = upToHere;
  }
  return histogram;
}

/** All events of a bucket are taken to be at its upper limit, in both arms alike. */
function bucketOf(upperSeconds: number): number {
  return upperSeconds === Infinity ? latencyBucketCount - 1 : latencyBucket(upperSeconds * 1e6);
}
