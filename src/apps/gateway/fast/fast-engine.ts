import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Address } from '../data-plane.ts';
import type { Engine } from '../http-engine.ts';
import type { LiveRoutes } from '../live-routes.ts';
import { CallerConnection } from './caller-connection.ts';
import { connectionFamilies } from './connection-metrics.ts';
import { Parts, type PartsOptions } from './parts.ts';

/** All deadlines are looked at so often, in place of a timer for each request; so late they may be. */
const sweepMs = 100;
const drainSweepMs = 20;
/**
 * Between two requests, a caller may have the next one on its way when we drain: closed at once, it would be lost. So those
 * connections that were used just now have this time to send it, and are told to close with its answer.
 */
const drainQuietMs = 500;
/** Of callers, at one time; a process has 20,000 file descriptors in most places, and instances need some too. */
const connectionsMax = 16_000;
/** Of one address: a proxy in front of us is one, so it is many. */
const connectionsPerAddressMax = 12_000;

/** HTTP/1.1 on bare sockets towards callers and instances. */
export class FastEngine implements Engine {
  readonly #parts: Parts;
  readonly #server: Server;
  readonly #callers = new Set<CallerConnection>();
  readonly #byAddress = new Map<string, number>();
  readonly #sweeping: NodeJS.Timeout;

  constructor(routes: LiveRoutes, options: PartsOptions) {
    this.#parts = new Parts(routes, options);
    this.#parts.metrics.addSource(() => {
      const callers = [...this.#callers];
      const tunnels = callers.filter(({ isTunnel }) => isTunnel).length;
      return [
        ...connectionFamilies({ connections: callers.length, tunnels }, this.#parts.pools),
        ...(this.#parts.spans?.families() ?? []),
      ];
    });
    // A caller that has sent its last octet may still read its answer.
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      this.#welcome(socket),
    );
    this.#server.maxConnections = connectionsMax;
    this.#sweeping = setInterval(() => this.#sweep(), sweepMs);
    this.#sweeping.unref();
  }

  listen({ host, port, isShared = false }: Address): Promise<AddressInfo> {
    const { promise, resolve, reject } = Promise.withResolvers<AddressInfo>();
    this.#server.once('error', reject);
    this.#server.listen({ host, port, backlog: 4096, reusePort: isShared }, () => {
      this.#server.off('error', reject);
      resolve(this.#server.address() as AddressInfo);
    });
    return promise;
  }

  routesChanged(): void {
    this.#parts.routesChanged();
  }

  async drain(boundMs: number): Promise<void> {
    this.#parts.isDraining = true;
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    const untilMs = performance.now() + boundMs;
    const step = (): void => {
      const nowMs = performance.now();
      const isOver = nowMs >= untilMs;
      const isUnderWay = [...this.#callers].some((caller) => caller.isUnderWay);
      for (const caller of this.#callers) {
        // Tunnels have no end of their own; they are cut when the last request has ended.
        if (isOver || (caller.isTunnel && !isUnderWay)) caller.socket.destroy();
        else caller.endIfIdle(nowMs, drainQuietMs);
      }
    };
    step();
    const draining = setInterval(step, drainSweepMs);
    await closed;
    clearInterval(draining);
    clearInterval(this.#sweeping);
    this.#parts.pools.destroy();
    await this.#parts.spans?.[Symbol.asyncDispose]();
  }

  #welcome(socket: Socket): void {
    const address = socket.remoteAddress;
    const count = address === undefined ? Infinity : (this.#byAddress.get(address) ?? 0);
    if (address === undefined || count >= connectionsPerAddressMax) {
      // Gone already, or too many.
      socket.destroy();
      return;
    }
    this.#parts.metrics.connectionsAccepted += 1;
    this.#byAddress.set(address, count + 1);
    const caller = new CallerConnection(this.#parts, socket, () => {
      this.#callers.delete(caller);
      const left = (this.#byAddress.get(address) ?? 1) - 1;
      if (left === 0) this.#byAddress.delete(address);
      else this.#byAddress.set(address, left);
    });
    this.#callers.add(caller);
  }

  #sweep(): void {
    const nowMs = performance.now();
    this.#parts.nowMs = nowMs;
    for (const caller of this.#callers) if (caller.deadlineMs <= nowMs) caller.late(nowMs);
    this.#parts.limits.sweep(nowMs);
    this.#parts.pools.sweep(nowMs);
  }
}
