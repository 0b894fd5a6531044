import { waitMsFor } from '../../../domain/traffic/rate-limit.ts';
import { askEveryMs } from './borrowed-buckets.ts';
import { type BucketKey, OwnBuckets } from './buckets.ts';
import type { TokenAsk, TokenLoan } from './token-message.ts';

/**
 * Keeps the buckets of several processes and lends them tokens. Each asks once in a turn (`askEveryMs`), and gets its part of what
 * was there when the turn began: were it a part of what is left, whoever asks first would always have most.
 */
export class TokenLender {
  readonly #buckets = new OwnBuckets();
  readonly #processShare: number;
  /** Tokens at the beginning of this turn. */
  readonly #pools = new Map<string, number>();
  #turnAtMs = -Infinity;

  /** `processShare`: one by the number of processes. */
  constructor(processShare: number) {
    this.#processShare = processShare;
  }

  lend({ key, shape, owed, wanted }: TokenAsk, nowMs: number): TokenLoan {
    const pool = this.#poolOf(key, () => this.#buckets.tokens(key, shape, nowMs), nowMs);
    this.#buckets.takeMany(key, shape, nowMs, owed);
    const there = this.#buckets.tokens(key, shape, nowMs);
    const part = Math.max(1, Math.floor(pool * this.#processShare)) - Math.max(0, owed);
    const tokens = Math.max(0, Math.min(wanted, there, part));
    const fullAtMs = this.#buckets.takeMany(key, shape, nowMs, tokens);
    const waitMs = waitMsFor(fullAtMs, shape, nowMs);
    const fullInMs = Math.max(0, fullAtMs - nowMs);
    return { key, tokens, left: there - tokens, waitMs, fullInMs };
  }

  retain(scopes: ReadonlySet<string>): void {
    this.#buckets.retain(scopes);
  }

  #poolOf({ scope, client }: BucketKey, count: () => number, nowMs: number): number {
    if (nowMs - this.#turnAtMs >= askEveryMs) {
      this.#turnAtMs = nowMs;
      this.#pools.clear();
    }
    const name = `${scope}\n${client}`;
    const known = this.#pools.get(name);
    if (known !== undefined) return known;
    const pool = count();
    this.#pools.set(name, pool);
    return pool;
  }
}
