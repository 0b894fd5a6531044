import { ClientStates } from '../../../domain/traffic/limits/client-states.ts';
import type { BucketShape } from '../../../domain/traffic/limits/rate-limit.ts';
import {
  type BucketKey,
  creditMax,
  type TokenAsk,
  type TokenLoan,
  turnMs,
} from '../../../domain/traffic/limits/token-loan.ts';
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
  readonly #holdings: ClientStates<Holding>;
  /** Those with something to tell or ask: all others cost a turn nothing, however many they are. */
  readonly #active = new Set<Holding>();

  /** `processShare`: one by the number of processes that share. */
  constructor(processShare: number, clientsMax?: number) {
    this.#processShare = processShare;
    const isNothing = (each: Holding, nowMs: number) =>
      !this.#active.has(each) && each.waitUntilMs <= nowMs;
    this.#holdings = new ClientStates(isNothing, clientsMax);
  }

  waitMs(key: BucketKey, shape: BucketShape, nowMs: number): number {
    const holding = this.#holdingOf(key, shape, nowMs);
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
    this.#holdings.retain(scopes);
    for (const holding of this.#active) {
      if (!scopes.has(holding.key.scope)) this.#active.delete(holding);
    }
  }

  /** To be called every `turnMs`: what is to be told and asked now. */
  asks(): readonly TokenAsk[] {
    const asks: TokenAsk[] = [];
    for (const holding of this.#active) {
      const demand = holding.taken + holding.missed;
      holding.demand += demand;
      holding.idleTurns = demand === 0 ? holding.idleTurns + 1 : 0;
      [holding.taken, holding.missed] = [0, 0];
      const isIdle = holding.idleTurns >= idleTurnsMax;
      // A token that was due and not there is asked for again.
      const due = holding.credit >= 1 ? 1 : 0;
      const wanted = isIdle ? 0 : Math.min(wantedMax, Math.max(2 * demand, due) - holding.tokens);
      const owed = holding.owed - (isIdle ? holding.tokens : 0);
      if (isIdle) this.#active.delete(holding);
      if (isIdle) holding.tokens = 0;
      if (owed === 0 && wanted <= 0) continue;
      const { key, shape, credit } = holding;
      asks.push({ key, shape, owed, wanted: Math.max(0, wanted), demand: holding.demand, credit });
      [holding.demand, holding.credit] = [0, 0];
      // Told with this message; what is used until its answer comes is owed anew.
      holding.owedMax = Math.max(0, holding.owedMax - holding.owed);
      holding.owed = 0;
    }
    return asks;
  }

  learn(loans: readonly TokenLoan[], nowMs: number): void {
    for (const { key, tokens, credit, ahead, waitMs, fullInMs } of loans) {
      const holding = this.#holdings.find(key, nowMs);
      // It was forgotten meanwhile: the tokens are lost, which errs on the safe side.
      if (holding === undefined) continue;
      holding.tokens += tokens;
      holding.credit = Math.min(creditMax, holding.credit + credit);
      holding.owedMax = ahead;
      holding.waitUntilMs = nowMs + waitMs;
      holding.fullAtMs = nowMs + fullInMs;
    }
  }

  #holdingOf(key: BucketKey, shape: BucketShape, nowMs: number): Holding {
    let holding = this.#holdings.find(key, nowMs);
    if (holding === undefined) {
      const own = this.#holdings.keyOf(key, nowMs);
      holding = { ...newHolding, key: own, shape, fullAtMs: nowMs };
      this.#holdings.set(own, holding, nowMs);
    }
    if (this.#active.has(holding)) return holding;
    this.#active.add(holding);
    holding.idleTurns = 0;
    // It has its part of a full bucket (T2) as if it were new, but for one that was empty and may be still.
    const isEmpty = holding.waitUntilMs > nowMs;
    holding.owedMax = isEmpty ? 0 : Math.max(1, Math.floor(shape.burst * this.#processShare));
    return holding;
  }
}

/** Half a second: a caller that asks once a second must not have its part of a full bucket each time. */
const idleTurnsMax = 100;
const wantedMax = 10_000;

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
  /** Since it asked last. */
  demand: number;
  /** See TokenAsk. */
  credit: number;
  idleTurns: number;
}

const newHolding = {
  tokens: 0,
  owed: 0,
  owedMax: 0,
  waitUntilMs: 0,
  fullAtMs: 0,
  taken: 0,
  missed: 0,
  demand: 0,
  credit: 0,
  idleTurns: 0,
} as const;
