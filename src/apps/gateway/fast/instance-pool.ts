import type { Endpoint } from '../../../domain/traffic/route-table.ts';
import { type ConnectionOwner, InstanceConnection } from './instance-connection.ts';

/** Connections to one instance at most; requests beyond wait for one. */
const connectionsMax = 512;
/** Requests to one instance at most, waiting ones included; beyond, 503 is the honest answer. */
export const inFlightMax = 2048;
const connectTimeoutMs = 3000;

/** Who waits for a connection. */
export interface ConnectionSeeker {
  /** It is the seeker's from now on, connected or about to be. */
  readonly take: (connection: InstanceConnection) => void;
}

/**
 * The connections to one instance, one request at a time on each.
 *
 * - P1. The connection used last is used next, so that those not needed grow old and are closed.
 * - P2. A connection is used again only if it is known to be between two answers; all doubt closes it.
 * - P3. Retired (its instance left the table): it serves those who are there, keeps nothing, and ends by itself.
 */
export class InstancePool implements ConnectionOwner {
  readonly #endpoint: Endpoint;
  readonly #idle: InstanceConnection[] = [];
  readonly #all = new Set<InstanceConnection>();
  readonly #waiting = new Set<ConnectionSeeker>();
  #isRetired = false;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
  }

  get state(): PoolState {
    return {
      endpoint: this.#endpoint,
      open: this.#all.size,
      idle: this.#idle.length,
      waiting: this.#waiting.size,
    };
  }

  /** Nothing is open, so it can be forgotten. */
  get isEmpty(): boolean {
    return this.#all.size === 0;
  }

  /** False: the instance has as many requests as it may have. */
  seek(seeker: ConnectionSeeker, nowMs: number): boolean {
    for (;;) {
      const connection = this.#idle.pop();
      if (connection === undefined) break;
      if (connection.isUsable && connection.idleUntilMs > nowMs) {
        seeker.take(connection);
        return true;
      }
      connection.destroy();
    }
    return this.seekNew(seeker, nowMs);
  }

  /** One that has carried nothing yet. */
  seekNew(seeker: ConnectionSeeker, nowMs: number): boolean {
    if (this.#all.size < connectionsMax) {
      seeker.take(this.#open(nowMs));
      return true;
    }
    if (this.#all.size + this.#waiting.size >= inFlightMax) return false;
    this.#waiting.add(seeker);
    return true;
  }

  /** The seeker wants none any more. */
  leave(seeker: ConnectionSeeker): void {
    this.#waiting.delete(seeker);
  }

  /** Takes a connection back that can carry another request for `keepMs`. */
  release(connection: InstanceConnection, nowMs: number, keepMs: number): void {
    connection.resume();
    connection.user = null;
    connection.served += 1;
    if (!connection.isUsable || keepMs <= 0) {
      connection.destroy();
      return;
    }
    connection.idleSinceMs = nowMs;
    connection.idleUntilMs = nowMs + keepMs;
    const [next] = this.#waiting;
    if (next !== undefined) {
      this.#waiting.delete(next);
      next.take(connection);
    } else if (this.#isRetired) connection.destroy();
    else this.#idle.push(connection);
  }

  onClosed(connection: InstanceConnection): void {
    this.#all.delete(connection);
    const index = this.#idle.indexOf(connection);
    if (index >= 0) this.#idle.splice(index, 1);
    const [next] = this.#waiting;
    if (next === undefined) return;
    this.#waiting.delete(next);
    next.take(this.#open(performance.now()));
  }

  /** Closes what has been idle, or tried to connect, for too long. */
  sweep(nowMs: number): void {
    while ((this.#idle[0]?.idleUntilMs ?? Infinity) <= nowMs) this.#idle[0]?.destroy();
    for (const connection of this.#all) {
      if (!connection.isConnected && connection.connectUntilMs <= nowMs) connection.connectLate();
    }
  }

  retire(): void {
    this.#isRetired = true;
    for (const connection of this.#idle.splice(0)) connection.destroy();
  }

  destroy(): void {
    this.#isRetired = true;
    this.#waiting.clear();
    for (const connection of this.#all) connection.destroy();
  }

  #open(nowMs: number): InstanceConnection {
    const connection = new InstanceConnection(this.#endpoint, this, nowMs + connectTimeoutMs);
    this.#all.add(connection);
    return connection;
  }
}

/** Connections of a pool, and requests that wait for one. */
export interface PoolState {
  readonly endpoint: Endpoint;
  readonly open: number;
  readonly idle: number;
  readonly waiting: number;
}

/** The pools by origin. */
export class InstancePools {
  readonly #pools = new Map<string, InstancePool>();
  readonly #retired = new Set<InstancePool>();

  pool(origin: string, endpoint: Endpoint): InstancePool {
    let pool = this.#pools.get(origin);
    if (pool === undefined) {
      pool = new InstancePool(endpoint);
      this.#pools.set(origin, pool);
    }
    return pool;
  }

  /** Those that are retired are not among them. */
  states(): readonly PoolState[] {
    return [...this.#pools.values()].map((pool) => pool.state);
  }

  /** Retires the pools of all other origins. */
  retain(origins: ReadonlySet<string>): void {
    for (const [origin, pool] of this.#pools) {
      if (origins.has(origin)) continue;
      this.#pools.delete(origin);
      pool.retire();
      if (!pool.isEmpty) this.#retired.add(pool);
    }
  }

  sweep(nowMs: number): void {
    for (const pool of this.#pools.values()) pool.sweep(nowMs);
    for (const pool of this.#retired) {
      pool.sweep(nowMs);
      if (pool.isEmpty) this.#retired.delete(pool);
    }
  }

  destroy(): void {
    for (const pool of [...this.#pools.values(), ...this.#retired]) pool.destroy();
    this.#pools.clear();
    this.#retired.clear();
  }
}
