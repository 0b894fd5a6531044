import { flushCompileCache } from 'node:module';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { AccessLogOptions } from './access-log/access-log.ts';
import { checkLog } from './access-log/log-writer.ts';
import { callerLimitsOf } from './caller-limits.ts';
import { engineKindOf, type EngineOptions, loadEngine } from './engine-kind.ts';
import type { Address, DataPlane } from './data-plane.ts';
import { zonePattern, zoneWords } from '../../domain/traffic/routing/check-route-table.ts';
import { FarLayer } from './cache/far-layer.ts';
import { Gateway } from './gateway.ts';
import { Borrowing } from './limits/borrowing.ts';
import type { ServingPlace } from './live-revision.ts';
import { OwnPlane } from './own-plane.ts';
import { randomKey } from './random-key.ts';
import { listeningOf, TlsError, tlsFlags, tlsOptionsOf } from './tls/tls-flags.ts';
import { runWorker } from './workers/worker.ts';
import { workerCountOf } from '../../adapters/gateway/worker-count.ts';
import { MemoryTokens } from '../../adapters/memory/memory-tokens.ts';
import { readPrivateText } from '../../adapters/system/private-text.ts';
import type { TokenSource } from '../../ports/token-source.ts';
import { WorkerPlane } from './workers/worker-plane.ts';

/**
 * `node main.ts --state DIR --listen HOST:PORT [options]`: the data plane as a process of its own; docs/guides/gateway.md has
 * the options. With more than one worker, it is that many child processes of it. These are started as the same program with
 * `--worker INDEX` behind its arguments.
 *
 * Exit codes: 0 drained after SIGTERM, 1 unexpected, 2 usage, 3 the address is in use, 4 another gateway has the state
 * folder. A second SIGTERM ends at once.
 */
const exitCodes = {
  'address-in-use': 3,
  'state-in-use': 4,
  'bad-socket-path': 2,
  'no-port-sharing': 2,
} as const;
const usage =
  'usage: gateway --state DIR --listen HOST:PORT [--control PATH] ' +
  '[--engine fast|compat] [--metrics HOST:PORT] [--flags HOST:PORT] [--otlp URL] [--workers N|auto] [--zone NAME] ' +
  '[--h2c] [--tls-listen HOST:PORT [--tls-identity] [--tls-folder DIR | --tls-cert FILE --tls-key FILE ...] [--tls-default NAME]] ' +
  '[--access-log FILE|-] [--access-log-sample RATIO] [--access-log-query] [--limit NAME=NUMBER ...] ' +
  '[--redis-url-file FILE]';

function log(message: string): void {
  process.stderr.write(`${new Date().toISOString()} gateway[${process.pid}] ${message}\n`);
}

function readOptions(): {
  stateFolder: string;
  host: string;
  port: number;
  controlSocket: string | null;
  admin: Address | null;
  flags: Address | null;
  engine: EngineOptions;
  place: ServingPlace;
  workerCount: number;
  /** This process is a worker. */
  isWorker: boolean;
  redisUrlFile: string | null;
} {
  const { values } = parseArgs({
    options: {
      state: { type: 'string' },
      listen: { type: 'string' },
      control: { type: 'string' },
      engine: { type: 'string' },
      metrics: { type: 'string' },
      flags: { type: 'string' },
      otlp: { type: 'string' },
      workers: { type: 'string', default: '1' },
      worker: { type: 'string' },
      zone: { type: 'string' },
      ...tlsFlags,
      limit: { type: 'string', multiple: true },
      'redis-url-file': { type: 'string' },
      'access-log': { type: 'string' },
      'access-log-sample': { type: 'string' },
      'access-log-query': { type: 'boolean' },
    },
  });
  const listen = addressOf(values.listen ?? '');
  const admin = values.metrics === undefined ? null : addressOf(values.metrics);
  if (values.metrics !== undefined && admin === null) {
    throw new Error(`--metrics ${values.metrics}: must be HOST:PORT, as 127.0.0.1:7401`);
  }
  const flags = values.flags === undefined ? null : addressOf(values.flags);
  if (values.flags !== undefined && flags === null) {
    throw new Error(`--flags ${values.flags}: must be HOST:PORT, as 127.0.0.1:7402`);
  }
  const kind = engineKindOf(values.engine);
  const otlpUrl = values.otlp ?? null;
  const isUrl = otlpUrl === null || otlpUrl.startsWith('http://');
  const workerCount = workerCountOf(values.workers);
  const isWorker = values.worker !== undefined;
  if (workerCount === null || (isWorker && process.send === undefined)) throw new Error(usage);
  if (values.state === undefined || listen === null || kind === null || !isUrl)
    throw new Error(usage);
  const controlSocket = values.control ?? null;
  const accessLog = accessLogOf({
    path: values['access-log'] ?? null,
    sample: values['access-log-sample'] ?? '1',
    hasQuery: values['access-log-query'] === true,
  });
  const processShare = 1 / workerCount;
  const callerLimits = callerLimitsOf(values.limit ?? [], processShare);
  if (typeof callerLimits === 'string') throw new Error(callerLimits);
  const { state: stateFolder, zone = null, 'redis-url-file': urlFile } = values;
  const identityFolder = resolve(stateFolder, 'identity', 'gateway');
  if (zone !== null && !zonePattern.test(zone)) throw new Error(`--zone: must be ${zoneWords}`);
  const listening = tlsOptionsOf(values);
  const engine = { kind, otlpUrl, accessLog, callerLimits, listening, identityFolder };
  const place = { zone, processShare };
  const redisUrlFile = urlFile === undefined ? null : resolve(urlFile);
  const places = { stateFolder, ...listen, controlSocket, admin, flags, redisUrlFile };
  return { ...places, engine, place, workerCount, isWorker };
}

function accessLogOf(given: {
  readonly path: string | null;
  readonly sample: string;
  readonly hasQuery: boolean;
}): AccessLogOptions | null {
  const sampleRatio = /^\d*\.?\d+$/.test(given.sample) ? Number(given.sample) : 0;
  if (sampleRatio <= 0 || sampleRatio > 1) {
    throw new Error(`--access-log-sample ${given.sample}: must be above 0 and at most 1, as 0.1`);
  }
  if (given.path === null) return null;
  // The process may change its folder, and worker processes have theirs.
  const path = given.path === '-' ? given.path : resolve(given.path);
  return { path, sampleRatio, hasQuery: given.hasQuery };
}

/** Why it cannot be written; null: it can, or there is none. */
async function accessLogFault(options: AccessLogOptions | null): Promise<string | null> {
  try {
    if (options !== null) await checkLog(options.path);
    return null;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return `cannot write the access log: ${why}; name another file with --access-log`;
  }
}

/** `HOST:PORT` or `[ADDRESS]:PORT`; null: it is neither. */
function addressOf(text: string): Address | null {
  const found = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const host = found?.[1] ?? found?.[2];
  const port = Number(found?.[3]);
  return host !== undefined && port <= 65535 ? { host, port } : null;
}

async function readVersion(): Promise<string> {
  const text = await readFile(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}

/** Null: each gateway keeps its own. Throws for a file that can't be used. */
async function tokensOf(redisUrlFile: string | null): Promise<TokenSource | null> {
  if (redisUrlFile === null) return null;
  const read = await readPrivateText(redisUrlFile);
  if (read.kind === 'refused') throw new RangeError(read.why);
  // Its code is loaded by those alone who use it.
  const { RedisTokens } = await import('../../adapters/redis/redis-tokens.ts');
  return new RedisTokens(read.text, log);
}

/** Null: each process caches for itself. */
async function farLayerOf(redisUrlFile: string | null): Promise<FarLayer | null> {
  if (redisUrlFile === null) return null;
  const read = await readPrivateText(redisUrlFile);
  if (read.kind === 'refused') throw new RangeError(read.why);
  const { RedisCache } = await import('../../adapters/redis/redis-cache.ts');
  return new FarLayer(new RedisCache(read.text, log));
}

function borrowingOf(tokens: TokenSource | null): Borrowing | null {
  if (tokens === null) return null;
  const near = new MemoryTokens(() => performance.now());
  const borrowing: Borrowing = new Borrowing({
    processShare: 1,
    shared: tokens,
    askNear: (asks) => borrowing.buckets.learn(near.lendNow(asks), performance.now()),
  });
  return borrowing;
}

async function planeOf(
  engine: EngineOptions,
  place: ServingPlace,
  shared: {
    readonly workerCount: number;
    readonly tokens: TokenSource | null;
    readonly redisUrlFile: string | null;
  },
): Promise<DataPlane> {
  const { workerCount, tokens, redisUrlFile } = shared;
  if (workerCount === 1) {
    const own = { borrowing: borrowingOf(tokens), far: await farLayerOf(redisUrlFile) };
    const parts = { engine: await loadEngine(engine, log), ...own };
    return new OwnPlane({ ...parts, votesKey: randomKey(), place });
  }
  // It was opened to see that it can be; the workers have their own.
  await tokens?.[Symbol.asyncDispose]();
  // Each worker reads the certificates; what is wrong with them is better said once, and at once.
  (await listeningOf(engine.listening, log)).tls?.certificates[Symbol.dispose]();
  const program = { entry: fileURLToPath(import.meta.url), argv: process.argv.slice(2) };
  return new WorkerPlane({ workerCount, program, log });
}

async function main(): Promise<number> {
  let options;
  try {
    options = readOptions();
  } catch (error) {
    log(error instanceof Error ? error.message : String(error));
    return 2;
  }
  // The terminal that started it may go; the gateway stays.
  process.on('SIGHUP', () => {});
  const { engine, place, workerCount, isWorker, redisUrlFile, ...rest } = options;
  const tokens = await tokensOf(redisUrlFile);
  if (isWorker) {
    const far = await farLayerOf(redisUrlFile);
    return runWorker({ engine: await loadEngine(engine, log), place, tokens, far, log });
  }
  const asked = Promise.withResolvers<void>();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => asked.resolve());
  const fault = await accessLogFault(engine.accessLog ?? null);
  if (fault !== null) {
    log(fault);
    return 2;
  }
  const gateway = new Gateway({
    ...rest,
    log,
    version: await readVersion(),
    engineName: engine.kind,
    plane: await planeOf(engine, place, { workerCount, tokens, redisUrlFile }),
  });
  const started = await gateway.start();
  if ('kind' in started) {
    log(started.message);
    return exitCodes[started.kind];
  }
  // Node keeps it at an orderly exit only; a gateway that is killed shall be back as fast.
  flushCompileCache();
  await asked.promise;
  log('draining');
  await gateway.stop();
  log('stopped');
  return 0;
}

process.exit(
  await main().catch((error: unknown) => {
    if (!(error instanceof TlsError || error instanceof RangeError)) throw error;
    log(error.message);
    return 2;
  }),
);
