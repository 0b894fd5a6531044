import type { BucketShape } from '../../../domain/traffic/rate-limit.ts';
import type { BucketKey } from './buckets.ts';

/** What a process that serves asks of the one that keeps the bucket for all. */
export interface TokenAsk {
  readonly key: BucketKey;
  readonly shape: BucketShape;
  /** Used without having been lent; negative: lent, and given back. */
  readonly owed: number;
  /** 0: none. */
  readonly wanted: number;
}

export interface TokenLoan {
  readonly key: BucketKey;
  /** As many as wanted, or fewer. */
  readonly tokens: number;
  /** Whole ones that are still in the bucket. */
  readonly left: number;
  /** Until one is in it; 0: it is. */
  readonly waitMs: number;
  /** Until the bucket is full again. In time from now, as clocks of processes begin at different times. */
  readonly fullInMs: number;
}
