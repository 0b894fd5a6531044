import type { RouteTable } from '../../../domain/traffic/routing/route-table.ts';
import { type TokenAsk, turnMs } from '../../../domain/traffic/limits/token-loan.ts';
import type { TokenSource } from '../../../ports/token-source.ts';
import { BorrowedBuckets } from './borrowed-buckets.ts';
import { limitScopes } from './route-limits.ts';

export interface BorrowingOptions {
  /** One by the number of processes of this gateway. */
  readonly processShare: number;
  /** Keeps the buckets for several gateways; null: this one has its own. */
  readonly shared: TokenSource | null;
  /** Asks who keeps them for this gateway alone; `learn` of the buckets has to follow. */
  readonly askNear: (asks: readonly TokenAsk[]) => void;
}

/**
 * Asks for tokens while there are limits: of several gateways' source if there is one, and while that is away, of this gateway's own. What was
 * owed when it went away is told to the own one, so that a source that fails is no way around a limit.
 */
export class Borrowing implements AsyncDisposable {
  readonly buckets: BorrowedBuckets;
  readonly #options: BorrowingOptions;
  #timer: NodeJS.Timeout | null = null;
  #isAsking = false;
  #awayUntilMs = -Infinity;

  constructor(options: BorrowingOptions) {
    this.#options = options;
    this.buckets = new BorrowedBuckets(options.processShare);
  }

  /** The table in force. */
  applied({ routes }: RouteTable): void {
    const isNeeded = routes.some((route) => limitScopes(route).length > 0);
    if (isNeeded === (this.#timer !== null)) return;
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = isNeeded ? setInterval(() => void this.#ask(), turnMs) : null;
    this.#timer?.unref();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    await this.#options.shared?.[Symbol.asyncDispose]();
  }

  async #ask(): Promise<void> {
    if (this.#isAsking) return;
    const nowMs = performance.now();
    const asks = this.buckets.asks();
    if (asks.length === 0) return;
    const { shared, askNear } = this.#options;
    if (shared === null || nowMs < this.#awayUntilMs) {
      askNear(asks);
      return;
    }
    this.#isAsking = true;
    try {
      const loans = await shared.lend(asks, AbortSignal.timeout(answerMs));
      this.buckets.learn(loans, performance.now());
    } catch {
      // It tells by itself why.
      this.#awayUntilMs = performance.now() + awayMs;
      askNear(asks);
    } finally {
      this.#isAsking = false;
    }
  }
}

/** Requests go on with what is at hand meanwhile. */
const answerMs = 100;
/** Until it is asked again. */
const awayMs = 500;
