import {
  latencyBucket,
  latencyBucketCount,
  latencyBucketLowerUs,
} from '../traffic/samples/latency-buckets.ts';

/**
 * The scale latencies are compared on: 48 buckets, three for each doubling from 128 us to 5.2 s, and one at each end. Grouping
 * costs little: for a spread of sigma in the logarithm a width of d loses about d^2 / (12 sigma^2) of the information, 2 %
 * for the usual sigma of 0.6.
 *
 * Tolerance: the candidate's latencies are divided by (1 + slowerBy), or made 2 ms less if that is more, so that "slower" means
 * slower than that: 10 % of 400 us is nobody's regression, a connection that is newer makes as much. The lower edge
 * of the fine bucket is taken, so that a latency is never moved up: the real tolerance is the declared one or up to a
 * sixteenth more (10 % is 10 to 17 %), never less. A tolerance of 0 compares latencies as they are.
 */
export type SparseHistogram = readonly (readonly [bucket: number, count: number])[];

export const scaleLength = 48;

/** In doublings: the factor from one edge of the scale to the next is 2^(1/3), 1.26. */
export const edgesPerDoubling = 3;

/** Counts by place; what lies behind its end is 0, so that the state is small and its copies are quick. */
export type ScaleCounts = readonly number[];

export const emptyScale: ScaleCounts = [];

/** Adds a histogram of latency buckets to counts on the scale. */
export function addToScale(
  counts: ScaleCounts,
  histogram: SparseHistogram,
  slowerByRatio: number,
): ScaleCounts {
  const scale = scaleOf(slowerByRatio);
  // Made in its length at once: growing it bit by bit would take most of the time. Counts that are there hardly grow.
  const isEmpty = counts.length === 0;
  const next = isEmpty ? zeros.slice(0, lengthOn(scale, histogram)) : counts.slice();
  for (let at = 0; at < histogram.length; at += 1) {
    const pair = histogram[at];
    if (pair === undefined) continue;
    const place = scale[pair[0]] ?? scaleLength - 1;
    while (next.length <= place) next.push(0);
    next[place] = (next[place] ?? 0) + pair[1];
  }
  return next;
}

/** Up to the last place that has a count. */
function lengthOn(scale: Uint8Array, histogram: SparseHistogram): number {
  let length = 0;
  for (let at = 0; at < histogram.length; at += 1) {
    const place = scale[histogram[at]?.[0] ?? 0] ?? scaleLength - 1;
    if (place >= length) length = place + 1;
  }
  return length;
}

/** The first `length` places of counts kept elsewhere. */
export function scaleCountsOf(all: Uint32Array, length: number): ScaleCounts {
  const counts = zeros.slice(0, length);
  for (let place = 0; place < length; place += 1) counts[place] = all[place] ?? 0;
  return counts;
}

const zeros: readonly number[] = noCounts();

/** One by one: an array made in another way has elements of any kind to V8, and each array copied from it is slow to read. */
function noCounts(): number[] {
  const counts: number[] = [];
  while (counts.length < scaleLength) counts.push(0);
  return counts;
}

/** Requests of a histogram, and those of them in place `from` of the scale or above. */
export function tallyFrom(
  histogram: SparseHistogram,
  slowerByRatio: number,
  from: number,
): { readonly requests: number; readonly failures: number } {
  const scale = scaleOf(slowerByRatio);
  let requests = 0;
  let failures = 0;
  for (let at = 0; at < histogram.length; at += 1) {
    const pair = histogram[at];
    if (pair === undefined) continue;
    requests += pair[1];
    if ((scale[pair[0]] ?? scaleLength - 1) >= from) failures += pair[1];
  }
  return { requests, failures };
}

/** Smallest latency of a place on the scale. */
export function scaleLowerUs(index: number): number {
  return index === 0 ? 0 : latencyBucketLowerUs(edgeBucket(index - 1));
}

/** The latency that `ratio` of the counts stay under, to within a place of the scale; null: no count. */
export function quantileUs(counts: ScaleCounts, ratio: number): number | null {
  const total = sum(counts);
  if (total <= 0) return null;
  let left = ratio * total;
  for (let index = 0; index < counts.length; index += 1) {
    const count = counts[index] ?? 0;
    if (left <= count) {
      const lower = Math.max(100, scaleLowerUs(index));
      const width = index === scaleLength - 1 ? 1 : scaleLowerUs(index + 1) / lower;
      return lower * width ** (count > 0 ? left / count : 0);
    }
    left -= count;
  }
  return scaleLowerUs(scaleLength - 1);
}

/** Requests of a histogram that surely took as long as `limitUs`: their bucket begins there or later. */
export function slowCount(histogram: SparseHistogram, limitUs: number): number {
  let slow = 0;
  for (const [bucket, count] of histogram)
    if (latencyBucketLowerUs(bucket) >= limitUs) slow += count;
  return slow;
}

export function histogramTotal(histogram: SparseHistogram): number {
  let total = 0;
  for (const pair of histogram) total += pair[1];
  return total;
}

export function plusCounts(a: ScaleCounts, b: ScaleCounts): ScaleCounts {
  const longer = a.length < b.length ? b : a;
  const shorter = longer === a ? b : a;
  if (shorter.length === 0) return longer;
  const sums = longer.slice();
  for (let place = 0; place < shorter.length; place += 1) {
    const more = shorter[place] ?? 0;
    if (more > 0) sums[place] = (sums[place] ?? 0) + more;
  }
  return sums;
}

export function sum(counts: ScaleCounts): number {
  let total = 0;
  for (let index = 0; index < counts.length; index += 1) total += counts[index] ?? 0;
  return total;
}

const firstEdgeBucket = latencyBucket(128);
const subBucketsPerDoubling = 16;
/** 1, 1.25 and 1.5625 of the doubling's first latency. */
const edgesInDoubling = [0, 4, 9] as const;

function edgeBucket(edge: number): number {
  const doubling = Math.floor(edge / edgesPerDoubling);
  const within = edgesInDoubling[edge % edgesPerDoubling] ?? 0;
  return firstEdgeBucket + doubling * subBucketsPerDoubling + within;
}

/** Place on the scale of each latency bucket; kept by tolerance, as one release asks for one. */
function scaleOf(slowerByRatio: number): Uint8Array {
  if (slowerByRatio === 0) return plainScale;
  const known = scales.get(slowerByRatio);
  if (known !== undefined) return known;
  const places = placesOf(slowerByRatio);
  if (scales.size >= scalesMax) scales.clear();
  scales.set(slowerByRatio, places);
  return places;
}

function placesOf(slowerByRatio: number): Uint8Array {
  const places = new Uint8Array(latencyBucketCount);
  for (let bucket = 0; bucket < latencyBucketCount; bucket += 1) {
    const allowedBucket = latencyBucket(
      withoutTolerance(latencyBucketLowerUs(bucket), slowerByRatio),
    );
    let place = 0;
    while (place < scaleLength - 1 && edgeBucket(place) <= allowedBucket) place += 1;
    places[bucket] = place;
  }
  return places;
}

function withoutTolerance(us: number, slowerByRatio: number): number {
  if (slowerByRatio === 0) return us;
  return Math.max(0, Math.min(us / (1 + slowerByRatio), us - slowerByUs));
}

/** The other way round. */
export function withTolerance(us: number, slowerByRatio: number): number {
  return slowerByRatio === 0 ? us : Math.max(us * (1 + slowerByRatio), us + slowerByUs);
}

/** A candidate slower by this part is not yet slower: what the first of these says, or 10 %. */
export function slowerByRatioOf(
  ...settings: readonly { readonly slowerByRatio?: number }[]
): number {
  return settings.find((each) => each.slowerByRatio !== undefined)?.slowerByRatio ?? 0.1;
}

const slowerByUs = 2000;

const plainScale = placesOf(0);
const scales = new Map<number, Uint8Array>();
const scalesMax = 64;
