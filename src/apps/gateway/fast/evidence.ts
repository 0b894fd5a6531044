import { type Counter, noAnswer } from '../counters.ts';
import type { Target } from '../live-routes.ts';

/**
 * What one request says about the instance it was sent to: the engine's only contact with the counters. One object
 * serves all requests of a connection, one after the other.
 *
 * - E1. A request counts once, or not at all when its caller is to blame; the second call of an end does nothing.
 * - E2. Only the first attempt counts: what an attempt after it gives is nobody's evidence.
 */
export class Evidence {
  #counter: Counter | null = null;
  #startedMs = 0;
  #isOpen = false;

  /** `nowMs` is when the request's head was whole, of `performance.now()`. */
  begin({ counter }: Target, nowMs: number): void {
    this.#counter = counter;
    this.#startedMs = nowMs;
    this.#isOpen = true;
    counter.underWay += 1;
  }

  /** The instance has answered with this status, and its answer has ended (or a tunnel has begun). */
  answered(status: number, nowMs: number): void {
    this.#count(Math.min(4, Math.floor(status / 100) - 1), nowMs);
  }

  failed(nowMs: number): void {
    this.#count(noAnswer, nowMs);
  }

  /** Nobody waits any more, or something else is waited for (a tunnel's end). */
  end(): void {
    this.#isOpen = false;
    if (this.#counter !== null) this.#counter.underWay -= 1;
    this.#counter = null;
  }

  #count(statusClass: number, nowMs: number): void {
    if (!this.#isOpen || this.#counter === null) return;
    this.#isOpen = false;
    this.#counter.count(statusClass, (nowMs - this.#startedMs) * 1000);
  }
}
