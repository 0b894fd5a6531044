import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { promisify } from 'node:util';
import { waitFor } from '../world.ts';

/** Debian puts servers where only root's PATH leads. */
const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin` };

/** Where load and backend run, and where what is measured runs: apart, so that its core is its own. */
export const loadCore = 0;
export const proxyCore = 1;

/** Of util-linux. It becomes the program that it starts, so the process id is the program's. */
export const pin = 'taskset';

/** The programs of this list that are not installed. */
export async function missing(programs: readonly string[]): Promise<readonly string[]> {
  const found = await Promise.all(programs.map((program) => isInstalled(program)));
  return programs.filter((_, index) => found[index] !== true);
}

async function isInstalled(program: string): Promise<boolean> {
  try {
    await promisify(execFile)('which', [program], { env });
    return true;
  } catch {
    // Not there: what needs it is left out, and the result says null.
    return false;
  }
}

/** Processes of one bench, each on one core; disposing kills them all. */
export class Processes implements AsyncDisposable {
  readonly #children = new Set<ChildProcess>();
  readonly #cores: string | null;

  /** `cores`: what all of them may use, in place of the core that each is started with. */
  constructor(cores: string | null = null) {
    this.#cores = cores;
  }

  /** Resolves with its process id when it listens on `port`. */
  async start(core: number, argv: readonly string[], port: number): Promise<number> {
    const child = spawn(pin, ['-c', this.#cores ?? String(core), ...argv], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env,
    });
    this.#children.add(child);
    const what = argv.slice(0, 2).join(' ');
    await waitFor(
      what,
      () => {
        if (child.exitCode !== null) throw new Error(`${what} ended with ${child.exitCode}`);
        return isListening(port);
      },
      60_000,
    );
    return child.pid ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }
    this.#children.clear();
  }
}

/** Asks a master process to end with its workers, and waits for it: by itself a killed master leaves them behind. */
export async function endMaster(pid: number): Promise<void> {
  process.kill(pid, 'SIGTERM');
  await waitFor(`the end of ${pid}`, () => !isThere(pid), 30_000);
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    // No such process any more.
    return false;
  }
}

/** What the program prints; it runs on the core of the load. */
export async function output(argv: readonly string[], signal: AbortSignal): Promise<string> {
  const options = { env, signal, maxBuffer: 1024 * 1024 };
  const { stdout } = await promisify(execFile)(pin, ['-c', String(loadCore), ...argv], options);
  return stdout;
}

/** Keeps this process and the programs it starts off the measured core. */
export async function stayOnLoadCore(): Promise<void> {
  await promisify(execFile)(pin, ['-acp', String(loadCore), String(process.pid)]);
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    // Not yet; the caller asks again until its time is over.
    return false;
  } finally {
    socket.destroy();
  }
}
