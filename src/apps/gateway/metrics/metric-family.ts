/**
 * What one process has counted, as plain data without classes: it goes over a socket or a message port as JSON, so a gateway of
 * several worker processes asks each for its own, merges them (merge-metrics.ts) and renders the whole (render-metrics.ts).
 */
export type MetricFamily = ScalarFamily | HistogramFamily;

interface FamilyHead {
  /** Base units, and without the suffixes `_total`, `_info` and `_bucket`: they follow from the kind. */
  readonly name: string;
  /** One sentence. */
  readonly help: string;
  /**
   * Points with the same labels of several processes: added, the largest taken, or kept apart by a label `worker`, for what
   * says something of one process only.
   */
  readonly merge: 'sum' | 'max' | 'each';
}

export interface ScalarFamily extends FamilyHead {
  readonly kind: 'counter' | 'gauge' | 'info';
  readonly points: readonly ScalarPoint[];
}

export interface HistogramFamily extends FamilyHead {
  readonly kind: 'histogram';
  /** Upper ends of the buckets, inclusive, ascending; one more bucket has what is above. */
  readonly bounds: readonly number[];
  readonly points: readonly HistogramPoint[];
}

/** In the order in which they are shown; one that is empty says the same as one that is not there. */
export type Labels = Readonly<Record<string, string>>;

export interface ScalarPoint {
  readonly labels: Labels;
  readonly value: number;
}

export interface HistogramPoint {
  readonly labels: Labels;
  /** Of each bucket by itself, `bounds.length + 1` of them. */
  readonly counts: readonly number[];
  readonly sum: number;
  /** By bucket; absent: none. */
  readonly exemplars?: readonly (Exemplar | null)[];
}

/** One request that is counted in a bucket, so that a trace can be found by a number. */
export interface Exemplar {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  readonly value: number;
  /** Since the Unix epoch. */
  readonly atMs: number;
}

/** What one process says of itself. */
export interface ProcessMetrics {
  /** Of a worker process, unique among them; null: there is only this process. */
  readonly worker: string | null;
  readonly families: readonly MetricFamily[];
}

/** A family that is one number. */
export function scalar(head: Omit<ScalarFamily, 'points'>, value: number): ScalarFamily {
  return { ...head, points: [{ labels: {}, value }] };
}
