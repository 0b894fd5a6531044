/**
 * A world: one state folder, a server and a gateway on ports of their own, started and used as a person does it, by
 * `node bin/tidegate.js`. Tests and benchmarks of the whole product live in one.
 *
 * W1 Every process of a world carries the world's folder as its HOME, which the server hands down to the gateway and to
 *    every instance. So a process of this world is known by /proc alone, also one that was leaked or lost.
 * W2 Disposing stops everything, removes the folder, and throws when `tidegate down` failed or left a process behind.
 *    What is left is killed by its pid first, so a failing test leaves nothing on the machine either.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { Agent, get } from 'node:http';
import { freePort } from './free-port.fixture.ts';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { z } from 'zod';

import { type LoadProcess, startLoadProcess } from '../../src/adapters/load/load-process.ts';
import { hasVariable, readAllProcesses } from '../../src/adapters/local-process/process-table.ts';
import {
  eventListSchema,
  type EventView,
  rolloutHistorySchema,
  type RolloutSummaryView,
  type ServerStatus,
  serverStatusSchema,
  serviceSchema,
  type ServiceView,
} from '../../src/api/wire.ts';
import { readServerFile, readToken, type ServerFile } from '../../src/apps/cli/state-folder.ts';

export const projectFolder = fileURLToPath(new URL('../..', import.meta.url));
export const shopFolder = join(projectFolder, 'examples', 'shop');
export const launcher = join(projectFolder, 'bin', 'tidegate.js');

export interface WorldOptions {
  /** Also in the environment of the command line and of the server it starts, such as LD_PRELOAD. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Where the state folder is made; null: in the world's own temporary folder. */
  readonly stateFolder?: string;
}

/** What one run of the command line gave. */
export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Ended by SIGTERM after so long; for what would go on without end. */
  readonly boundMs?: number;
  /** Called with each piece of standard output. */
  readonly onOutput?: (text: string) => void;
}

export interface LoadWish {
  readonly service: string;
  readonly rps: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly connections?: number;
}

/** A world whose server runs. */
export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const world = await makeWorld(options);
  try {
    await world.up();
    return world;
  } catch (error) {
    await world.discard();
    throw error;
  }
}

/** A world without a server yet. */
export async function makeWorld(options: WorldOptions = {}): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-world-'));
  const ports = { api: await freePort(), gateway: await freePort() };
  return new World(folder, ports, options);
}

export class World implements AsyncDisposable {
  /** Release files are written here; removed at the end. */
  readonly folder: string;
  readonly stateFolder: string;
  readonly ports: { readonly api: number; readonly gateway: number };
  readonly #options: WorldOptions;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 8 });
  #fileCount = 0;

  constructor(folder: string, ports: World['ports'], options: WorldOptions) {
    this.folder = folder;
    this.stateFolder = options.stateFolder ?? join(folder, 'state');
    this.ports = ports;
    this.#options = options;
  }

  get apiUrl(): string {
    return `http://127.0.0.1:${this.ports.api}`;
  }

  get gatewayUrl(): string {
    return `http://127.0.0.1:${this.ports.gateway}`;
  }

  /** The state folder and the ports, as `tidegate up` takes them. */
  get upArguments(): readonly string[] {
    const { api, gateway } = this.ports;
    const listen = ['--listen', `127.0.0.1:${api}`, '--gateway-listen', `127.0.0.1:${gateway}`];
    const beside = ['--gateway-metrics', '127.0.0.1:0', '--flags-listen', '127.0.0.1:0'];
    return ['up', '--timeout', '120s', ...listen, ...beside];
  }

  /** Runs `tidegate ARGUMENTS --state ...` to its end; any exit code is an answer. */
  run(command: readonly string[], options: RunOptions = {}): Promise<Ran> {
    // First, so that a --state of the command's own wins.
    return this.runNode([launcher, '--state', this.stateFolder, ...command], options);
  }

  /** Another program of this world, known by its processes as all of them (W1). */
  runNode(argv: readonly string[], options: RunOptions = {}): Promise<Ran> {
    return runProgram(argv, {
      input: options.input ?? '',
      workingFolder: this.folder,
      environment: { ...this.environment(), ...options.environment },
      boundMs: options.boundMs ?? runBoundMs,
      onOutput: options.onOutput ?? (() => {}),
    });
  }

  /** As `run`, for what has to succeed. */
  async must(...command: readonly string[]): Promise<Ran> {
    const ran = await this.run(command);
    assert.equal(ran.code, 0, `tidegate ${command.join(' ')}: ${ran.stdout}${ran.stderr}`);
    return ran;
  }

  /** Everything a process of this world is started with. Nothing of the test runner's own environment is handed on. */
  environment(): Readonly<Record<string, string>> {
    return {
      HOME: this.folder,
      LANG: 'C.UTF-8',
      PATH: [dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter),
      ...this.#options.environment,
    };
  }

  async up(): Promise<void> {
    await this.must(...this.upArguments);
  }

  async down(): Promise<void> {
    await this.must('down', '--timeout', '170s');
  }

  /** Writes release files into the world's folder and gives their paths. */
  async write(text: string, name?: string): Promise<string> {
    this.#fileCount += 1;
    const path = join(this.folder, name ?? `release-${this.#fileCount}.yaml`);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
    return path;
  }

  /** Applies the text of a release file, which has to be taken. */
  async apply(text: string): Promise<Ran> {
    return this.must('apply', '-f', await this.write(text));
  }

  /** Applies, and waits until the first rollout of the service has brought up its instances. */
  async applyAndWait(text: string): Promise<void> {
    await this.must('apply', '--wait', '--timeout', '170s', '-f', await this.write(text));
  }

  service(name: string): Promise<ServiceView> {
    return this.#ask(`/v1/services/${name}`, serviceSchema);
  }

  status(): Promise<ServerStatus> {
    return this.#ask('/v1/status', serverStatusSchema);
  }

  /** Rollouts that are over, oldest first. */
  async history(name: string): Promise<readonly RolloutSummaryView[]> {
    return (await this.#ask(`/v1/services/${name}/rollouts`, rolloutHistorySchema)).items;
  }

  async events(): Promise<readonly EventView[]> {
    return (await this.#ask('/v1/events', eventListSchema)).items;
  }

  /** A bare request to the API with the right token; headers given here win. */
  async request(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (!headers.has('authorization')) headers.set('authorization', `Bearer ${await this.token()}`);
    return fetch(new URL(path, this.apiUrl), { ...init, headers });
  }

  /** One request of a user through the gateway: `fetch` would not let the host be set. */
  visit(
    service: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<{ readonly status: number; readonly version: string }> {
    const options = { agent: this.#agent, headers: { ...headers, host: `${service}.localhost` } };
    return new Promise((resolve, reject) => {
      const request = get(this.gatewayUrl, options, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part));
        response.on('error', reject).on('end', () => {
          const version = /"version":"([^"]*)"/.exec(text)?.[1] ?? '';
          resolve({ status: response.statusCode ?? 0, version });
        });
      });
      request.on('error', reject);
    });
  }

  token(): Promise<string> {
    return readToken(this.stateFolder);
  }

  /** Requests at a fixed rate through the gateway, from a process of its own, until stopped. */
  load(wish: LoadWish): LoadProcess {
    return startLoadProcess({
      url: `${this.gatewayUrl}/`,
      headers: { ...wish.headers, host: `${wish.service}.localhost` },
      targetRps: wish.rps,
      durationMs: null,
      // What is lost is never answered; what is late says how busy the machine is.
      timeoutMs: 60_000,
      connections: wish.connections ?? 16,
    });
  }

  /** What server and gateway logged. */
  logs(): Promise<readonly string[]> {
    const names = ['server.log', 'gateway.log'];
    return Promise.all(names.map((name) => readFile(join(this.stateFolder, name), 'utf8')));
  }

  serverFile(): Promise<ServerFile | null> {
    return readServerFile(this.stateFolder);
  }

  /** SIGKILL, and waits until it is gone. Gateway and instances go on. */
  async killServer(): Promise<void> {
    const file = await this.serverFile();
    assert.ok(file !== null, 'no server to kill');
    kill(file.pid);
    await waitFor('the end of the killed server', () => !isAlive(file.pid));
  }

  /** Pids of every living process of this world (W1). */
  processes(): readonly number[] {
    return readAllProcesses()
      .filter((each) => hasVariable(each.pid, 'HOME', this.folder))
      .map((each) => each.pid);
  }

  /** The whole ledger, checked offline by the program's own verifier, without a gap, and never back in time. */
  async verifyLedger(): Promise<void> {
    const { stdout } = await this.must('verify');
    assert.match(stdout, /verified: [\d,]+ entries/);
    const events = await this.events();
    assert.deepEqual(
      events.map((each) => each.index),
      events.map((_, index) => index),
    );
    const times = events.map((each) => Date.parse(each.at));
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
    );
  }

  /** Ends everything by force and removes the folder; for what failed already. */
  async discard(): Promise<void> {
    await waitFor('the end of every process of the world', () => {
      const left = this.processes();
      for (const pid of left) kill(pid);
      return left.length === 0;
    });
    await rm(this.folder, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#agent.destroy();
    const file = await this.serverFile().catch(() => null);
    const isUp = file !== null && isAlive(file.pid);
    const said = isUp ? await this.run(['down', '--timeout', '170s']) : null;
    const left = isUp ? this.processes().map((pid) => `${pid}: ${commandLine(pid)}`) : [];
    await this.discard();
    if (said !== null) assert.equal(said.code, 0, `tidegate down failed: ${said.stderr}`);
    assert.deepEqual(left, [], 'tidegate down left processes behind');
  }

  async #ask<T>(path: string, schema: z.ZodType<T>): Promise<T> {
    const file = await readServerFile(this.stateFolder);
    if (file === null) throw new Error(`no server runs for ${this.stateFolder}`);
    const headers = { authorization: `Bearer ${await readToken(this.stateFolder)}` };
    const answer = await fetch(new URL(path, file.url), { headers });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return schema.parse(await answer.json());
  }
}

/** Waits between two looks of `waitFor`, and how long it looks when nothing else is said. */
const lookMs = 100;
const waitTimeoutMs = 120_000;

/**
 * The first answer that is neither false, null nor undefined. Throws when there is none in time, with the last error
 * the question met; before that an error means "not yet", since a server may be away for a moment.
 */
export async function waitFor<T>(
  what: string,
  ask: () => T | Promise<T>,
  { timeoutMs = waitTimeoutMs }: { readonly timeoutMs?: number } = {},
): Promise<Exclude<T, false | null | undefined>> {
  const endMs = performance.now() + timeoutMs;
  let trouble: unknown = null;
  do {
    try {
      const answer = await ask();
      if (answer !== false && answer !== null && answer !== undefined) {
        return answer as Exclude<T, false | null | undefined>;
      }
      trouble = null;
    } catch (error) {
      trouble = error;
    }
    await sleep(lookMs);
  } while (performance.now() < endMs);
  throw new Error(`waited ${timeoutMs} ms in vain for ${what}`, { cause: trouble });
}

/** The newest rollout of the service as soon as it is over. */
export function rolloutEnd(
  world: World,
  name: string,
  options: { readonly rolloutId?: string; readonly timeoutMs?: number } = {},
): Promise<RolloutSummaryView> {
  const ask = async (): Promise<RolloutSummaryView | null> => {
    const [{ status }, past] = await Promise.all([world.service(name), world.history(name)]);
    const wanted = options.rolloutId ?? status.rollout?.id;
    return past.find((each) => each.id === wanted) ?? null;
  };
  return waitFor(`the end of the rollout of ${name}`, ask, options);
}

export function isAlive(pid: number): boolean {
  const stat = readAllProcesses().find((each) => each.pid === pid);
  return stat !== undefined && stat.state !== 'Z' && stat.state !== 'X';
}

/** SIGKILL to one process; that it is gone already is as good. */
export function kill(pid: number, signal: NodeJS.Signals = 'SIGKILL'): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** No command of the tests may take longer. */
const runBoundMs = 180_000;

interface Start {
  readonly input: string;
  readonly workingFolder: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly boundMs: number;
  readonly onOutput: (text: string) => void;
}

async function runProgram(argv: readonly string[], start: Start): Promise<Ran> {
  const child = spawn(process.execPath, [...argv], {
    cwd: start.workingFolder,
    env: { ...start.environment },
    stdio: 'pipe',
    timeout: start.boundMs,
  });
  const said = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said.stdout += text;
    start.onOutput(text);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text));
  // A program that does not read its input closes it; its exit code says what it thought of that.
  child.stdin.on('error', () => {});
  child.stdin.end(start.input);
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once('error', reject);
  child.once('close', (code) => resolve(code));
  return { code: await promise, ...said };
}

/** As it was started, arguments parted by spaces; '' when the process is gone. */
export function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    // It ended between two looks.
    return '';
  }
}
