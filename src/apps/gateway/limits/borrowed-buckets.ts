import type { BucketShape } from '../../../domain/traffic/rate-limit.ts';
import {
  type BucketKey,
  type TokenAsk,
  type TokenLoan,
  turnMs,
} from '../../../domain/traffic/token-loan.ts';
import type { Buckets } from './buckets.ts';

/**
 * Buckets that several processes share: somebody keeps them for all (TokenSource), the others borrow tokens ahead of requests, so that no request
 * waits for another process.
 *
 * - T1. What is used is always told, and taken from the bucket even if it is empty by then: in the long run no more gets through than the
 *   limit says, whoever lets it through.
 * - T2. Before the first loan a process uses its part of a full bucket, and between two loans its part of what the last one left in it. So
 *   all together are ahead of the bucket by what one of them has not heard, for a turn of messages.
 * - T3. Tokens that nobody uses are given back.
 */
export class BorrowedBuckets implements Buckets {
  readonly #processShare: number;
  readonly #holdings = new Map<string, Map<string, Holding>>();
  readonly #active = new Set<Holding>();

  /** `processShare`: one by the number of processes that share. */
  constructor(processShare: number) {
    this.#processShare = processShare;
  }

  waitMs(key: BucketKey, shape: BucketShape, nowMs: number): number {
    const holding = this.#holdingOf(key, shape, nowMs);
    this.#active.add(holding);
    holding.shape = shape;
    if (holding.tokens > 0 || holding.owed < holding.owedMax) return 0;
    holding.missed += 1;
    return Math.max(turnMs, holding.waitUntilMs - nowMs);
  }

  take(key: BucketKey, shape: BucketShape, nowMs: number): number {
    const holding = this.#holdingOf(key, shape, nowMs);
    holding.taken += 1;
    if (holding.tokens > 0) holding.tokens -= 1;
    else {
      holding.owed += 1;
      holding.fullAtMs = Math.max(holding.fullAtMs, nowMs) + shape.msPerToken;
    }
    return holding.fullAtMs;
  }

  retain(scopes: ReadonlySet<string>): void {
    for (const [scope, holdings] of this.#holdings) {
      if (scopes.has(scope)) continue;
      this.#holdings.delete(scope);
      for (const holding of holdings.values()) this.#active.delete(holding);
    }
  }

  /** To be called every `turnMs`: what is to be told and asked now. */
  asks(nowMs: number): readonly TokenAsk[] {
    const asks: TokenAsk[] = [];
    for (const holding of this.#active) {
      const demand = holding.taken + holding.missed;
      holding.idleTurns = demand === 0 ? holding.idleTurns + 1 : 0;
      [holding.taken, holding.missed] = [0, 0];
      // Not while it is empty: whoever is new has its part of a full one.
      const isIdle = holding.idleTurns >= idleTurnsMax && holding.waitUntilMs <= nowMs;
      const wanted = isIdle || demand === 0 ? 0 : Math.min(wantedMax, 2 * demand - holding.tokens);
      const owed = holding.owed - (isIdle ? holding.tokens : 0);
      if (isIdle) this.#forget(holding);
      if (owed === 0 && wanted <= 0) continue;
      asks.push({ key: holding.key, shape: holding.shape, owed, wanted: Math.max(0, wanted) });
      // Told with this message; what is used until its answer comes is owed anew.
      holding.owedMax = Math.max(0, holding.owedMax - holding.owed);
      holding.owed = 0;
    }
    return asks;
  }

  learn(loans: readonly TokenLoan[], nowMs: number): void {
    for (const { key, tokens, ahead, waitMs, fullInMs } of loans) {
      const holding = this.#holdings.get(key.scope)?.get(key.client);
      // It was forgotten meanwhile: the tokens are lost, which errs on the safe side.
      if (holding === undefined) continue;
      holding.tokens += tokens;
      holding.owedMax = ahead;
      holding.waitUntilMs = nowMs + waitMs;
      holding.fullAtMs = nowMs + fullInMs;
    }
  }

  #holdingOf(key: BucketKey, shape: BucketShape, nowMs: number): Holding {
    let holdings = this.#holdings.get(key.scope);
    if (holdings === undefined) {
      holdings = new Map();
      this.#holdings.set(key.scope, holdings);
    }
    const client = holdings.size < clientsMax || holdings.has(key.client) ? key.client : crowd;
    let holding = holdings.get(client);
    if (holding === undefined) {
      const owedMax = Math.max(1, Math.floor(shape.burst * this.#processShare));
      holding = { ...newHolding, key: { scope: key.scope, client }, shape, owedMax };
      holding.fullAtMs = nowMs;
      holdings.set(client, holding);
    }
    return holding;
  }

  #forget(holding: Holding): void {
    this.#active.delete(holding);
    this.#holdings.get(holding.key.scope)?.delete(holding.key.client);
  }
}

/** Half a second: a caller that asks once a second must not have its part of a full bucket each time. */
const idleTurnsMax = 100;
const wantedMax = 10_000;
const clientsMax = 100_000;
const crowd = '\0crowd';

interface Holding {
  readonly key: BucketKey;
  shape: BucketShape;
  tokens: number;
  /** Used beyond the tokens, and not told yet. */
  owed: number;
  owedMax: number;
  waitUntilMs: number;
  fullAtMs: number;
  /** Since the last turn. */
  taken: number;
  missed: number;
  idleTurns: number;
}

const newHolding = {
  tokens: 0,
  owed: 0,
  waitUntilMs: 0,
  fullAtMs: 0,
  taken: 0,
  missed: 0,
  idleTurns: 0,
} as const;
