import type { Route } from '../domain/traffic/route-table.ts';
import type { Clock } from '../ports/clock.ts';
import type { TrafficRouter } from '../ports/traffic-router.ts';

/** A push and those who wait for it. */
interface Turn {
  readonly abort: AbortController;
  readonly done: Promise<void>;
  callers: number;
}

/**
 * Pushes whole tables to the router, one at a time. `push` builds the table when its turn comes, so callers that come
 * together share one table, and each resolves only when a table built after its call is in force. A caller who gives up
 * leaves the others their push; it ends when nobody waits for it any more.
 */
export class TablePusher {
  readonly #router: TrafficRouter;
  readonly #clock: Clock;
  readonly #build: () => readonly Route[];
  #version = 0;
  #inForce: string | null = null;
  #running: Turn | null = null;
  #next: Turn | null = null;

  constructor(parts: {
    readonly router: TrafficRouter;
    readonly clock: Clock;
    readonly build: () => readonly Route[];
  }) {
    this.#router = parts.router;
    this.#clock = parts.clock;
    this.#build = parts.build;
  }

  /** Rejects with RouterError when the router could not take it; the caller tries again. */
  async push(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#running === null) {
      this.#running = this.#turn(null);
      return this.#join(this.#running, signal);
    }
    this.#next ??= this.#turn(this.#running.done);
    return this.#join(this.#next, signal);
  }

  /** Whether what `push` would send differs from what is known to be in force. */
  isStale(): boolean {
    return JSON.stringify(this.#build()) !== this.#inForce;
  }

  #turn(before: Promise<void> | null): Turn {
    const abort = new AbortController();
    const run = async (): Promise<void> => {
      try {
        if (before !== null) {
          // The failure of the push before is its own callers' business.
          await before.catch(() => undefined);
          abort.signal.throwIfAborted();
          if (this.#next === turn) this.#next = null;
          this.#running = turn;
        }
        await this.#apply(abort.signal);
      } finally {
        if (this.#running === turn) this.#running = this.#next;
      }
    };
    // `run` looks at its turn only after the first wait.
    const turn: Turn = { abort, done: Promise.resolve().then(run), callers: 0 };
    return turn;
  }

  #join(turn: Turn, signal: AbortSignal): Promise<void> {
    turn.callers += 1;
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        turn.callers -= 1;
        if (turn.callers === 0) turn.abort.abort(signal.reason);
        if (turn.callers === 0 && this.#next === turn) this.#next = null;
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', leave, { once: true });
      void turn.done
        .then(resolve, reject)
        .finally(() => signal.removeEventListener('abort', leave));
    });
  }

  async #apply(signal: AbortSignal): Promise<void> {
    const routes = this.#build();
    const text = JSON.stringify(routes);
    if (text === this.#inForce) return;
    // Unknown until the router has answered: a failed push may be in force all the same.
    this.#inForce = null;
    // Milliseconds keep versions growing over restarts without anything stored.
    const known = (await this.#router.version(signal)) ?? 0;
    this.#version = Math.max(this.#version, known, this.#clock.nowMs()) + 1;
    await this.#router.apply({ version: this.#version, routes }, signal);
    this.#inForce = text;
  }
}
