import { type buildConnector, Pool } from 'undici';
import { type Endpoint, https } from '../../../domain/traffic/routing/route-table.ts';
import type { GatewayIdentity } from '../identity/gateway-identity.ts';
import { connectTls } from '../instance-tls.ts';
import type { Target } from '../live-revision.ts';

/** Connections to one instance at most; requests beyond wait for one. */
const connectionsMax = 512;
const connectMs = 3000;
/** Requests to one instance at most, waiting ones included; beyond, 503 is the honest answer. */
export const inFlightMax = 2048;

/** HTTP/2 by prior knowledge; undici's types know it of a client only. Trailers are lost in this engine. */
const h2cOptions = { allowH2: true, useH2c: true };

/**
 * Kept-alive connections by origin, one request at a time on each. A pool whose origin leaves the table takes no
 * request any more, lets those it has finish, and closes its connections then.
 */
export class EndpointPools implements AsyncDisposable {
  readonly #pools = new Map<string, Pool>();
  readonly #identity: GatewayIdentity | null;

  /** `identity`: who the gateway is towards instances that ask. */
  constructor(identity: GatewayIdentity | null = null) {
    this.#identity = identity;
    identity?.onChange(() => this.#renewSecure());
  }

  /** Null: the instance has as many requests as it may have. */
  pool({ origin, endpoint }: Pick<Target, 'origin' | 'endpoint'>): Pool | null {
    let pool = this.#pools.get(origin);
    if (pool === undefined) {
      pool = new Pool(origin.replace(/^h2c:/, 'http:'), {
        connections: connectionsMax,
        pipelining: 1,
        connectTimeout: connectMs,
        // The gateway's own timer runs until the answer's head; here only so that no default of undici cuts in.
        headersTimeout: 0,
        // Silence within an answer's body; long, because event streams are quiet at times.
        bodyTimeout: 300_000,
        keepAliveTimeout: 4000,
        keepAliveMaxTimeout: 60_000,
        ...(origin.startsWith('h2c:') ? h2cOptions : { allowH2: false }),
        ...(endpoint.appProtocol === https ? { connect: this.#connector(endpoint) } : {}),
      });
      this.#pools.set(origin, pool);
    }
    return pool.stats.size >= inFlightMax ? null : pool;
  }

  /** Closes, gracefully, the pools of all other origins. */
  retain(origins: ReadonlySet<string>): void {
    for (const [origin, pool] of this.#pools) {
      if (origins.has(origin)) continue;
      this.#pools.delete(origin);
      // It rejects only when closed twice, which the deletion above rules out; nobody waits for it.
      void pool.close().catch(() => {});
    }
  }

  /** With another certificate come other connections, so that none outlives those it was made with by long. */
  #renewSecure(): void {
    for (const [origin, pool] of this.#pools) {
      if (!origin.startsWith('https:')) continue;
      this.#pools.delete(origin);
      void pool.close().catch(() => {});
    }
  }

  #connector(endpoint: Endpoint): buildConnector.connector {
    return (_options, done) => {
      const { tls, socket } = connectTls(endpoint, this.#identity);
      const fail = (error: Error): void => done(error, null);
      const timer = setTimeout(() => socket.destroy(new Error('no connection in time')), connectMs);
      socket.once('error', fail);
      socket.once('close', () => clearTimeout(timer));
      tls?.once('secureConnect', () => {
        clearTimeout(timer);
        socket.off('error', fail);
        done(null, tls);
      });
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map((pool) => pool.destroy()));
  }
}
