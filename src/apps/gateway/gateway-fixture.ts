import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  request as httpRequest,
  type RequestListener,
  type Server,
} from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GatewayClient } from '../../adapters/gateway/gateway-client.ts';
import { ensureGateway, type GatewayProcess } from '../../adapters/gateway/gateway-process.ts';
import type { Address } from './data-plane.ts';
import type { EngineKind } from './engine-kind.ts';
import type {
  Backend,
  Endpoint,
  Route,
  RouteTable,
} from '../../domain/traffic/routing/route-table.ts';
import { totalCount, type TrafficSample } from '../../domain/traffic/samples/traffic-sample.ts';

/** For what should come to be: a machine may be very slow, and what comes sooner waits for nothing. */
export const boundMs = 60_000;

/** A loopback address of this process alone: no other server gets a port of it that a gateway lets go, for a moment or at its end. */
export const ownAddress = `127.${64 + ((process.pid >> 16) & 63)}.${(process.pid >> 8) & 255}.${process.pid & 255}`;

/** For tests: a real gateway process in a folder of its own, with instances in this process. */
export class GatewayFixture implements AsyncDisposable {
  readonly stateFolder: string;
  readonly process: GatewayProcess;
  readonly client: GatewayClient;
  readonly events: string[];
  readonly samples: TrafficSample[] = [];
  readonly agent = new Agent({ keepAlive: true, maxSockets: 64 });
  readonly #servers: Server[] = [];
  #version = 0;

  private constructor(stateFolder: string, gateway: GatewayProcess, events: string[]) {
    this.stateFolder = stateFolder;
    this.process = gateway;
    this.events = events;
    this.client = new GatewayClient({
      socketPath: gateway.file.controlSocket,
      applyTimeoutMs: boundMs,
      versionTimeoutMs: boundMs,
    });
    this.client.subscribe((sample) => this.samples.push(sample));
  }

  static async start(
    engine?: EngineKind,
    more: {
      readonly admin?: Address;
      readonly workers?: number;
      readonly listen?: Address;
      readonly arguments?: readonly string[];
    } = {},
  ): Promise<GatewayFixture> {
    const stateFolder = await mkdtemp(join(tmpdir(), 'tidegate-gateway-'));
    const events: string[] = [];
    const gateway = await ensureGateway(
      {
        ...gatewayProgram,
        ...(engine === undefined ? {} : { engine }),
        workers: 1,
        stateFolder,
        listen: { host: '127.0.0.1', port: 0 },
        admin: { host: '127.0.0.1', port: 0 },
        ...more,
        onEvent: (event) => events.push(event),
      },
      AbortSignal.timeout(2 * boundMs),
    );
    const fixture = new GatewayFixture(stateFolder, gateway, events);
    // Connected before a test sends anything, so that no sample of it is a catch-up.
    await fixture.client.version(AbortSignal.timeout(boundMs));
    return fixture;
  }

  /** Without a slash at its end. */
  get adminUrl(): string {
    const { admin } = this.process.file;
    return `http://${admin?.host}:${admin?.port}`;
  }

  get host(): string {
    return this.process.file.host;
  }

  get port(): number {
    return this.process.file.port;
  }

  /** An instance that answers with `listener`. */
  async instance(listener: RequestListener, instanceId = 'i'): Promise<Endpoint> {
    const server = createServer({ keepAliveTimeout: 30_000 }, listener);
    this.#servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    return { instanceId: `${instanceId}-${port}`, host: '127.0.0.1', port };
  }

  /** Puts one route for `svc.localhost` in force, under the next version. */
  async route(backends: readonly Backend[], change: Partial<Route> = {}): Promise<RouteTable> {
    this.#version += 1;
    const route: Route = {
      service: 'svc',
      host: 'svc.localhost',
      requestTimeoutMs: boundMs,
      backends,
      matches: [],
      ...change,
    };
    const table = { version: this.#version, routes: [route] };
    await this.client.apply(table, AbortSignal.timeout(boundMs));
    return table;
  }

  /** All traffic of `svc.localhost` to one instance of revision r1 that answers with `listener`. */
  async single(listener: RequestListener, change: Partial<Route> = {}): Promise<Endpoint> {
    const endpoint = await this.instance(listener, 'r1');
    await this.route([{ revisionId: 'r1', weightPercent: 100, endpoints: [endpoint] }], change);
    return endpoint;
  }

  send(options: SendOptions = {}): Promise<Answer> {
    return send(this.port, { agent: this.agent, address: this.host, ...options });
  }

  /** On a connection of its own, which the kernel gives to any worker. */
  sendAnew(options: SendOptions = {}): Promise<Answer> {
    return send(this.port, { address: this.host, ...options });
  }

  /** What comes back for these bytes on a connection of their own, until the gateway closes or `isEnough`. */
  raw(bytes: string, isEnough: (received: string) => boolean = () => false): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>();
    const socket = connect(this.port, this.host);
    let received = '';
    socket.setTimeout(boundMs, () => socket.destroy());
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      if (isEnough(received)) socket.destroy();
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(received));
    socket.write(bytes, 'latin1');
    return promise;
  }

  /** Requests of a revision reported so far, by status class. */
  counted(revisionId: string): readonly number[] {
    const totals = [0, 0, 0, 0, 0, 0];
    for (const count of this.samples.flatMap((sample) => sample.counts)) {
      if (count.revisionId !== revisionId) continue;
      for (const [index, ended] of count.byStatusClass.entries()) {
        totals[index] = (totals[index] ?? 0) + ended;
      }
    }
    return totals;
  }

  requests(revisionId: string): number {
    return this.samples.reduce((sum, sample) => sum + totalCount(sample, revisionId).requests, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.agent.destroy();
    await this.client[Symbol.asyncDispose]();
    for (const server of this.#servers) {
      server.close();
      server.closeAllConnections();
    }
    await this.process.stop(AbortSignal.timeout(2 * boundMs));
    await rm(this.stateFolder, { recursive: true, force: true });
  }
}

/** Every test of what a gateway does is run with each of them. */
export const engines: readonly EngineKind[] = ['fast', 'compat'];

/** How the gateway of this source tree is started. */
export const gatewayProgram = {
  nodePath: process.execPath,
  entry: fileURLToPath(new URL('main.ts', import.meta.url)),
} as const;

export interface SendOptions {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string | readonly string[]>;
  readonly body?: Buffer | string;
  readonly host?: string;
  /** Absent: a connection of its own. */
  readonly agent?: Agent;
  /** Absent: 127.0.0.1. */
  readonly address?: string;
}

export interface Answer {
  readonly status: number;
  readonly statusText: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export function send(port: number, options: SendOptions = {}): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const request = httpRequest(
    {
      host: options.address ?? '127.0.0.1',
      port,
      method: options.method ?? 'GET',
      path: options.path ?? '/',
      headers: { host: options.host ?? 'svc.localhost', ...options.headers },
      // Node's own agent would keep connections, and so give a next request one that is about to be closed.
      agent: options.agent ?? new Agent(),
    },
    (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          statusText: response.statusMessage ?? '',
          headers: response.headers,
          body: Buffer.concat(chunks),
        });
      });
    },
  );
  request.on('error', reject);
  request.end(options.body);
  return promise;
}

export async function until(
  condition: () => boolean | Promise<boolean>,
  withinMs = boundMs,
): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > endMs)
      throw new Error(`not so within ${withinMs} ms: ${String(condition)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
