import {
  addToScale,
  emptyScale,
  type ScaleCounts,
  scaleCountsOf,
  scaleLength,
  slowerByRatioOf,
} from '../../src/domain/gate/latency-scale.ts';
import {
  latencyBucketCount,
  latencyBucketLowerUs,
} from '../../src/domain/traffic/samples/latency-buckets.ts';
import type { RandomSource } from './random.ts';

/** [bucket of latency-buckets.ts, count]; a bucket may be there several times. */
export type Histogram = readonly (readonly [bucket: number, count: number])[];

/** A distribution of latencies. */
export interface LatencyShape {
  readonly fine: LatencyDraws;
  /**
   * The same with one bucket for all that fall into one place of the gate's scale, with its usual tolerance and without: to a
   * gate nothing is different, and there is less to draw.
   */
  readonly coarse: LatencyDraws;
}

/** Chances of some of the product's buckets. */
interface LatencyDraws {
  readonly buckets: readonly number[];
  /** Chance of this one and those before, times 2^32. */
  readonly limits: Float64Array;
  /** By the leading bits of a chance the place it falls into; `-1 - place`: where a search for it begins. */
  readonly guide: Int16Array;
  /** Of each of the buckets its place on the gate's scale: stable's, and the candidate's with the usual tolerance. */
  readonly scale: { readonly candidate: Uint8Array; readonly stable: Uint8Array };
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

export function histogram(random: RandomSource, draws: LatencyDraws, requests: number): Histogram {
  const { buckets } = draws;
  const sparse: (readonly [bucket: number, count: number])[] = [];
  const isFew = requests < buckets.length / 4;
  for (let left = requests; left > 0; left -= numbers.length) {
    const count = Math.min(left, numbers.length);
    random.drawInto(numbers, count);
    for (let index = 0; index < count; index += 1) {
      const place = placeOf(draws, numbers[index] ?? 0);
      if (isFew) sparse.push(pairOf(buckets[place] ?? 0, 1));
      else counts[place] = (counts[place] ?? 0) + 1;
    }
  }
  if (isFew) return sparse;
  for (let place = 0; place < buckets.length; place += 1) {
    const count = counts[place] ?? 0;
    if (count === 0) continue;
    sparse.push(pairOf(buckets[place] ?? 0, count));
    counts[place] = 0;
  }
  return sparse;
}

/** `histogram` on the gate's scale, by the same numbers. */
export function scaleHistogram(
  random: RandomSource,
  draws: LatencyDraws,
  { requests, arm }: { readonly requests: number; readonly arm: 'candidate' | 'stable' },
): ScaleCounts {
  const scale = draws.scale[arm];
  let length = 0;
  for (let left = requests; left > 0; left -= numbers.length) {
    const count = Math.min(left, numbers.length);
    random.drawInto(numbers, count);
    for (let index = 0; index < count; index += 1) {
      const place = scale[placeOf(draws, numbers[index] ?? 0)] ?? 0;
      counts[place] = (counts[place] ?? 0) + 1;
      if (place >= length) length = place + 1;
    }
  }
  const scaled = scaleCountsOf(counts, length);
  counts.fill(0, 0, length);
  return scaled;
}

function placeOf({ limits, guide }: LatencyDraws, chance: number): number {
  const found = guide[chance >>> guideShift] ?? 0;
  if (found >= 0) return found;
  let place = -1 - found;
  while (chance >= (limits[place] ?? chances)) place += 1;
  return place;
}

/** One object for all pairs that are alike, where counts are small: making them took longer than drawing. */
function pairOf(bucket: number, count: number): readonly [bucket: number, count: number] {
  if (count >= pairCounts) return [bucket, count];
  return (pairs[bucket * pairCounts + count] ??= [bucket, count]);
}

const pairCounts = 16;
const pairs: (readonly [bucket: number, count: number] | undefined)[] = Array.from({
  length: latencyBucketCount * pairCounts,
});

// Work space of both; counts are all zero between calls. This is where the study spends its time.
const numbers = new Uint32Array(1024);
const counts = new Uint32Array(latencyBucketCount);

const chances = 2 ** 32;
const guideSize = 4096;
const chancesPerGuide = chances / guideSize;
const guideShift = 20;

function shapeOf(below: (ms: number) => number): LatencyShape {
  const fine: { readonly bucket: number; readonly chance: number }[] = [];
  const coarse: typeof fine = [];
  let before = 0;
  let place = -1;
  for (let bucket = 0; bucket < latencyBucketCount; bucket += 1) {
    const isLast = bucket === latencyBucketCount - 1;
    const until = isLast ? 1 : below(latencyBucketLowerUs(bucket + 1) / 1000);
    const chance = until - before;
    before = until;
    if (chance <= 0) continue;
    fine.push({ bucket, chance });
    const last = coarse.at(-1);
    if (last === undefined || place !== classes[bucket]) coarse.push({ bucket, chance });
    else coarse[coarse.length - 1] = { bucket: last.bucket, chance: last.chance + chance };
    place = classes[bucket] ?? 0;
  }
  return { fine: drawsOf(fine), coarse: drawsOf(coarse) };
}

/** Buckets of one number are one to the gate: their place on its scale, without tolerance and with its usual one. */
const classes: readonly number[] = Array.from(
  { length: latencyBucketCount },
  (_, bucket) => scaleLength * placeOn(0, bucket) + placeOn(slowerByRatioOf(), bucket),
);

function placeOn(slowerByRatio: number, bucket: number): number {
  return addToScale(emptyScale, [[bucket, 1]], slowerByRatio).length - 1;
}

function drawsOf(chancesOf: readonly { bucket: number; chance: number }[]): LatencyDraws {
  const limits = new Float64Array(chancesOf.length);
  let sum = 0;
  for (const [index, { chance }] of chancesOf.entries()) {
    sum += chance;
    limits[index] = sum * chances;
  }
  limits[limits.length - 1] = chances;
  const guide = new Int16Array(guideSize);
  let place = 0;
  for (let index = 0; index < guideSize; index += 1) {
    while ((limits[place] ?? chances) <= index * chancesPerGuide) place += 1;
    const isWhole = (limits[place] ?? chances) >= (index + 1) * chancesPerGuide;
    guide[index] = isWhole ? place : -1 - place;
  }
  const buckets = chancesOf.map(({ bucket }) => bucket);
  const scale = {
    candidate: Uint8Array.from(buckets, (bucket) => placeOn(slowerByRatioOf(), bucket)),
    stable: Uint8Array.from(buckets, (bucket) => placeOn(0, bucket)),
  };
  return { buckets, limits, guide, scale };
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
