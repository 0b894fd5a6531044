import type { Attempts } from './attempts.ts';
import type { ConnectionUser, InstanceConnection } from './instance-connection.ts';
import type { ConnectionSeeker, InstancePool } from './instance-pool.ts';
import type { Parts } from './parts.ts';
import type { RequestRelay } from './request-relay.ts';

/** Whose request is hedged. */
interface HedgeUser {
  /** The hedge's connection is the request's from now on; `bytes` has come on it already, null: nothing has. */
  readonly overtake: (
    connection: InstanceConnection,
    pool: InstancePool,
    bytes: Buffer | null,
  ) => void;
}

/**
 * A second request to another instance while the first is waited for ("The Tail at Scale", J. Dean and L. A. Barroso, 2013, "Hedged
 * requests"). One object serves all requests of a connection, one after the other.
 *
 * - G1. Only what is safe and has no body is hedged, once, and only within the budget for retries: it is one of them.
 * - G2. Whose first octet comes first has the request; the other one's connection is cut.
 * - G3. When the first fails, a hedge that has been sent goes on in its place.
 */
export class Hedge implements ConnectionUser, ConnectionSeeker {
  readonly #parts: Parts;
  readonly #user: HedgeUser;
  readonly #attempts: Attempts;
  readonly #request: RequestRelay;
  #timer: NodeJS.Timeout | null = null;
  /** Null: none is under way. */
  #pool: InstancePool | null = null;
  #connection: InstanceConnection | null = null;
  #isSent = false;

  constructor(parts: Parts, user: HedgeUser, attempts: Attempts, request: RequestRelay) {
    this.#parts = parts;
    this.#user = user;
    this.#attempts = attempts;
    this.#request = request;
  }

  /** The first attempt is on its way. */
  begin(): void {
    const { hedgeAfterMs } = this.#attempts;
    const { isWholeInFirst, bodyBytes } = this.#request;
    if (hedgeAfterMs === 0 || !isWholeInFirst || bodyBytes > 0) return;
    this.#timer = setTimeout(() => this.#ask(), hedgeAfterMs);
  }

  /** It is not wanted any more; for most requests there is none. */
  end(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#pool !== null) this.#over('none');
  }

  /** The first attempt has failed; whether the hedge is the attempt now. */
  takesOver(): boolean {
    if (this.#connection !== null && this.#isSent) return this.#win(null);
    this.end();
    return false;
  }

  take(connection: InstanceConnection): void {
    this.#connection = connection;
    connection.user = this;
    if (connection.isConnected) this.connected();
  }

  connected(): void {
    this.#isSent = true;
    this.#connection?.write(this.#request.copyOfFirst());
  }

  connectFailed(): void {
    this.#over('gateway-error');
  }

  read(bytes: Buffer): void {
    this.#win(bytes);
  }

  drained(): void {}

  closed(): void {
    this.#over('gateway-error');
  }

  #ask(): void {
    this.#timer = null;
    const nowMs = performance.now();
    const target = this.#attempts.hedge(nowMs);
    if (target === null) return;
    this.#isSent = false;
    this.#pool = this.#parts.pools.pool(target);
    if (!this.#pool.seek(this, nowMs)) this.#over('none');
  }

  #win(bytes: Buffer | null): true {
    const connection = this.#connection;
    const pool = this.#pool;
    if (connection === null || pool === null) throw new Error('a hedge has won that has not begun');
    this.#connection = null;
    this.#pool = null;
    this.#parts.metrics.hedgesWon += 1;
    this.#attempts.overtaken(bytes === null ? 'gateway-error' : 'none', performance.now());
    this.#user.overtake(connection, pool, bytes);
    return true;
  }

  #over(outcome: 'none' | 'gateway-error'): void {
    this.#parts.metrics.hedgesLost += 1;
    this.#pool?.leave(this);
    this.#pool = null;
    const connection = this.#connection;
    this.#connection = null;
    connection?.destroy();
    this.#attempts.hedgeEnded(outcome, performance.now());
  }
}
