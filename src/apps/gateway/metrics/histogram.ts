import type { Exemplar, HistogramPoint, Labels } from './metric-family.ts';

/** One histogram that is counted into without making garbage. */
export class Histogram {
  /** Of each bucket by itself. */
  readonly counts: Float64Array;
  /** Grows with each value, so a reader sees by it whether there is anything. */
  total = 0;
  readonly #bounds: readonly number[];
  readonly #sum = new Float64Array(1);
  #exemplars: Exemplars | null = null;

  /** `bounds` are upper ends, inclusive, ascending. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  /** Returns the bucket that it fell in. Most values are small, so they are looked for from below. */
  add(value: number): number {
    const bounds = this.#bounds;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket += 1;
    this.counts[bucket] = (this.counts[bucket] as number) + 1;
    this.#sum[0] = (this.#sum[0] as number) + value;
    this.total += 1;
    return bucket;
  }

  /** Names the request that has just been added to `bucket`. `traceId` has its 32 digits in front. */
  exemplify(bucket: number, value: number, atMs: number, traceId: Buffer): void {
    this.#exemplars ??= new Exemplars(this.counts.length);
    this.#exemplars.offer(bucket, value, atMs, traceId);
  }

  point(labels: Labels): HistogramPoint {
    const counts = [...this.counts];
    const sum = this.#sum[0] ?? 0;
    if (this.#exemplars === null) return { labels, counts, sum };
    return { labels, counts, sum, exemplars: this.#exemplars.all() };
  }
}

/** One for each bucket is kept so long at least; a scraper takes no more than one each time. */
const exemplarKeptMs = 1000;
const traceIdDigits = 32;

class Exemplars {
  readonly #traceIds: Buffer;
  readonly #values: Float64Array;
  readonly #atMs: Float64Array;

  constructor(buckets: number) {
    this.#traceIds = Buffer.alloc(buckets * traceIdDigits);
    this.#values = new Float64Array(buckets);
    this.#atMs = new Float64Array(buckets);
  }

  offer(bucket: number, value: number, atMs: number, traceId: Buffer): void {
    if (atMs - (this.#atMs[bucket] as number) < exemplarKeptMs) return;
    traceId.copy(this.#traceIds, bucket * traceIdDigits, 0, traceIdDigits);
    this.#values[bucket] = value;
    this.#atMs[bucket] = atMs;
  }

  all(): readonly (Exemplar | null)[] {
    return [...this.#atMs].map((atMs, bucket) => {
      if (atMs === 0) return null;
      const from = bucket * traceIdDigits;
      const traceId = this.#traceIds.toString('latin1', from, from + traceIdDigits);
      return { traceId, value: this.#values[bucket] ?? 0, atMs };
    });
  }
}
