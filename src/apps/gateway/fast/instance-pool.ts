import {
  type Circuit,
  takesConnection,
  takesPending,
} from '../../../domain/traffic/resilience/circuit.ts';
import { recalledResponse } from '../http1/recalled-head.ts';
import { type Endpoint, h2c, https } from '../../../domain/traffic/routing/route-table.ts';
import type { GatewayIdentity } from '../identity/gateway-identity.ts';
import { connectTls, type InstanceTls } from '../instance-tls.ts';
import { InstanceSessions } from '../http2/instance-sessions.ts';
import type { Target } from '../live-revision.ts';
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
 * - P3. Where the revision has as many connections as its circuit allows, one that is idle in another pool of it makes room, or
 *   the request waits until one does; so many may wait, and no more.
 * - P4. Retired (its instance left the table): it serves those who are there, keeps nothing, and ends by itself.
 */
export class InstancePool implements ConnectionOwner {
  readonly circuit: Circuit;
  readonly answers = recalledResponse();
  readonly #endpoint: Endpoint;
  readonly #siblings: Siblings;
  readonly #idle: InstanceConnection[] = [];
  readonly #all = new Set<InstanceConnection>();
  readonly #waiting = new Set<ConnectionSeeker>();
  /** Null: the instance speaks HTTP/1.1. */
  readonly #sessions: InstanceSessions | null;
  #isRetired = false;

  constructor(endpoint: Endpoint, circuit: Circuit, siblings: Siblings) {
    this.#endpoint = endpoint;
    this.circuit = circuit;
    this.#siblings = siblings;
    this.#sessions = endpoint.appProtocol === h2c ? new InstanceSessions(endpoint) : null;
  }

  get state(): PoolState {
    return {
      endpoint: this.#endpoint,
      open: this.#all.size,
      idle: this.#idle.length,
      waiting: this.#waiting.size,
    };
  }

  /** Nothing is open and nobody waits, so it can be forgotten. */
  get isEmpty(): boolean {
    const isQuiet = this.#all.size === 0 && this.#waiting.size === 0;
    return isQuiet && this.#sessions?.isEmpty !== false;
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
    if (this.#all.size < connectionsMax && this.#mayOpen()) {
      seeker.take(this.#open(nowMs));
      return true;
    }
    if (this.#all.size + this.#waiting.size >= inFlightMax) return false;
    if (!takesPending(this.circuit)) return false;
    this.#waiting.add(seeker);
    this.circuit.pending += 1;
    return true;
  }

  /** The seeker wants none any more. */
  leave(seeker: ConnectionSeeker): void {
    if (this.#waiting.delete(seeker)) this.circuit.pending -= 1;
  }

  /** Closes an idle connection for another pool's sake; false: there is none. */
  makeRoom(): boolean {
    const connection = this.#idle.shift();
    if (connection === undefined) return false;
    connection.destroy();
    return true;
  }

  /** There is room for a connection: opens one for who waits; false: nobody does. */
  useRoom(): boolean {
    if (this.#all.size >= connectionsMax) return false;
    const next = this.#nextWaiting();
    if (next === null) return false;
    next.take(this.#open(performance.now()));
    return true;
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
    const next = this.#nextWaiting();
    if (next !== null) next.take(connection);
    // Others wait for a connection to another instance of the revision.
    else if (this.#isRetired || this.circuit.pending > 0) connection.destroy();
    else this.#idle.push(connection);
  }

  onClosed(connection: InstanceConnection): void {
    if (this.#all.delete(connection)) this.circuit.connections -= 1;
    const index = this.#idle.indexOf(connection);
    if (index >= 0) this.#idle.splice(index, 1);
    if (this.circuit.pending === 0 || !takesConnection(this.circuit)) return;
    if (!this.useRoom()) this.#siblings.useRoom(this.circuit);
  }

  /** Closes what has been idle, or tried to connect, for too long. */
  sweep(nowMs: number): void {
    while ((this.#idle[0]?.idleUntilMs ?? Infinity) <= nowMs) this.#idle[0]?.destroy();
    for (const connection of this.#all) {
      if (!connection.isConnected && connection.connectUntilMs <= nowMs) connection.connectLate();
    }
    this.#sessions?.sweep(nowMs);
  }

  retire(): void {
    this.#isRetired = true;
    for (const connection of this.#idle.splice(0)) connection.destroy();
    this.#sessions?.retire();
  }

  destroy(): void {
    this.#isRetired = true;
    this.circuit.pending -= this.#waiting.size;
    this.#waiting.clear();
    for (const connection of this.#all) connection.destroy();
    this.#sessions?.destroy();
  }

  #open(nowMs: number): InstanceConnection {
    const untilMs = nowMs + connectTimeoutMs;
    const way = this.#sessions ?? this.#tls();
    const connection = new InstanceConnection(this.#endpoint, this, untilMs, way);
    this.#all.add(connection);
    this.circuit.connections += 1;
    return connection;
  }

  /** Null: the instance is spoken to without TLS. */
  #tls(): InstanceTls | null {
    if (this.#endpoint.appProtocol !== https) return null;
    return connectTls(this.#endpoint, this.#siblings.identity);
  }

  #mayOpen(): boolean {
    return takesConnection(this.circuit) || this.#siblings.makeRoom(this.circuit);
  }

  #nextWaiting(): ConnectionSeeker | null {
    const [next] = this.#waiting;
    if (next === undefined) return null;
    this.leave(next);
    return next;
  }
}

/** Connections of a pool, and requests that wait for one. */
export interface PoolState {
  readonly endpoint: Endpoint;
  readonly open: number;
  readonly idle: number;
  readonly waiting: number;
}

/** What of a target says which connections are its own. */
interface PooledTarget extends Pick<Target, 'origin' | 'endpoint'> {
  readonly revision: Pick<Target['revision'], 'circuit'>;
}

/** The other pools of a revision, and what all of them have in common. */
interface Siblings {
  /** Who the gateway is towards instances that ask. */
  readonly identity: GatewayIdentity | null;
  /** Closes an idle connection; false: there is none. */
  makeRoom(circuit: Circuit): boolean;
  /** Opens a connection for somebody who waits. */
  useRoom(circuit: Circuit): void;
}

/** The pools by revision and origin: of two revisions at one address, each has its own connections. */
export class InstancePools implements Siblings {
  readonly #pools = new Map<Circuit, Map<string, InstancePool>>();
  readonly #retired = new Set<InstancePool>();
  readonly identity: GatewayIdentity | null;

  constructor(identity: GatewayIdentity | null) {
    this.identity = identity;
  }

  pool({ origin, endpoint, revision: { circuit } }: PooledTarget): InstancePool {
    let pools = this.#pools.get(circuit);
    if (pools === undefined) {
      pools = new Map();
      this.#pools.set(circuit, pools);
    }
    let pool = pools.get(origin);
    if (pool === undefined) {
      pool = new InstancePool(endpoint, circuit, this);
      pools.set(origin, pool);
    }
    return pool;
  }

  /** Those that are retired are not among them. */
  states(): readonly PoolState[] {
    return [...this.#pools.values()].flatMap((pools) =>
      [...pools.values()].map(({ state }) => state),
    );
  }

  makeRoom(circuit: Circuit): boolean {
    for (const pool of this.#pools.get(circuit)?.values() ?? []) if (pool.makeRoom()) return true;
    return false;
  }

  useRoom(circuit: Circuit): void {
    for (const pool of this.#pools.get(circuit)?.values() ?? []) if (pool.useRoom()) return;
    for (const pool of this.#retired) if (pool.circuit === circuit && pool.useRoom()) return;
  }

  /** Retires the pools of all other origins. */
  retain(origins: ReadonlySet<string>): void {
    this.#leaveOut((_pool, origin) => !origins.has(origin));
  }

  sweep(nowMs: number): void {
    this.#leaveOut((pool) => {
      pool.sweep(nowMs);
      return pool.isEmpty;
    });
    for (const pool of this.#retired) {
      pool.sweep(nowMs);
      if (pool.isEmpty) this.#retired.delete(pool);
    }
  }

  destroy(): void {
    for (const pools of this.#pools.values()) for (const pool of pools.values()) pool.destroy();
    for (const pool of this.#retired) pool.destroy();
    this.#pools.clear();
    this.#retired.clear();
  }

  #leaveOut(isLeft: (pool: InstancePool, origin: string) => boolean): void {
    for (const [circuit, pools] of this.#pools) {
      for (const [origin, pool] of pools) {
        if (!isLeft(pool, origin)) continue;
        pools.delete(origin);
        pool.retire();
        if (!pool.isEmpty) this.#retired.add(pool);
      }
      if (pools.size === 0) this.#pools.delete(circuit);
    }
  }
}
