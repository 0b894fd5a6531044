import {
  addToScale,
  emptyScale,
  scaleLength,
  slowerByRatioUsual,
} from '../../src/domain/gate/latency-scale.ts';
import {
  latencyBucketCount,
  latencyBucketLowerUs,
} from '../../src/domain/traffic/latency-buckets.ts';
import type { Random } from './random.ts';

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
  /** Where a search may begin, by the leading bits of the chance. */
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

export function histogram(random: Random, draws: LatencyDraws, requests: number): Histogram {
  const { buckets, limits, guide } = draws;
  const sparse: [number, number][] = [];
  const isFew = requests < buckets.length / 4;
  for (let index = 0; index < requests; index += 1) {
    const chance = random() * chances;
    let place = guide[(chance / chancesPerGuide) | 0] ?? 0;
    while (chance >= (limits[place] ?? chances)) place += 1;
    if (isFew) sparse.push([buckets[place] ?? 0, 1]);
    else counts[place] = (counts[place] ?? 0) + 1;
  }
  if (isFew) return sparse;
  for (let place = 0; place < buckets.length; place += 1) {
    const count = counts[place] ?? 0;
    if (count === 0) continue;
    sparse.push([buckets[place] ?? 0, count]);
    counts[place] = 0;
  }
  return sparse;
}

// Work space of `histogram`, all zero between calls: this is where the study spends its time.
const counts = new Uint32Array(latencyBucketCount);

const chances = 2 ** 32;
const guideSize = 1024;
const chancesPerGuide = chances / guideSize;

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
const classes: readonly number[] = Array.from({ length: latencyBucketCount }, (_, bucket) => {
  const [plain, tolerant] = [0, slowerByRatioUsual].map(
    (ratio) => addToScale(emptyScale, [[bucket, 1]], ratio).length,
  );
  return scaleLength * (plain ?? 0) + (tolerant ?? 0);
});

function drawsOf(chancesOf: readonly { bucket: number; chance: number }[]): LatencyDraws {
  const limits = new Float64Array(chancesOf.length);
  let sum = 0;
  for (const [index, { chance }] of chancesOf.entries()) {
    sum += chance;
    limits[index] = sum * chances;
  }
  limits[limits.length - 1] = chances;
  const guide = new Uint16Array(guideSize);
  let place = 0;
  for (let index = 0; index < guideSize; index += 1) {
    while ((limits[place] ?? chances) <= index * chancesPerGuide) place += 1;
    guide[index] = place;
  }
  return { buckets: chancesOf.map(({ bucket }) => bucket), limits, guide };
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
