import type { RouteTable } from '../../domain/traffic/routing/route-table.ts';
import type { Clock } from '../../ports/clock.ts';
import type { TrafficRouter } from '../../ports/traffic-router.ts';

/** All of a table but the version, which is the pusher's. */
type TableContent = Omit<RouteTable, 'version'>;

/**
 * Pushes whole tables to the router, one at a time. `push` builds the table when its turn comes, so callers that come
 * together share one push, and each resolves only when a table built after its call is in force. A caller that gives up
 * leaves the others alone; a push that everybody has given up is aborted.
 */
export class TablePusher {
  readonly #router: TrafficRouter;
  readonly #clock: Clock;
  readonly #build: () => TableContent;
  #version = 0;
  #inForce: string | null = null;
  #running: SharedPush | null = null;
  #next: SharedPush | null = null;

  constructor(parts: {
    readonly router: TrafficRouter;
    readonly clock: Clock;
    readonly build: () => TableContent;
  }) {
    this.#router = parts.router;
    this.#clock = parts.clock;
    this.#build = parts.build;
  }

  /** Rejects with RouterError when the router could not take it; the caller tries again. */
  push(signal: AbortSignal): Promise<void> {
    if (this.#running === null) {
      this.#running = this.#after(null);
      return this.#running.join(signal);
    }
    if (this.#next === null || this.#next.isGivenUp) this.#next = this.#after(this.#running);
    return this.#next.join(signal);
  }

  /** Whether what `push` would send differs from what is known to be in force. */
  isStale(): boolean {
    return JSON.stringify(this.#build()) !== this.#inForce;
  }

  #after(before: SharedPush | null): SharedPush {
    const push: SharedPush = new SharedPush(async (signal) => {
      try {
        // The failure of the push before is its own callers' business.
        await before?.done.catch(() => undefined);
        signal.throwIfAborted();
        await this.#apply(signal);
      } finally {
        // Handed over in one step, so that nobody finds the way free between two pushes.
        if (this.#running === push) {
          this.#running = this.#next;
          this.#next = null;
        }
      }
    });
    return push;
  }

  async #apply(signal: AbortSignal): Promise<void> {
    const content = this.#build();
    const text = JSON.stringify(content);
    if (text === this.#inForce) return;
    // Unknown until the router has answered: a failed push may be in force all the same.
    this.#inForce = null;
    // Milliseconds keep versions growing over restarts without anything stored.
    const known = (await this.#router.version(signal)) ?? 0;
    this.#version = Math.max(this.#version, known, this.#clock.nowMs()) + 1;
    await this.#router.apply({ version: this.#version, ...content }, signal);
    this.#inForce = text;
  }
}

/** One push and those who wait for it. */
class SharedPush {
  readonly done: Promise<void>;
  readonly #abort = new AbortController();
  #callers = 0;

  constructor(run: (signal: AbortSignal) => Promise<void>) {
    this.done = run(this.#abort.signal);
    // Each caller hears of a failure by its own promise; when none is left, nobody needs to.
    this.done.catch(() => undefined);
  }

  get isGivenUp(): boolean {
    return this.#abort.signal.aborted;
  }

  join(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    this.#callers += 1;
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#callers -= 1;
        if (this.#callers === 0) this.#abort.abort(signal.reason);
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', leave, { once: true });
      const stay = (): void => signal.removeEventListener('abort', leave);
      this.done.finally(stay).then(resolve, reject);
    });
  }
}
