import { spawn, type ChildProcess } from 'node:child_process';
import { open, readFile, rename, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  findGateway,
  type GatewayFile,
  isAlive,
  logFileName,
  makeStateFolder,
  readGatewayFile,
} from './gateway-file.ts';
import { workerCountOf } from './worker-count.ts';

export interface GatewayProcessOptions {
  readonly stateFolder: string;
  /** Port 0: any free one; a gateway that runs already is taken whatever port it has. */
  readonly listen: { readonly host: string; readonly port: number };
  /** The node program and the gateway's main file, both absolute. */
  readonly nodePath: string;
  readonly entry: string;
  /** Where it serves metrics; absent: nowhere. In use: it takes any free port, see `file.admin`. */
  readonly admin?: { readonly host: string; readonly port: number };
  /** Where instances ask it for flags; absent: nowhere. Port 0: as the last gateway had it, else any free one. */
  readonly flags?: { readonly host: string; readonly port: number };
  /** Further options of the gateway's program, as it takes them. */
  readonly arguments?: readonly string[];
  /** Absent: the gateway's own choice. */
  readonly engine?: 'fast' | 'compat';
  /** Processes that serve; `auto`: one for each core. Absent: one, the gateway itself. */
  readonly workers?: number | 'auto';
  /** Hears of deaths and restarts, for the operator's log. */
  readonly onEvent?: (message: string) => void;
}

export class GatewayProcessError extends Error {
  override readonly name = 'GatewayProcessError';
  readonly code: 'start-failed' | 'other-address' | 'stop-failed';
  readonly retryable: boolean;

  constructor(
    code: GatewayProcessError['code'],
    message: string,
    options: { readonly retryable: boolean; readonly cause?: unknown },
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable;
  }
}

/**
 * Options of Node that a gateway is started with; its workers inherit them. New objects get 4 MiB on either side in place of 16: a
 * request leaves some 2 KiB of garbage and nothing that stays, so more is never needed for traffic, but a burst of connections
 * makes V8 take all it may, for good (docs/decisions/0034).
 */
export const gatewayNodeOptions: readonly string[] = ['--max-semi-space-size=4'];

/** Of a gateway that neither serves nor ends: loading its code, on a machine that is busy. */
const startBoundMs = 60_000;
/** Longer than the gateway drains. */
const stopBoundMs = 35_000;
const pollMs = 50;
const firstBackOffMs = 100;
const lastBackOffMs = 5000;
/** A gateway that lived this long is restarted at once again. */
const settledAfterMs = 10_000;
const logBytesMax = 1024 * 1024;

/** Finds the gateway of the state folder or starts one, and from then on restarts it when it dies. */
export async function ensureGateway(
  options: GatewayProcessOptions,
  signal: AbortSignal,
): Promise<GatewayProcess> {
  const found = await findGateway(options.stateFolder);
  const { host, port } = options.listen;
  if (found !== null && (found.host !== host || (port !== 0 && found.port !== port))) {
    throw new GatewayProcessError(
      'other-address',
      `cannot use ${host}:${port}: a gateway of ${options.stateFolder} runs on ` +
        `${found.host}:${found.port} (pid ${found.pid}); stop it first or use that address`,
      { retryable: false },
    );
  }
  const started = found === null ? await start(options, signal) : { file: found, child: null };
  if (found !== null) tellOtherWorkers(found, options);
  return new GatewayProcess(options, started);
}

/** Its workers are those that it was started with. */
function tellOtherWorkers(
  { pid, workers = 1 }: GatewayFile,
  { workers: wanted, onEvent }: GatewayProcessOptions,
): void {
  if (wanted === undefined || workers === workerCountOf(String(wanted))) return;
  onEvent?.(
    `gateway ${pid} runs already, with ${workers} worker${workers === 1 ? '' : 's'}, and goes on with them; ` +
      `to have ${wanted}, stop it first: tidegate down`,
  );
}

/**
 * A gateway that runs apart from this process and outlives it. Disposing ends the supervision, never the gateway;
 * `stop` ends both.
 */
export class GatewayProcess implements Disposable {
  readonly #options: GatewayProcessOptions;
  readonly #supervision = new AbortController();
  readonly #supervising: Promise<void>;
  #started: Started;
  #restarts = 0;

  constructor(options: GatewayProcessOptions, started: Started) {
    this.#options = options;
    this.#started = started;
    // It ends with the supervision's signal; what goes wrong within is told to onEvent and tried again.
    this.#supervising = this.#supervise(this.#supervision.signal);
  }

  /** Of the process that runs now, or the last one while it is restarted. */
  get file(): GatewayFile {
    return this.#started.file;
  }

  /** Times it was started again since this object lives. */
  get restarts(): number {
    return this.#restarts;
  }

  /** SIGTERM, so that it drains; SIGKILL when it has not ended 35 s later. Resolves when it is gone. */
  async stop(signal: AbortSignal): Promise<void> {
    this[Symbol.dispose]();
    await this.#supervising;
    const current = (await findGateway(this.#options.stateFolder)) ?? this.file;
    if (!(await isAlive(current))) return;
    process.kill(current.pid, 'SIGTERM');
    const until = performance.now() + stopBoundMs;
    while (await isAlive(current)) {
      if (performance.now() > until) {
        process.kill(current.pid, 'SIGKILL');
        return;
      }
      await sleep(pollMs / 5, undefined, { signal });
    }
  }

  [Symbol.dispose](): void {
    this.#supervision.abort();
  }

  async #supervise(signal: AbortSignal): Promise<void> {
    const { onEvent = () => {} } = this.#options;
    let backOffMs = 0;
    while (!signal.aborted) {
      const startedMs = performance.now();
      await ended(this.#started, signal);
      if (signal.aborted) return;
      const livedMs = performance.now() - startedMs;
      if (livedMs > settledAfterMs) backOffMs = 0;
      onEvent(`gateway ${this.file.pid} has died; starting another in ${backOffMs} ms`);
      // An abort ends the wait, and the loop above.
      await sleep(backOffMs, undefined, { signal, ref: false }).catch(() => {});
      backOffMs = Math.min(lastBackOffMs, Math.max(firstBackOffMs, backOffMs * 2));
      const { host, port } = this.file;
      try {
        const { flags } = this.file;
        // Instances that run have these addresses.
        const kept = { listen: { host, port }, ...(flags === null ? {} : { flags }) };
        this.#started = await start({ ...this.#options, ...kept }, signal);
        this.#restarts += 1;
        onEvent(`gateway ${this.file.pid} serves on ${host}:${port}`);
      } catch (error) {
        if (!signal.aborted) onEvent(error instanceof Error ? error.message : String(error));
      }
    }
  }
}

interface Started {
  readonly file: GatewayFile;
  /** Null: started by an earlier process, so its end is seen by looking. */
  readonly child: ChildProcess | null;
}

async function start(options: GatewayProcessOptions, signal: AbortSignal): Promise<Started> {
  signal.throwIfAborted();
  const stateFolder = resolve(options.stateFolder);
  const { host, port } = options.listen;
  const logPath = join(stateFolder, logFileName);
  await makeStateFolder(stateFolder);
  await rotate(logPath);
  await using logFile = await open(logPath, 'a', 0o600);
  const engine = options.engine === undefined ? [] : ['--engine', options.engine];
  const admin = options.admin === undefined ? [] : ['--metrics', addressText(options.admin)];
  const flags = await flagArguments(options);
  const workers = options.workers === undefined ? [] : ['--workers', String(options.workers)];
  const address = addressText({ host, port });
  const chosen = [...engine, ...admin, ...flags, ...workers, ...(options.arguments ?? [])];
  const child = spawn(
    options.nodePath,
    [...gatewayNodeOptions, options.entry, '--state', stateFolder, '--listen', address, ...chosen],
    { detached: true, cwd: stateFolder, stdio: ['ignore', logFile.fd, logFile.fd] },
  );
  child.unref();
  // 'exit' or a pid that never comes says the same; the listener keeps the error from ending this process.
  child.on('error', () => {});
  const until = performance.now() + startBoundMs;
  for (;;) {
    const file = await findGateway(stateFolder);
    if (file !== null && file.pid === child.pid) return { file, child };
    const isOver = child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
    if (isOver || performance.now() > until) {
      if (!isOver) child.kill('SIGKILL');
      const why = (await lastLine(logPath)) ?? 'it said nothing';
      const message = `cannot start the gateway on ${host}:${port}: ${why}`;
      throw new GatewayProcessError('start-failed', message, { retryable: true });
    }
    try {
      await sleep(pollMs / 5, undefined, { signal });
    } catch (error) {
      // Nobody would know of it: what was begun is undone.
      child.kill('SIGKILL');
      throw error;
    }
  }
}

async function flagArguments({ flags, stateFolder }: GatewayProcessOptions): Promise<string[]> {
  if (flags === undefined) return [];
  const last = flags.port === 0 ? (await readGatewayFile(stateFolder))?.flags : null;
  return ['--flags', addressText(last?.host === flags.host ? last : flags)];
}

function addressText({ host, port }: GatewayProcessOptions['listen']): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Resolves when the gateway has ended or the signal is aborted. */
async function ended({ child, file }: Started, signal: AbortSignal): Promise<void> {
  if (child !== null) {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    child.once('exit', () => resolve());
    signal.addEventListener('abort', () => resolve(), { once: true });
    await promise;
    return;
  }
  while (!signal.aborted && (await isAlive(file))) {
    await sleep(pollMs, undefined, { signal, ref: false }).catch(() => {});
  }
}

/** Keeps one log before this one, so that both have a bound as long as a gateway is not restarted for ever. */
async function rotate(logPath: string): Promise<void> {
  const size = await stat(logPath).then(
    (found) => found.size,
    () => 0,
  );
  if (size > logBytesMax) await rename(logPath, `${logPath}.1`);
}

/** What the gateway said last, without the time and the process it begins each line with. */
async function lastLine(path: string): Promise<string | null> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const line = text.trimEnd().split('\n').at(-1) ?? '';
  return line.replace(/^\S+Z gateway\[\d+\] /, '') || null;
}
