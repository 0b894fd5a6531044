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
  /** Requests since it asked last, let through or not. */
  readonly demand: number;
  /** What its parts had beyond whole tokens, and whole ones that were not there, in [0, creditMax]. */
  readonly credit: number;
}

export interface TokenLoan {
  readonly key: BucketKey;
  /** As many as wanted, or fewer. */
  readonly tokens: number;
  /** For the next ask. */
  readonly credit: number;
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
  /** Requests that were told of in this turn. */
  readonly demand: number;
  /** In a turn, of those before this one; the weight of each falls with its age. */
  readonly usualDemand: number;
}

export const noLentBucket: LentBucket = {
  fullAtMs: 0,
  turnAtMs: -Infinity,
  pool: 0,
  asks: 0,
  askers: 0,
  demand: 0,
  usualDemand: 0,
};

/** A turn is so long; shorter makes more messages, longer makes what gets through less even. */
export const turnMs = 5;

/**
 * Lends tokens, and takes what was used without a loan, whether it is there or not. What was there when a turn began is dealt by demand: each
 * request that was told of brings its process the same part of it, so that callers are served alike whichever process their connections
 * came to. (Dealt evenly among processes, those of the busiest one got two thirds of the others.) Parts are seldom whole tokens, so
 * the rest goes back with the loan and comes with the next ask. Of what demand is, turns before this one decide: what one asks does
 * not change its own part, and what was dealt too low is there in the next turn.
 */
export function lend(
  bucket: LentBucket,
  { key, shape, owed, wanted, demand, credit }: TokenAsk,
  nowMs: number,
): { readonly bucket: LentBucket; readonly loan: TokenLoan } {
  const turn = turnOf(bucket, shape, nowMs);
  const asks = turn.asks + 1;
  const before = afterTaking(bucket.fullAtMs, shape, nowMs, owed);
  const there = wholeTokens(before, shape, nowMs);
  const askers = Math.max(turn.askers, asks);
  // What is given back in this turn can be dealt in it.
  const pool = turn.pool + Math.max(0, -owed);
  const usualDemand = turn.usualDemand > 0 ? turn.usualDemand : Math.max(1, demand);
  const part = credit + (pool * demand) / usualDemand - Math.max(0, owed);
  const tokens = Math.max(0, Math.min(wanted, there, Math.floor(part)));
  const fullAtMs = afterTaking(before, shape, nowMs, tokens);
  const left = there - tokens;
  return {
    bucket: { ...turn, fullAtMs, pool, asks, demand: turn.demand + demand },
    loan: {
      key,
      tokens,
      credit: Math.max(0, Math.min(creditMax, part - tokens)),
      // One that is there must not be refused because it can't be divided; where there are too few, all of them go by demand.
      ahead: left === 0 || pool < usualDemand ? 0 : Math.max(1, Math.floor(left / askers)),
      waitMs: waitMsFor(fullAtMs, shape, nowMs),
      fullInMs: Math.max(0, fullAtMs - nowMs),
    },
  };
}

function turnOf(bucket: LentBucket, shape: BucketShape, nowMs: number): LentBucket {
  const elapsedMs = nowMs - bucket.turnAtMs;
  if (elapsedMs < turnMs) return bucket;
  const turns = Math.min(elapsedMs / turnMs, 1e4);
  const pool = wholeTokens(bucket.fullAtMs, shape, nowMs);
  return {
    fullAtMs: bucket.fullAtMs,
    turnAtMs: nowMs,
    pool,
    asks: 0,
    demand: 0,
    usualDemand:
      bucket.usualDemand + (bucket.demand / turns - bucket.usualDemand) * (1 - demandKept ** turns),
    askers: Math.max(bucket.asks, bucket.askers * askersKept ** turns),
  };
}

/** By the turn: half of them are forgotten in 3.5 s. */
const askersKept = 0.999;

/** So that who asks last in a turn, and finds nothing, is not always the one. */
export const creditMax = 4;

/** By the turn: half of it is forgotten in 0.1 s. */
const demandKept = 0.97;

/** In [0, burst]. */
function wholeTokens(fullAtMs: number, shape: BucketShape, nowMs: number): number {
  // Intervals such as 1000 / 3 ms are not exact.
  return Math.max(0, Math.floor(tokensAt(fullAtMs, shape, nowMs) + 1e-6));
}
