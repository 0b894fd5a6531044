import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Route } from '../../../domain/traffic/routing/route-table.ts';
import { Counters } from '../counters.ts';
import { SecondOpinion } from '../http1/second-opinion.ts';
import { boundMs } from '../gateway-fixture.ts';
import { LiveRoutes } from '../live-routes.ts';
import { FastEngine } from './fast-engine.ts';
import { type ListeningOptions, plainListening } from './listening-options.ts';
import type { PartsOptions } from './parts.ts';

interface FixtureOptions extends Partial<PartsOptions> {
  readonly requestTimeoutMs?: number;
}

/** For tests: the engine in this process, with one instance made of bare sockets. */
export class EngineFixture implements AsyncDisposable {
  readonly engine: FastEngine;
  readonly counters: Counters;
  port = 0;
  readonly #server: Server;
  readonly #routeList: readonly Route[];
  readonly routes: LiveRoutes;

  /** `serve` has the instance's connections. */
  static async start(
    hosts: readonly string[],
    serve: (socket: Socket) => void,
    options: FixtureOptions = {},
    listening: ListeningOptions = plainListening,
  ): Promise<EngineFixture> {
    const server = createServer(serve);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const fixture = new EngineFixture(server, hosts, options, listening);
    fixture.port = (await fixture.engine.listen({ host: '127.0.0.1', port: 0 })).port;
    return fixture;
  }

  private constructor(
    server: Server,
    hosts: readonly string[],
    options: FixtureOptions,
    listening: ListeningOptions,
  ) {
    this.#server = server;
    this.counters = new Counters(options.metrics?.requests);
    this.routes = new LiveRoutes(this.counters, [1, 2]);
    const { port } = server.address() as AddressInfo;
    const endpoints = [{ instanceId: 'i-1', host: '127.0.0.1', port }];
    const backends = [{ revisionId: 'r1', weightPercent: 100, endpoints }];
    const routes = hosts.map((host) => ({
      service: 'svc',
      host,
      requestTimeoutMs: options.requestTimeoutMs ?? boundMs,
      backends,
      matches: [],
    }));
    this.#routeList = routes;
    this.routes.apply({ version: 1, routes });
    const parts = { opinion: new SecondOpinion(), ...options };
    this.engine = new FastEngine(this.routes, parts, listening);
  }

  /** Puts other routes in force, under the next version. */
  reroute(change: (route: Route) => Route): void {
    const routes = this.#routeList.map(change);
    this.routes.apply({ version: (this.routes.table?.version ?? 0) + 1, routes });
  }

  async connect(): Promise<Socket> {
    const socket = connect({ port: this.port, host: '127.0.0.1', noDelay: true });
    socket.on('error', () => {});
    await once(socket, 'connect');
    return socket;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.engine.drain(0);
    this.#server.close();
  }
}
