import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { GatewayClient } from '../../src/adapters/gateway/gateway-client.ts';
import { controlSocketName } from '../../src/adapters/gateway/gateway-file.ts';
import { gatewayNodeOptions } from '../../src/adapters/gateway/gateway-process.ts';
import { freePorts } from '../world.ts';
import { gatewayEntry } from './build.ts';
import { haproxy, hostName, nginxProxy, type Ports } from './configurations.ts';
import { type Processes, proxyCore } from './programs.ts';

/** A proxy before the two backends, in one process on a core of its own. */
export interface Contender {
  readonly name: string;
  /** Programs that must be installed for it. */
  readonly needs: readonly string[];
  /** Asked for its latency and big bodies too. */
  readonly isClose: boolean;
  /** Resolves with the process id when it serves. */
  readonly start: (place: Place, ports: Ports, processes: Processes) => Promise<number>;
}

export interface Place {
  readonly folder: string;
  /** Where the npm packages are installed; null: they are not. */
  readonly peersFolder: string | null;
  /** Reads the log of HAProxy. */
  readonly logPort: number;
  /** Takes the spans of the gateway, and throws them away. */
  readonly collectorUrl: string;
  readonly backendPorts: Ports['backendPorts'];
  /** All that the backend listens on, those two among them. */
  readonly instancePorts: readonly number[];
  readonly signal: AbortSignal;
}

/** The backend asked without a proxy. */
export const direct = 'direct';

/** A contender that runs. */
export interface Running {
  readonly contender: Contender;
  readonly port: number;
  readonly pid: number;
}

export const names = {
  haproxy: 'HAProxy, bare',
  features: 'HAProxy, features',
  logging: 'HAProxy, features, log',
  nginx: 'nginx',
  fast: 'tidegate fast',
  fastOff: 'tidegate fast, no spans',
  compat: 'tidegate compat',
  httpProxy: 'http-proxy',
  httpProxy3: 'http-proxy-3',
  fastProxy: 'fast-proxy (undici)',
  fastify: '@fastify/http-proxy',
} as const;

/** The npm packages among them. */
export const packages: readonly string[] = [
  names.httpProxy,
  names.httpProxy3,
  names.fastProxy,
  names.fastify,
];

export const contenders: readonly Contender[] = [
  haproxyContender(names.haproxy, { hasFeatures: false, hasLog: false }),
  haproxyContender(names.features, { hasFeatures: true, hasLog: false }),
  haproxyContender(names.logging, { hasFeatures: true, hasLog: true }),
  { name: names.nginx, needs: ['nginx'], isClose: true, start: startNginx },
  gatewayContender(names.fast, gatewayEntry, { argv: ['--engine', 'fast'], isTraced: true }),
  gatewayContender(names.fastOff, gatewayEntry, { argv: ['--engine', 'fast'] }),
  gatewayContender(names.compat, gatewayEntry, { argv: ['--engine', 'compat'] }),
  packageContender(names.httpProxy, 'http-proxy.js'),
  packageContender(names.httpProxy3, 'http-proxy-3.js'),
  packageContender(names.fastProxy, 'fast-proxy.js'),
  packageContender(names.fastify, 'fastify-http-proxy.js'),
];

/** Each as one process or thread, and as two. */
export const shared = {
  haproxy: [1, 2].map((threads) =>
    haproxyContender(`HAProxy, ${threads} threads`, { hasFeatures: false, hasLog: false, threads }),
  ),
  fast: [1, 2].map((workers) =>
    gatewayContender(`tidegate fast, ${workers} workers`, gatewayEntry, {
      argv: ['--engine', 'fast', '--workers', String(workers)],
      isTraced: true,
    }),
  ),
} as const;

/** The gateway before all instances, for the long run. */
export const longRunner = gatewayContender(names.fast, gatewayEntry, {
  argv: ['--engine', 'fast'],
  isTraced: true,
  allPorts: true,
});

export async function start(
  contender: Contender,
  place: Place,
  processes: Processes,
): Promise<Running> {
  const [port = 0] = await freePorts(1);
  const { backendPorts } = place;
  const pid = await contender.start(place, { port, backendPorts }, processes);
  return { contender, port, pid };
}

function haproxyContender(
  name: string,
  {
    hasFeatures,
    hasLog,
    threads = 1,
  }: { readonly hasFeatures: boolean; readonly hasLog: boolean; readonly threads?: number },
): Contender {
  const run: Contender['start'] = async (place, ports, processes) => {
    const path = join(place.folder, `haproxy-${ports.port}.cfg`);
    const logPort = hasLog ? place.logPort : null;
    await writeFile(path, haproxy(ports, { hasFeatures, logPort, threads }));
    return processes.start(proxyCore, ['haproxy', '-db', '-f', path], ports.port);
  };
  return { name, needs: ['haproxy'], isClose: true, start: run };
}

async function startNginx(place: Place, ports: Ports, processes: Processes): Promise<number> {
  const path = join(place.folder, 'nginx-proxy.conf');
  await writeFile(path, nginxProxy(place.folder, ports));
  const argv = ['nginx', '-c', path, '-p', place.folder, '-e', 'stderr'];
  return processes.start(proxyCore, argv, ports.port);
}

interface GatewayContenderOptions {
  readonly argv?: readonly string[];
  readonly isTraced?: boolean;
  /** Routes lead to all instances of the backend, not only to two. */
  readonly allPorts?: boolean;
}

/** The gateway built from this tree, or one composed for this bench; both take the same arguments. */
function gatewayContender(
  name: string,
  entry: string,
  { argv = [], isTraced = false, allPorts = false }: GatewayContenderOptions,
): Contender {
  const run: Contender['start'] = async (place, { port, backendPorts: ports }, processes) => {
    const state = join(place.folder, `gateway-${port}`);
    await mkdir(state, { mode: 0o700 });
    const listen = `127.0.0.1:${port}`;
    const program = [process.execPath, ...gatewayNodeOptions, resolve(place.folder, entry)];
    const traced = isTraced ? ['--otlp', place.collectorUrl] : [];
    const options = ['--state', state, '--listen', listen, ...argv, ...traced];
    const pid = await processes.start(proxyCore, [...program, ...options], port);
    await applyRoutes(
      join(state, controlSocketName),
      allPorts ? place.instancePorts : ports,
      place.signal,
    );
    return pid;
  };
  return { name, needs: [], isClose: true, start: run };
}

/** Half of the ports are the candidate's, which has ten percent of the requests. */
export async function applyRoutes(
  socketPath: string,
  ports: readonly number[],
  signal: AbortSignal,
): Promise<void> {
  await using client = new GatewayClient({ socketPath });
  const backend = (revisionId: string, weightPercent: number, of: readonly number[]) => {
    const endpoints = of.map((port) => {
      return { instanceId: `${revisionId}-${port}`, host: '127.0.0.1', port };
    });
    return { revisionId, weightPercent, endpoints };
  };
  const half = ports.length / 2;
  const stable = backend('stable', 90, ports.slice(0, half));
  const candidate = backend('candidate', 10, ports.slice(half));
  const matches = [{ header: { name: 'x-canary', value: 'true' }, revisionId: 'candidate' }];
  const route = { service: 'bench', host: hostName, requestTimeoutMs: 10_000 };
  const routes = [{ ...route, backends: [stable, candidate], matches }];
  await client.apply({ version: 1, routes }, signal);
}

function packageContender(name: string, script: string): Contender {
  const run: Contender['start'] = async (place, { port, backendPorts }, processes) => {
    if (place.peersFolder === null) throw new Error(`${name} is not installed`);
    const argv = [process.execPath, join(place.peersFolder, script), `${port}`];
    return processes.start(proxyCore, [...argv, `${backendPorts[0]}`], port);
  };
  return { name, needs: ['npm packages'], isClose: false, start: run };
}
