import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { GatewayClient } from '../../src/adapters/gateway/gateway-client.ts';
import { controlSocketName } from '../../src/adapters/gateway/gateway-file.ts';
import type { RateLimit } from '../../src/domain/traffic/limits/rate-limit.ts';
import { type BenchOptions, medianOf } from '../form.ts';
import { hostName } from '../gateway/configurations.ts';
import { endMaster, loadCore, Processes } from '../gateway/programs.ts';
import { freePorts } from '../world.ts';
import { askedBy, type CallerCount } from './callers.ts';
import { nginxOf, startRedis } from './peers.ts';
import type { BoundaryPlace } from './place.ts';

export interface LimitReading {
  readonly name: string;
  readonly allowedPerSecond: number;
  /** 200 or 429: as many as were offered, if the machine had time for them. */
  readonly answeredPerSecond: number;
  /** Of the wanted rate, over all seconds. */
  readonly errorRatio: number;
  /** The least that a caller got, by what each would have if all had the same; 1 is even. */
  readonly leastRatio: number;
  readonly others: number;
}

const ratePerSecond = 1000;
const offeredPerSecond = 3000;
const callers = 12;
/** Until the bucket that was full at the beginning is empty. */
const settleSeconds = 3;

/** How many requests of 3,000 a second get through a limit of 1,000: through each of these, one at a time. */
export async function readLimits(
  { isQuick, say, signal }: BenchOptions,
  place: BoundaryPlace,
  hasRedis: boolean,
): Promise<readonly LimitReading[]> {
  const seconds = settleSeconds + (isQuick ? 5 : 20);
  const readings: LimitReading[] = [];
  const measure = async (name: string, ports: readonly number[]): Promise<void> => {
    const offer = { ports, callers, requestsPerSecond: offeredPerSecond, seconds };
    readings.push(readingOf(name, await askedBy(offer, signal)));
    say(`${name}: ${readings.at(-1)?.allowedPerSecond} requests/s of ${ratePerSecond}`);
  };
  {
    await using processes = new Processes(bothCores);
    const { port, pid } = await startNginx(place, processes);
    await measure('nginx, three workers', [port]);
    await endMaster(pid);
  }
  {
    await using processes = new Processes(bothCores);
    await measure('one gateway of three workers', [await startGateway(place, processes, [])]);
  }
  if (hasRedis) {
    await using processes = new Processes(bothCores);
    const more = ['--redis-url-file', await startRedis(place, processes)];
    const ports = [
      await startGateway(place, processes, more),
      await startGateway(place, processes, more),
    ];
    await measure('two gateways of three workers, Redis', ports);
  }
  return readings;
}

const bothCores = '0,1';

function readingOf(name: string, counts: readonly CallerCount[]): LimitReading {
  const perSecond = (each: CallerCount): readonly number[] => each.allowed.slice(settleSeconds);
  const seconds = perSecond(counts[0] ?? { allowed: [], refused: [], others: 0 }).length;
  const totals = Array.from({ length: seconds }, (_, second) =>
    sum(counts.map((each) => perSecond(each)[second] ?? 0)),
  );
  const all = sum(totals);
  const refused = sum(counts.flatMap((count) => count.refused.slice(settleSeconds)));
  const each = counts.map((count) => sum(perSecond(count)));
  return {
    name,
    allowedPerSecond: medianOf(totals) ?? 0,
    answeredPerSecond: Math.round((all + refused) / seconds),
    errorRatio: all / seconds / ratePerSecond - 1,
    leastRatio: (Math.min(...each) * counts.length) / all,
    others: sum(counts.map((count) => count.others)),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

async function startGateway(
  { folder, entry, backendPort }: BoundaryPlace,
  processes: Processes,
  more: readonly string[],
): Promise<number> {
  const [port = 0] = await freePorts(1);
  const state = join(folder, `gateway-${port}`);
  await mkdir(state, { mode: 0o700 });
  const options = ['--state', state, '--listen', `127.0.0.1:${port}`, '--workers', '3', ...more];
  await processes.start(loadCore, [process.execPath, entry, ...options], port);
  await using client = new GatewayClient({ socketPath: join(state, controlSocketName) });
  const per = { kind: 'route' } as const;
  const limit: RateLimit = { name: 'bench', ratePerSecond, burst: ratePerSecond, per };
  const endpoints = [{ instanceId: 'r1-0', host: '127.0.0.1', port: backendPort }];
  const route = {
    service: 'bench',
    host: hostName,
    requestTimeoutMs: 10_000,
    backends: [{ revisionId: 'r1', weightPercent: 100, endpoints }],
    matches: [],
    policy: { rateLimits: [limit] },
  };
  await client.apply({ version: 1, routes: [route] }, AbortSignal.timeout(30_000));
  return port;
}

async function startNginx(
  place: BoundaryPlace,
  processes: Processes,
): Promise<{ readonly port: number; readonly pid: number }> {
  const [port = 0] = await freePorts(1);
  const lines = [
    `  limit_req_zone $server_addr zone=all:1m rate=${ratePerSecond}r/s;`,
    '  limit_req_status 429;',
    `  upstream backend { server 127.0.0.1:${place.backendPort}; keepalive 16; }`,
    '  server {',
    `    listen 127.0.0.1:${port};`,
    `    limit_req zone=all burst=${ratePerSecond} nodelay;`,
    '    location / {',
    '      proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection "";',
    '    }',
    '  }',
  ];
  const argv = await nginxOf(place, { name: 'limit', workers: 3, lines });
  return { port, pid: await processes.start(loadCore, argv, port) };
}
