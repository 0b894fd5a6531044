import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { GatewayClient } from '../../src/adapters/gateway/gateway-client.ts';
import { controlSocketName } from '../../src/adapters/gateway/gateway-file.ts';
import { usualCacheRule } from '../../src/domain/cache/cache-rule.fixture.ts';
import type { CacheRule } from '../../src/domain/cache/cache-rule.ts';
import type { BenchOptions } from '../form.ts';
import { hostName } from '../gateway/configurations.ts';
import { endMaster, loadCore, Processes } from '../gateway/programs.ts';
import { freePorts } from '../world.ts';
import { CachedOrigin } from './cached-origin.ts';
import { nginxOf, startRedis } from './peers.ts';
import type { BoundaryPlace } from './place.ts';
import { askAll, writeStream, type ZipfResult, zipfStream } from './zipf.ts';

export interface HitReading extends ZipfResult {
  readonly name: string;
  /** Of the requests, those that no instance was asked for; after others of the same stream have filled the cache. */
  readonly hitRatio: number;
  /** By the gateway's own metrics, of each request; null: it says nothing of it. */
  readonly savedMs: number | null;
}

export interface HitReadings {
  readonly alone: HitReading;
  readonly peerAlone: HitReading;
  /** With room for all behind. */
  readonly behind: HitReading | null;
  readonly peerBehind: HitReading;
  readonly warmRequests: number;
}

const keys = 100_000;
/** Memory has room for so many of them. */
const room = keys / 20;
const seed = 20_261_122;
const bothCores = '0,1';

/** One stream of keys, asked of each of them in turn: what memory has room for alone, and with room for all behind it. */
export async function readHits(
  options: BenchOptions,
  place: BoundaryPlace,
  hasRedis: boolean,
): Promise<HitReadings> {
  const warmRequests = options.isQuick ? 100_000 : 300_000;
  const measured = options.isQuick ? 50_000 : 200_000;
  const stream = zipfStream(seed, { keys, requests: warmRequests + measured });
  const warm = await writeStream(place.folder, 'warm', stream.slice(0, warmRequests));
  const asked = await writeStream(place.folder, 'asked', stream.slice(warmRequests));
  await using origin = await CachedOrigin.open();
  const parts = { options, place, origin, streams: { warm, asked } };
  const alone = await ofGateway(parts, 'Tidegate, memory for 5 %', false);
  const peerAlone = await ofNginx(parts, 'nginx, keys for 5 %', `${(room * nodeBytes) / 1000}k`);
  const behind = hasRedis ? await ofGateway(parts, 'Tidegate, Redis behind it', true) : null;
  const peerBehind = await ofNginx(parts, 'nginx, disk and keys for all', '64m');
  return { alone, peerAlone, behind, peerBehind, warmRequests };
}

/** What nginx takes for a key in memory, on 64 bits: `keys_zone` is what bounds how many it has at any time. */
const nodeBytes = 128;

interface HitParts {
  readonly options: BenchOptions;
  readonly place: BoundaryPlace;
  readonly origin: CachedOrigin;
  readonly streams: { readonly warm: string; readonly asked: string };
}

async function ofGateway(parts: HitParts, name: string, hasRedis: boolean): Promise<HitReading> {
  const { place, origin } = parts;
  await using processes = new Processes(bothCores);
  const more = hasRedis ? ['--redis-url-file', await startRedis(place, processes)] : [];
  const [port = 0, metricsPort = 0] = await freePorts(2);
  const state = join(place.folder, `cache-${port}`);
  await mkdir(state, { mode: 0o700 });
  const options = ['--state', state, '--listen', `127.0.0.1:${port}`];
  const metrics = ['--metrics', `127.0.0.1:${metricsPort}`];
  const argv = [process.execPath, place.entry, ...options, ...metrics, ...more];
  await processes.start(loadCore, argv, port);
  await using client = new GatewayClient({ socketPath: join(state, controlSocketName) });
  const apply = async (version: number, cache: CacheRule): Promise<void> => {
    await client.apply(tableOf(version, cache, origin.port), AbortSignal.timeout(30_000));
  };
  // What an entry weighs is asked of the gateway, so that there is room for as many as is said.
  await apply(1, usualCacheRule);
  const few = Array.from({ length: 200 }, (_, index) => 10_000 + index);
  await askAll(port, await writeStream(place.folder, 'few', few), parts.options.signal);
  const read = metricsOf(metricsPort);
  const bytesEach = (await read('bytes')) / (await read('entries'));
  await apply(2, { ...usualCacheRule, memoryBytes: Math.round(room * bytesEach) });
  const savedBefore = { seconds: 0 };
  const reading = await measured(parts, { name, port }, async () => {
    savedBefore.seconds = await read('saved_seconds_total');
  });
  const savedMs = 1000 * ((await read('saved_seconds_total')) - savedBefore.seconds);
  return { ...reading, savedMs: savedMs / reading.requests };
}

async function ofNginx(parts: HitParts, name: string, zone: string): Promise<HitReading> {
  const { place, origin } = parts;
  await using processes = new Processes(bothCores);
  const [port = 0] = await freePorts(1);
  const files = join(place.folder, `cache-nginx-${port}`);
  const lines = [
    '  keepalive_requests 1000000000;',
    `  proxy_cache_path ${files} levels=1:2 keys_zone=all:${zone} inactive=1d use_temp_path=off;`,
    `  upstream backend { server 127.0.0.1:${origin.port}; keepalive 64; keepalive_requests 1000000000; }`,
    '  server {',
    `    listen 127.0.0.1:${port};`,
    '    location / {',
    '      proxy_cache all; proxy_cache_lock on;',
    '      proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection "";',
    '    }',
    '  }',
  ];
  const argv = await nginxOf(place, { name: `cache-${port}`, workers: 1, lines });
  const pid = await processes.start(loadCore, argv, port);
  try {
    const reading = await measured(parts, { name, port }, async () => {});
    return { ...reading, savedMs: null };
  } finally {
    await endMaster(pid);
  }
}

async function measured(
  { options, origin, streams }: HitParts,
  { name, port }: { readonly name: string; readonly port: number },
  onWarm: () => Promise<void>,
): Promise<Omit<HitReading, 'savedMs'>> {
  const filled = await askAll(port, streams.warm, options.signal);
  await onWarm();
  const before = origin.asked;
  const result = await askAll(port, streams.asked, options.signal);
  const hitRatio = 1 - (origin.asked - before) / result.requests;
  options.say(`${name}: ${(100 * hitRatio).toFixed(1)} % hits`);
  return { ...result, failures: result.failures + filled.failures, name, hitRatio };
}

function tableOf(version: number, cache: CacheRule, port: number) {
  const endpoints = [{ instanceId: 'r1-0', host: '127.0.0.1', port }];
  const route = {
    service: 'bench',
    host: hostName,
    requestTimeoutMs: 30_000,
    backends: [{ revisionId: 'r1', weightPercent: 100, endpoints }],
    matches: [],
    policy: { cache },
  };
  return { version, routes: [route] };
}

/** Reads one of the cache's metrics, of all that it is told by. */
function metricsOf(port: number): (name: string) => Promise<number> {
  return async (name) => {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const start = `tidegate_gateway_cache_${name}{`;
    const line = text.split('\n').find((each) => each.startsWith(start));
    if (line === undefined) throw new Error(`the gateway has no metric ${name}`);
    return Number(line.slice(line.lastIndexOf(' ')));
  };
}
