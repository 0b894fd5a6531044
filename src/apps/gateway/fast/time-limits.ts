import type { RuleTimeouts } from '../../../domain/traffic/routing/route-rules.ts';
import type { OverLimit } from '../over-limit.ts';

/** What is told that a limit has been passed; the limit is over with it. */
export interface LimitedExchange {
  readonly overLimit: (over: OverLimit, nowMs: number) => void;
}

/**
 * The limits that rules set beside the engine's own deadlines. Requests without any are not in here and cost nothing; the
 * others are looked at with each sweep, so a limit is late by one sweep at most.
 */
export class TimeLimits {
  readonly #limits = new Map<LimitedExchange, TimeLimit>();

  /** Null: there is nothing to watch. */
  begin(exchange: LimitedExchange, timeouts: RuleTimeouts | null, nowMs: number): TimeLimit | null {
    if (timeouts === null) return null;
    const limit = new TimeLimit(timeouts, nowMs);
    this.#limits.set(exchange, limit);
    return limit;
  }

  /** Nothing is watched any more. */
  end(exchange: LimitedExchange): null {
    this.#limits.delete(exchange);
    return null;
  }

  sweep(nowMs: number): void {
    for (const [exchange, limit] of this.#limits) {
      const over = limit.over(nowMs);
      if (over !== null) exchange.overLimit(over, nowMs);
    }
  }
}

/** Of one request; all times on the clock of `performance.now()`. */
export class TimeLimit {
  readonly #timeouts: RuleTimeouts;
  readonly #startedMs: number;
  /** Infinity: no attempt has begun. */
  #attemptMs = Infinity;
  #movedMs: number;

  constructor(timeouts: RuleTimeouts, nowMs: number) {
    this.#timeouts = timeouts;
    this.#startedMs = nowMs;
    this.#movedMs = nowMs;
  }

  /** The request begins to be sent, to this instance or to another one. */
  attempt(): void {
    this.#attemptMs = performance.now();
    this.#movedMs = this.#attemptMs;
  }

  /** The attempt is over; another one may follow. */
  attemptOver(): void {
    this.#attemptMs = Infinity;
  }

  /** Octets went to the instance or came from it. */
  moved(): void {
    this.#movedMs = performance.now();
  }

  over(nowMs: number): OverLimit | null {
    const { requestMs, backendRequestMs, idleMs } = this.#timeouts;
    if (requestMs !== undefined && nowMs - this.#startedMs >= requestMs) {
      return { reason: 'timeout', ms: requestMs };
    }
    if (backendRequestMs !== undefined && nowMs - this.#attemptMs >= backendRequestMs) {
      return { reason: 'backend-timeout', ms: backendRequestMs };
    }
    const isIdle = idleMs !== undefined && nowMs - this.#movedMs >= idleMs;
    return isIdle ? { reason: 'idle-timeout', ms: idleMs } : null;
  }
}
