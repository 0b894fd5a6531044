/**
 * What the instances of one service counted themselves between two looks at all of them. Only instances that were read at
 * both looks are in it, so both arms' counts are of the same time.
 */
export interface MetricInterval {
  /** Start of the earlier look: counts are of requests since then. */
  readonly sinceMs: number;
  readonly counts: readonly MetricCount[];
  readonly faults: readonly MetricFault[];
}

/** One metric of all instances of one revision. Counts are integers >= 0. */
export type MetricCount = { readonly metric: string; readonly revisionId: string } & (
  | { readonly kind: 'ratio'; readonly bad: number; readonly total: number }
  | {
      readonly kind: 'histogram';
      /** On the buckets of latency-buckets.ts. */
      readonly histogram: readonly (readonly [bucket: number, count: number])[];
    }
);

/** Why a metric of instances of one revision is not known for this interval. */
export interface MetricFault {
  readonly metric: string;
  readonly revisionId: string;
  /** Names an instance and what is wrong with it, without a full stop. */
  readonly sentence: string;
  /** No instance of the revision was read: nothing is compared. */
  readonly isBlind: boolean;
}
