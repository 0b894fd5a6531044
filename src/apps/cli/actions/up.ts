import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, open, readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import {
  requirePlainSinkUrl,
  SinkAddressError,
} from '../../../adapters/cloud-events/sink-address.ts';
import { LedgerPlaceError, requireNoPassword } from '../../../adapters/system/ledger-place.ts';
import { CliError } from '../cli-error.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { makeLoginLink, ownName } from './login-link.ts';
import { print, say, type Session } from '../session.ts';
import { isRunning, readServerFile, type ServerFile } from '../state-folder.ts';

const readyTimeoutMs = 60_000;
const pollMs = 50;
const tailLines = 15;
const tailBytes = 64 * 1024;

export interface UpOptions {
  /** `127.0.0.1:7480`. */
  readonly listen: string;
  readonly gatewayListen: string;
  /** `off`: nowhere; absent: as the server's default. */
  readonly gatewayMetrics?: string;
  /** `off`: nowhere; absent: as the server's default. */
  readonly flagsListen?: string;
  readonly otlp?: string;
  readonly redisUrlFile?: string;
  readonly accessLog?: string;
  readonly accessLogSample?: string;
  readonly accessLogQuery?: boolean;
  /** `4` or `auto`; absent: one, or what a running gateway has. */
  readonly workers?: string;
  /** `auto`, `off`, or the folder of a cgroup v2 of its own. */
  readonly cgroup?: string;
  /** Where the gateway is; absent: not known. */
  readonly zone?: string;
  /** `127.0.0.1:7443`, with `tlsFolder`. */
  readonly tlsListen?: string;
  readonly tlsFolder?: string;
  readonly tlsDefault?: string;
  readonly tlsIdentity?: boolean;
  readonly h2c?: boolean;
  /** `NAME=NUMBER` each. */
  readonly gatewayLimit?: readonly string[];
  /** File with the policy of the witnesses. */
  readonly witnesses?: string;
  readonly witnessMode?: string;
  /** Bytes. */
  readonly blobQuota?: number;
  /** Days. */
  readonly blobRetention?: number;
  /** Without a password. */
  readonly store?: string;
  readonly storeUrlFile?: string;
  /** `off`, or a URL without a credential. */
  readonly cdeventsSink?: string;
  readonly cdeventsSinkFile?: string;
  readonly cdeventsEnvironment?: string;
  /** `allow` or `deny`; absent: as at the last start. */
  readonly defaultAuthorization?: string;
  /** Of flags, and of events that name none of their own. */
  readonly environment?: string;
  /** Folder with Cedar policies, or `off`. */
  readonly policies?: string;
  /** File with the settings of an OpenID provider, or `off`. */
  readonly oidc?: string;
  /** `https://tidegate.example`: where people reach the server; absent: where it listens. */
  readonly publicUrl?: string;
  readonly foreground?: boolean;
  readonly timeout?: number;
}

/** `entry` is the server's program. */
export async function up(
  session: Session,
  options: UpOptions,
  entry: string = serverEntry(),
): Promise<ExitCode> {
  const running = await runningServer(session);
  if (running !== null) {
    say(session, `A server already runs for ${session.stateFolder} (pid ${running.pid}).`);
    print(session, addresses(running));
    return exitCodes.ok;
  }
  refuseCredentials(options);
  await makeFolder(session.stateFolder);
  const argv = serverArguments(session, options, entry);
  return options.foreground === true ? runInPlace(argv) : startDetached(session, argv, options);
}

function addresses({ url, gatewayUrl, metricsUrl }: ServerFile): string[] {
  const metrics = metricsUrl === null ? [] : [`metrics: ${metricsUrl}`];
  return [`url: ${url}`, `gateway: ${gatewayUrl}`, ...metrics];
}

export async function runningServer(session: Session): Promise<ServerFile | null> {
  const server = await readServerFile(session.stateFolder);
  return server !== null && (await isRunning(server)) ? server : null;
}

/** The server's program lies beside this one, as source or as built. */
function serverEntry(): string {
  const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return fileURLToPath(new URL(`../../server/main.${ending}`, import.meta.url));
}

function serverArguments(session: Session, options: UpOptions, entry: string): string[] {
  const { listen, gatewayListen, witnesses, witnessMode } = options;
  const flags: Readonly<Record<string, string | undefined>> = {
    '--state': session.stateFolder,
    '--listen': listen,
    '--gateway-listen': gatewayListen,
    '--gateway-metrics': options.gatewayMetrics,
    '--flags-listen': options.flagsListen,
    '--otlp': options.otlp,
    '--redis-url-file': absolute(session, options.redisUrlFile),
    '--access-log': accessLogPath(options.accessLog),
    '--access-log-sample': options.accessLogSample,
    '--workers': options.workers,
    '--zone': options.zone,
    '--cgroup': options.cgroup,
    '--witnesses': absolute(session, witnesses),
    '--witness-mode': witnessMode,
    '--blob-quota-bytes': options.blobQuota?.toString(),
    '--blob-retention-days': options.blobRetention?.toString(),
    '--store': options.store,
    '--store-url-file': absolute(session, options.storeUrlFile),
    '--cdevents-sink': options.cdeventsSink,
    '--cdevents-sink-file': absolute(session, options.cdeventsSinkFile),
    '--cdevents-environment': options.cdeventsEnvironment,
    '--default-authorization': options.defaultAuthorization,
    '--environment': options.environment,
    '--policies': options.policies === 'off' ? 'off' : absolute(session, options.policies),
    '--oidc': options.oidc === 'off' ? 'off' : absolute(session, options.oidc),
    '--public-url': options.publicUrl,
    '--tls-listen': options.tlsListen,
    '--tls-folder': options.tlsFolder === undefined ? undefined : resolve(options.tlsFolder),
    '--tls-default': options.tlsDefault,
  };
  const given = Object.entries(flags).flatMap(([flag, value]) => {
    return value === undefined ? [] : [flag, value];
  });
  const limits = (options.gatewayLimit ?? []).flatMap((limit) => ['--gateway-limit', limit]);
  const query = options.accessLogQuery === true ? ['--access-log-query'] : [];
  const h2c = options.h2c === true ? ['--h2c'] : [];
  const identity = options.tlsIdentity === true ? ['--tls-identity'] : [];
  return [entry, ...given, ...limits, ...query, ...h2c, ...identity];
}

function absolute({ workingFolder }: Session, path: string | undefined): string | undefined {
  return path === undefined ? undefined : resolve(workingFolder, path);
}

/** Before the server is given them: its arguments would show them for as long as it runs. */
function refuseCredentials({ store, cdeventsSink: sink }: UpOptions): void {
  try {
    if (store !== undefined) requireNoPassword(store);
    if (sink !== undefined && sink !== 'off') requirePlainSinkUrl(sink);
  } catch (cause) {
    if (!(cause instanceof LedgerPlaceError || cause instanceof SinkAddressError)) throw cause;
    throw new CliError(cause.message, { code: 'usage', cause });
  }
}

function accessLogPath(path: string | undefined): string | undefined {
  if (path !== '-') return path === undefined ? undefined : resolve(path);
  throw new CliError('cannot write the access log to standard output: the gateway has none', {
    code: 'usage',
    remedy: 'name a file, as --access-log access.log',
  });
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const why = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    const what = why === 'EEXIST' || why === 'ENOTDIR' ? 'a file is in its way' : why;
    throw new CliError(`cannot make the state folder ${path}: ${what}`, {
      code: 'start-failed',
      remedy: 'name another folder with --state',
      cause,
    });
  }
}

async function startDetached(
  session: Session,
  argv: readonly string[],
  options: UpOptions,
): Promise<ExitCode> {
  const logPath = join(session.stateFolder, 'server.log');
  const isFirst = !existsSync(join(session.stateFolder, 'token'));
  const log = await open(logPath, 'a', 0o600);
  const logFromBytes = (await log.stat()).size;
  const child = spawn(process.execPath, [...argv], {
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
    env: serverEnvironment(process.env),
  });
  child.unref();
  await log.close();
  const timeoutMs = options.timeout ?? readyTimeoutMs;
  const failure = await waitUntilReady(session, child, timeoutMs);
  if (failure !== null) {
    const lines = await logTail(logPath, logFromBytes);
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    const said = lastError(lines);
    throw new CliError(`cannot start the server: ${said ?? failure}`, {
      code: 'start-failed',
      lines:
        said !== null || lines.length === 0
          ? []
          : [`last lines of ${logPath}:`, ...lines.map((line) => `  ${line}`)],
      remedy:
        said === null
          ? 'see the log above; a port in use can be changed with --listen or --gateway-listen'
          : `its log is ${logPath}`,
    });
  }
  const server = await readServerFile(session.stateFolder);
  if (server !== null) print(session, addresses(server));
  if (isFirst) await showWayIn(session);
  if (server !== null && server.limitTrouble !== null) say(session, server.limitTrouble);
  say(
    session,
    `The server runs (pid ${child.pid}); its log is ${logPath}.`,
    'Next: tidegate apply -f FILE, then tidegate status --watch. End it with: tidegate down',
  );
  return exitCodes.ok;
}

/** At the first start: later ones must not leave a way in in every log of a terminal. A server without it is as good. */
async function showWayIn(session: Session): Promise<void> {
  try {
    // Of the server that was started here, also where the environment names another.
    const { url } = await makeLoginLink(
      { ...session, env: {} },
      {
        person: ownName(session),
        role: 'admin',
        services: ['*/*'],
        why: 'the first start',
      },
    );
    print(session, [`login: ${url}`]);
    say(
      session,
      'The login link opens the console once, within ten minutes; tidegate login-link makes another.',
    );
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    say(session, `No login link could be made (${error.message}); try: tidegate login-link`);
  }
}

/**
 * Server and gateway keep what V8 compiled where this command line keeps it, and so start in half the time: that is time
 * in which nobody judges a rollout, or nobody answers.
 */
function serverEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache'), ...env };
}

/** Null when it is ready, else why it is not. */
async function waitUntilReady(
  session: Session,
  child: ChildProcess,
  timeoutMs: number,
): Promise<string | null> {
  let spawnError: Error | null = null;
  child.once('error', (error) => {
    spawnError = error;
  });
  const endMs = performance.now() + timeoutMs;
  while (performance.now() < endMs) {
    if (spawnError !== null) return String(spawnError);
    if (child.exitCode !== null) return `it ended at once with code ${child.exitCode}`;
    if (child.signalCode !== null) return `it was ended by ${child.signalCode}`;
    const server = await runningServer(session);
    if (server !== null && (await answers(new URL('/readyz', server.url)))) return null;
    await sleep(pollMs, undefined, { signal: session.signal });
  }
  return `it was not ready after ${timeoutMs} ms`;
}

async function answers(url: URL): Promise<boolean> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(2000) });
    await answer.body?.cancel();
    return answer.ok;
  } catch {
    // Nobody listens yet; the caller asks again until its time is over.
    return false;
  }
}

/** Takes this process's place (execve(2)), so that a supervisor sees, and signals, the server itself. */
function runInPlace(argv: readonly string[]): never {
  const { execPath } = process;
  if (process.execve === undefined) {
    throw new CliError('cannot run in the foreground: this system has no execve', {
      code: 'start-failed',
      remedy: 'leave out --foreground',
    });
  }
  return process.execve(execPath, [execPath, ...argv], serverEnvironment(process.env));
}

/** Of the server's log, what was written after its first so many bytes. */
export async function logTail(path: string, fromBytes: number): Promise<string[]> {
  const { size } = await stat(path);
  const text = (await readFile(path)).subarray(Math.max(fromBytes, size - tailBytes));
  return text
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .slice(-tailLines);
}

/** Why the server ended, in its own words, when that is its last line; null: it says no such thing. */
export function lastError(lines: readonly string[]): string | null {
  try {
    const said: unknown = JSON.parse(lines.at(-1) ?? '');
    const isError =
      typeof said === 'object' && said !== null && 'level' in said && said.level === 'error';
    return isError && 'message' in said ? String(said.message) : null;
  } catch {
    // Not a line of our log, such as a stack trace: it is shown as it is.
    return null;
  }
}
