import {
  latencyBucketCount,
  latencyBucketLowerUs,
} from '../../src/domain/traffic/latency-buckets.ts';
import type { Random } from './random.ts';

/** [bucket of latency-buckets.ts, count] in the order in which buckets were first hit. */
export type Histogram = readonly (readonly [bucket: number, count: number])[];

/** A distribution of latencies, as chances of the product's buckets. */
export interface LatencyShape {
  readonly cumulative: Float64Array;
  readonly guide: Uint16Array;
}

/** Latencies of the study: lognormal with a median of 80 ms, p95 215 ms, p99 323 ms (gates research, 3.4). */
export const usualMedianMs = 80;
const sigma = 0.601;
const p90Ms = usualMedianMs * Math.exp(1.281_551_6 * sigma);

/** Everything slower by a factor. */
export function scaled(factor: number): LatencyShape {
  return shapeOf((ms) => usualBelow(ms / factor));
}

/** Only what is slower than p90 becomes slower by a factor; nothing is left between. */
export function tailScaled(factor: number): LatencyShape {
  return shapeOf((ms) => (ms < p90Ms ? usualBelow(ms) : Math.max(0.9, usualBelow(ms / factor))));
}

export function histogram(random: Random, shape: LatencyShape, requests: number): Histogram {
  const { cumulative, guide } = shape;
  let hit = 0;
  for (let index = 0; index < requests; index += 1) {
    const chance = random();
    let bucket = guide[(chance * guideSize) | 0] ?? 0;
    while (chance >= (cumulative[bucket] ?? 1)) bucket += 1;
    const count = counts[bucket] ?? 0;
    if (count === 0) hits[hit++] = bucket;
    counts[bucket] = count + 1;
  }
  const sparse: [number, number][] = [];
  for (let index = 0; index < hit; index += 1) {
    const bucket = hits[index] ?? 0;
    sparse.push([bucket, counts[bucket] ?? 0]);
    counts[bucket] = 0;
  }
  return sparse;
}

// Work space of `histogram`, all zero between calls: this is where the study spends its time.
const counts = new Uint32Array(latencyBucketCount);
const hits = new Uint16Array(latencyBucketCount);

const guideSize = 1024;

function shapeOf(below: (ms: number) => number): LatencyShape {
  const cumulative = new Float64Array(latencyBucketCount);
  const guide = new Uint16Array(guideSize);
  for (let bucket = 0; bucket < latencyBucketCount; bucket += 1) {
    cumulative[bucket] = below(latencyBucketLowerUs(bucket + 1) / 1000);
  }
  cumulative[latencyBucketCount - 1] = 1;
  let bucket = 0;
  for (let index = 0; index < guideSize; index += 1) {
    while ((cumulative[bucket] ?? 1) <= index / guideSize) bucket += 1;
    guide[index] = bucket;
  }
  return { cumulative, guide };
}

function usualBelow(ms: number): number {
  return ms <= 0 ? 0 : normalBelow(Math.log(ms / usualMedianMs) / sigma);
}

/** The standard normal distribution, within 1.5e-7 (Abramowitz and Stegun 7.1.26). */
function normalBelow(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + 0.327_591_1 * x);
  const polynomial =
    t *
    (0.254_829_592 +
      t * (-0.284_496_736 + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
  const tail = 0.5 * polynomial * Math.exp(-x * x);
  return z > 0 ? 1 - tail : tail;
}
