import { afterTaking, type BucketShape, tokensAt, waitMsFor } from './rate-limit.ts';

/** Whose bucket: of a limit, and of a client where each has its own. */
export interface BucketKey {
  /** Of the limit, the same in every process that shares it. */
  readonly scope: string;
  /** Empty: everybody's. */
  readonly client: string;
}

/** What a process that serves asks of whoever keeps the bucket for all, once a turn. */
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
  /** How many may be used beyond them until the next loan. */
  readonly ahead: number;
  /** Until there is one in the bucket; 0: there is. */
  readonly waitMs: number;
  /** Until the bucket is full again. In time from now, as clocks of processes begin at different times. */
  readonly fullInMs: number;
}

/** A bucket that several processes share. */
export interface LentBucket {
  readonly fullAtMs: number;
  readonly turnAtMs: number;
  /** Tokens when the turn began. */
  readonly pool: number;
  /** In this turn. */
  readonly asks: number;
  /** How many processes ask: the most in a turn, slowly forgotten. */
  readonly askers: number;
}

export const noLentBucket: LentBucket = {
  fullAtMs: 0,
  turnAtMs: -Infinity,
  pool: 0,
  asks: 0,
  askers: 0,
};

/** A turn is so long; shorter makes more messages, longer makes what gets through less even. */
export const turnMs = 5;

/**
 * Lends tokens, and takes what was used without a loan, whether it is there or not. Each of those who ask in a turn gets its part of what
 * was there when the turn began: were it a part of what is left, whoever asks first would always have most. They are counted by
 * the most that asked in a turn: one with few requests finds something left, and one alone gets all of it a little later.
 */
export function lend(
  bucket: LentBucket,
  { key, shape, owed, wanted }: TokenAsk,
  nowMs: number,
): { readonly bucket: LentBucket; readonly loan: TokenLoan } {
  const turn = turnOf(bucket, shape, nowMs);
  const asks = turn.asks + 1;
  const before = afterTaking(bucket.fullAtMs, shape, nowMs, owed);
  const there = wholeTokens(before, shape, nowMs);
  const askers = Math.max(turn.askers, asks);
  const part = Math.max(1, Math.floor(turn.pool / askers)) - Math.max(0, owed);
  const tokens = Math.max(0, Math.min(wanted, there, part));
  const fullAtMs = afterTaking(before, shape, nowMs, tokens);
  const left = there - tokens;
  return {
    bucket: { ...turn, fullAtMs, asks },
    loan: {
      key,
      tokens,
      // One that is there must not be refused because it can't be divided.
      ahead: left === 0 ? 0 : Math.max(1, Math.floor(left / askers)),
      waitMs: waitMsFor(fullAtMs, shape, nowMs),
      fullInMs: Math.max(0, fullAtMs - nowMs),
    },
  };
}

function turnOf(bucket: LentBucket, shape: BucketShape, nowMs: number): LentBucket {
  const elapsedMs = nowMs - bucket.turnAtMs;
  if (elapsedMs < turnMs) return bucket;
  const pool = wholeTokens(bucket.fullAtMs, shape, nowMs);
  return {
    fullAtMs: bucket.fullAtMs,
    turnAtMs: nowMs,
    pool,
    asks: 0,
    askers: Math.max(bucket.asks, bucket.askers * askersKept ** Math.min(elapsedMs / turnMs, 1e4)),
  };
}

/** By the turn: half of them are forgotten in 3.5 s. */
const askersKept = 0.999;

/** In [0, burst]. */
function wholeTokens(fullAtMs: number, shape: BucketShape, nowMs: number): number {
  // Intervals such as 1000 / 3 ms are not exact.
  return Math.max(0, Math.floor(tokensAt(fullAtMs, shape, nowMs) + 1e-6));
}
