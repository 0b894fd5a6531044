import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { z } from 'zod';
import { startTicks } from '../src/adapters/gateway/gateway-file.ts';
import {
  applyResponseSchema,
  eventListSchema,
  type EventView,
  serverStatusSchema,
  type ServerStatus,
  serviceSchema,
  type ServiceView,
} from '../src/api/wire.ts';

export const projectFolder = join(import.meta.dirname, '..');
export const launcher = join(projectFolder, 'bin', 'tidegate.js');
const shopFolder = join(projectFolder, 'examples', 'shop');

/** One service of a world: a single instance of the shop's payments, which calls nobody. */
export interface BenchService {
  readonly name: string;
  readonly version: string;
  readonly env: Readonly<Record<string, string>>;
  /** `spec.rollout` of the release file. */
  readonly rollout: Readonly<Record<string, unknown>>;
}

/**
 * A server, a gateway and services as a user has them: real processes in a state folder of their own under the
 * temporary folder, started by `tidegate up`, asked over HTTP. Disposing stops all of them and removes the folder.
 */
export class World implements AsyncDisposable {
  readonly stateFolder: string;
  readonly gatewayUrl: string;
  readonly #listen: string;
  readonly #gatewayListen: string;

  /** `fill` finds the folder before its first server does. */
  static async open(fill: (stateFolder: string) => Promise<void> = async () => {}): Promise<World> {
    const stateFolder = await mkdtemp(join(tmpdir(), 'tidegate-bench-'));
    const [port, gatewayPort] = await freePorts(2);
    const world = new World(stateFolder, `127.0.0.1:${port}`, `127.0.0.1:${gatewayPort}`);
    await fill(stateFolder);
    await world.up();
    return world;
  }

  private constructor(stateFolder: string, listen: string, gatewayListen: string) {
    this.stateFolder = stateFolder;
    this.#listen = listen;
    this.#gatewayListen = gatewayListen;
    this.gatewayUrl = `http://${gatewayListen}`;
  }

  /** Starts the server as a user does; resolves when it is ready. */
  async up(): Promise<void> {
    await this.tidegate('up', '--listen', this.#listen, '--gateway-listen', this.#gatewayListen);
  }

  /** Runs the command line on this world; resolves with what it printed, rejects when it failed. */
  async tidegate(...argv: readonly string[]): Promise<string> {
    const args = [launcher, ...argv, '--state', this.stateFolder];
    const { stdout } = await promisify(execFile)(process.execPath, args, {
      env: { ...process.env, NO_COLOR: '1' },
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout;
  }

  get apiUrl(): string {
    return `http://${this.#listen}`;
  }

  /** Of the owner. */
  async token(): Promise<string> {
    return (await readFile(join(this.stateFolder, 'token'), 'utf8')).trim();
  }

  async serverPid(): Promise<number> {
    const text = await readFile(join(this.stateFolder, 'server.json'), 'utf8');
    return (JSON.parse(text) as { readonly pid: number }).pid;
  }

  /** SIGKILL to the server alone; resolves when it is gone. */
  async killServer(): Promise<void> {
    const pid = await this.serverPid();
    process.kill(pid, 'SIGKILL');
    await waitFor(`the end of server ${pid}`, () => isGone(pid), 5_000);
  }

  status(): Promise<ServerStatus> {
    return this.#call('/v1/status', serverStatusSchema);
  }

  service(name: string): Promise<ServiceView> {
    return this.#call(`/v1/services/${name}`, serviceSchema);
  }

  async events(service: string, fromIndex: number): Promise<readonly EventView[]> {
    const path = `/v1/events?service=${service}&from=${fromIndex}`;
    return (await this.#call(path, eventListSchema)).items;
  }

  /** The id of the rollout that this started or found under way. */
  apply(service: BenchService): Promise<string | null> {
    return this.applyText(join(shopFolder, `${service.name}.yaml`), releaseText(service));
  }

  /** As `apply`, for the text of a release file that would be at `path`. */
  async applyText(path: string, text: string): Promise<string | null> {
    const body = { files: [{ path, text }], who: 'bench' };
    const { results } = await this.#call('/v1/apply', applyResponseSchema, body);
    return results[0]?.rolloutId ?? null;
  }

  /** Applies and resolves with how the rollout ended. */
  async release(service: BenchService, timeoutMs = 60_000): Promise<'promoted' | 'rolled-back'> {
    await this.apply(service);
    return this.ended(service.name, timeoutMs);
  }

  async ended(name: string, timeoutMs: number): Promise<'promoted' | 'rolled-back'> {
    const phase = async (): Promise<'promoted' | 'rolled-back' | null> => {
      const kind = (await this.service(name)).status.rollout?.phase;
      return kind === 'promoted' || kind === 'rolled-back' ? kind : null;
    };
    return waitFor(`the end of the rollout of ${name}`, phase, timeoutMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      // A server that was killed comes back first, because it knows what else runs.
      await this.up();
      await this.tidegate('down');
    } catch (error) {
      process.stderr.write(`cannot end ${this.stateFolder} in order: ${String(error)}\n`);
      await this.#killAll();
    }
    await rm(this.stateFolder, { recursive: true, force: true });
  }

  /** What bears this world's mark: its state folder in the command line, or its gateway in the environment. */
  async #killAll(): Promise<void> {
    for (const name of await readdir('/proc')) {
      const pid = Number(name);
      if (!Number.isInteger(pid) || pid === process.pid) continue;
      const [commandLine, environment] = await Promise.all(
        ['cmdline', 'environ'].map((file) =>
          // Gone meanwhile, or somebody else's.
          readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => ''),
        ),
      );
      const isOurs =
        commandLine?.includes(this.stateFolder) === true ||
        environment?.split('\0').includes(`TIDEGATE_GATEWAY=${this.gatewayUrl}`) === true;
      if (isOurs && !(await isGone(pid))) process.kill(pid, 'SIGKILL');
    }
  }

  async #call<T>(path: string, schema: z.ZodType<T>, body?: unknown): Promise<T> {
    const answer = await fetch(new URL(path, this.apiUrl), {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        authorization: `Bearer ${await this.token()}`,
        'content-type': 'application/json',
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${path} was answered ${answer.status}: ${text}`);
    return schema.parse(JSON.parse(text));
  }
}

/** Resolves with the first value that is neither null nor false; rejects after `timeoutMs`. */
export async function waitFor<T>(
  what: string,
  look: () => Promise<T | null | false> | T | null | false,
  timeoutMs: number,
): Promise<T> {
  for (const untilMs = performance.now() + timeoutMs; performance.now() < untilMs;) {
    const seen = await look();
    if (seen !== null && seen !== false) return seen;
    await sleep(25);
  }
  throw new Error(`${what} did not come within ${timeoutMs} ms`);
}

/** JSON is YAML too. */
function releaseText({ name, version, env, rollout }: BenchService): string {
  return JSON.stringify({
    apiVersion: 'tidegate.dev/v1',
    kind: 'Service',
    metadata: { name, labels: { version } },
    spec: {
      run: { command: ['node', 'payments.js'], env: { ...env, VERSION: version } },
      health: { ready: '/readyz', live: '/livez', stopGrace: '2s' },
      traffic: { host: `${name}.localhost`, timeout: '2s' },
      rollout,
    },
  });
}

/** All at once, so that none is given twice. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address !== null && typeof address === 'object') ports.push(address.port);
  }
  await Promise.all(servers.map((each) => new Promise((resolve) => each.close(resolve))));
  return ports;
}

/** A zombie that nobody has waited for is gone, too. */
async function isGone(pid: number): Promise<boolean> {
  return (await startTicks(pid)) === null;
}
