/** Buckets that grow by a ratio: bucket i begins at first * (ratio^i - 1) / (ratio - 1), the first one at 0. */
export interface HistogramScale {
  /** Width of the first bucket, in the unit of the values. */
  readonly first: number;
  /** Above 1. */
  readonly ratio: number;
  /** Values above it are in the last bucket. */
  readonly most: number;
  /** After so long a value weighs half. */
  readonly halfLifeMs: number;
}

/** Weights by bucket, all as of `referenceMs`. */
export interface DecayingHistogram {
  readonly referenceMs: number;
  readonly weights: ReadonlyMap<number, number>;
}

export function openHistogram(referenceMs: number): DecayingHistogram {
  return { referenceMs, weights: new Map() };
}

export interface WeightedValue {
  /** At least 0. */
  readonly value: number;
  /** Below 0 takes a value back that was put in with as much weight and the same time. */
  readonly weight: number;
  readonly atMs: number;
}

/** A value's weight doubles with each half-life from the reference on, so that the older ones never have to be touched. */
export function withWeighted(
  scale: HistogramScale,
  histogram: DecayingHistogram,
  { value, weight, atMs }: WeightedValue,
): DecayingHistogram {
  const current = shifted(scale, histogram, atMs);
  const weights = new Map(current.weights);
  const bucket = bucketOf(scale, value);
  const grown = weight * 2 ** ((atMs - current.referenceMs) / scale.halfLifeMs);
  const sum = (weights.get(bucket) ?? 0) + grown;
  if (sum < leastWeight) weights.delete(bucket);
  else weights.set(bucket, sum);
  return { referenceMs: current.referenceMs, weights };
}

/** The end of the bucket at or below which `ratio` of the weight is; 0 of an empty histogram. */
export function percentileOf(
  scale: HistogramScale,
  { weights }: DecayingHistogram,
  ratio: number,
): number {
  const buckets = [...weights].toSorted(([left], [right]) => left - right);
  const total = buckets.reduce((sum, [, weight]) => sum + weight, 0);
  const last = bucketOf(scale, scale.most);
  let partial = 0;
  for (const [bucket, weight] of buckets) {
    partial += weight;
    if (partial >= ratio * total) return beginOf(scale, Math.min(bucket + 1, last));
  }
  const [newest] = buckets.at(-1) ?? [];
  return newest === undefined ? 0 : beginOf(scale, Math.min(newest + 1, last));
}

export function bucketOf({ first, ratio, most }: HistogramScale, value: number): number {
  const held = Math.min(value, most);
  if (held < first) return 0;
  return Math.floor(Math.log((held * (ratio - 1)) / first + 1) / Math.log(ratio));
}

function beginOf({ first, ratio }: HistogramScale, bucket: number): number {
  return (first * (ratio ** bucket - 1)) / (ratio - 1);
}

/** Before weights outgrow their numbers the reference moves on by whole half-lives. */
function shifted(
  { halfLifeMs }: HistogramScale,
  { referenceMs, weights }: DecayingHistogram,
  atMs: number,
): DecayingHistogram {
  const halfLives = Math.floor((atMs - referenceMs) / halfLifeMs);
  if (halfLives < halfLivesMost) return { referenceMs, weights };
  const kept = [...weights].map(([bucket, weight]) => [bucket, weight / 2 ** halfLives] as const);
  return {
    referenceMs: referenceMs + halfLives * halfLifeMs,
    weights: new Map(kept.filter(([, weight]) => weight >= leastWeight)),
  };
}

const halfLivesMost = 100;
const leastWeight = 0.0001;
