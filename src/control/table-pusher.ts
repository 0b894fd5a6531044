import type { Route } from '../domain/traffic/route-table.ts';
import type { Clock } from '../ports/clock.ts';
import type { TrafficRouter } from '../ports/traffic-router.ts';

/**
 * Pushes whole tables to the router, one at a time. `push` builds the table when its turn comes, so callers that come
 * together share one table, and each resolves only when a table built after its call is in force.
 */
export class TablePusher {
  readonly #router: TrafficRouter;
  readonly #clock: Clock;
  readonly #build: () => readonly Route[];
  #version = 0;
  #inForce: string | null = null;
  #running: Promise<void> | null = null;
  #next: Promise<void> | null = null;

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
  push(signal: AbortSignal): Promise<void> {
    if (this.#running === null) return this.#start(signal);
    this.#next ??= this.#after(this.#running, signal);
    return this.#next;
  }

  /** Whether what `push` would send differs from what is known to be in force. */
  isStale(): boolean {
    return JSON.stringify(this.#build()) !== this.#inForce;
  }

  async #after(running: Promise<void>, signal: AbortSignal): Promise<void> {
    // The failure of the push before is its own caller's business.
    await running.catch(() => undefined);
    this.#next = null;
    return this.#start(signal);
  }

  #start(signal: AbortSignal): Promise<void> {
    const running = this.#apply(signal).finally(() => {
      if (this.#running === running) this.#running = null;
    });
    this.#running = running;
    return running;
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
