import type { Target } from '../live-revision.ts';
import type { InstanceConnection } from './instance-connection.ts';
import type { ConnectionSeeker, InstancePool } from './instance-pool.ts';
import type { Parts } from './parts.ts';

/** Who seeks, and hears when a later attempt finds its instance full. */
interface LinkUser extends ConnectionSeeker {
  readonly instanceFull: () => void;
}

/**
 * One request's way to an instance: the pool where it seeks a connection, the connection it has, the wait before it seeks. One
 * object serves all requests of a connection, one after the other.
 */
export class InstanceLink {
  /** Null: none, or not yet. */
  connection: InstanceConnection | null = null;
  readonly #parts: Parts;
  readonly #user: LinkUser;
  #pool: InstancePool | null = null;
  #wait: NodeJS.Timeout | null = null;
  #isHeldUp = false;

  constructor(parts: Parts, user: LinkUser) {
    this.#parts = parts;
    this.#user = user;
  }

  /** False: the instance has as many requests as it may have. */
  seek(target: Target, nowMs: number): boolean {
    this.#pool = this.#parts.pools.pool(target);
    return this.#pool.seek(this.#user, nowMs);
  }

  /** For a further attempt, on a connection that has carried nothing yet; what it had before is let go. */
  seekAgain(target: Target, delayMs: number): boolean {
    this.#pool?.leave(this.#user);
    this.connection?.destroy();
    this.connection = null;
    if (delayMs === 0) return this.#seekNew(target);
    this.#wait = setTimeout(() => {
      this.#wait = null;
      if (!this.#seekNew(target)) this.#user.instanceFull();
    }, delayMs);
    return true;
  }

  /** A connection that was found in another way; what there was is let go. */
  adopt(connection: InstanceConnection, pool: InstancePool): void {
    this.leave()?.destroy();
    this.connection = connection;
    this.#pool = pool;
  }

  /** A fault holds the request up, then it goes on; false: so many are held up that this one is not. */
  holdUp(delayMs: number, goOn: () => void): boolean {
    if (!this.#parts.delays.take()) return false;
    this.#isHeldUp = true;
    this.#wait = setTimeout(() => {
      this.#wait = null;
      this.#goesOn();
      goOn();
    }, delayMs);
    return true;
  }

  /** The connection can carry another request for `keepMs`. */
  release(nowMs: number, keepMs: number): void {
    const { connection } = this;
    this.connection = null;
    if (connection !== null) this.#pool?.release(connection, nowMs, keepMs);
  }

  /** Nothing is sought any more. Returns the connection it had, which is the caller's to end. */
  leave(): InstanceConnection | null {
    if (this.#wait !== null) clearTimeout(this.#wait);
    this.#wait = null;
    this.#goesOn();
    this.#pool?.leave(this.#user);
    const { connection } = this;
    this.connection = null;
    return connection;
  }

  #goesOn(): void {
    if (this.#isHeldUp) this.#parts.delays.giveBack();
    this.#isHeldUp = false;
  }

  /** The pool is looked up each time: one may have been forgotten meanwhile. */
  #seekNew(target: Target): boolean {
    this.#pool = this.#parts.pools.pool(target);
    return this.#pool.seekNew(this.#user, performance.now());
  }
}
