import { ClientStates } from '../../domain/traffic/limits/client-states.ts';
import {
  lend,
  type LentBucket,
  noLentBucket,
  type TokenAsk,
  type TokenLoan,
} from '../../domain/traffic/limits/token-loan.ts';
import type { TokenSource } from '../../ports/token-source.ts';

/** Buckets in this process, for the others that it talks with. */
export class MemoryTokens implements TokenSource {
  readonly #buckets = new ClientStates<LentBucket>(({ fullAtMs }, nowMs) => fullAtMs <= nowMs);
  readonly #nowMs: () => number;

  /** `nowMs` is on any clock that does not go back. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  lend(asks: readonly TokenAsk[]): Promise<readonly TokenLoan[]> {
    return Promise.resolve(this.lendNow(asks));
  }

  lendNow(asks: readonly TokenAsk[]): readonly TokenLoan[] {
    const nowMs = this.#nowMs();
    return asks.map((ask) => {
      const { bucket, loan } = lend(this.#buckets.find(ask.key, nowMs) ?? noLentBucket, ask, nowMs);
      this.#buckets.set(ask.key, bucket, nowMs);
      return loan;
    });
  }

  retain(scopes: ReadonlySet<string>): void {
    this.#buckets.retain(scopes);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}
