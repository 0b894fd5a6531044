import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findGateway } from '../../src/adapters/gateway/gateway-file.ts';
import { residentBytesOf } from '../process-stat.ts';
import { projectFolder, waitFor } from '../world.ts';
import { build } from '../gateway/build.ts';
import { hostName, type InstancePorts, Weights } from './weights.ts';

const memoryEveryMs = 200;

/** A gateway in a process of its own before four instances, whose weights change for as long as it is open. */
export interface SoakPlace extends AsyncDisposable {
  readonly port: number;
  readonly weights: Weights;
  readonly host: typeof hostName;
  /** Resident memory of the gateway now, and the most of it since the last call. */
  readonly residentMb: () => Promise<{ readonly nowMb: number; readonly mostMb: number }>;
}

export interface SoakPlaceOptions {
  /** As it is installed; otherwise Node strips the types, which takes 30 MB or so. */
  readonly isBuilt: boolean;
  /** Callers may speak HTTP/2 without TLS. */
  readonly isHttp2: boolean;
  readonly signal: AbortSignal;
}

export async function openSoakPlace({
  isBuilt,
  isHttp2,
  signal,
}: SoakPlaceOptions): Promise<SoakPlace> {
  const resources = new AsyncDisposableStack();
  try {
    const folder = await mkdtemp(join(tmpdir(), 'tidegate-soak-'));
    resources.defer(() => rm(folder, { recursive: true, force: true }));
    const instances = fork(join(import.meta.dirname, 'instance.ts'), { stdio: 'inherit' });
    resources.defer(() => ended(instances));
    const [ports] = (await once(instances, 'message', { signal })) as [InstancePorts];
    const entry = isBuilt
      ? await build(folder)
      : join(projectFolder, 'src', 'apps', 'gateway', 'main.ts');
    const own = ['--state', folder, '--listen', '127.0.0.1:0', '--engine', 'fast'];
    const argv = [entry, ...own, ...(isHttp2 ? ['--h2c'] : [])];
    const gateway = spawn(process.execPath, argv, { stdio: ['ignore', 'ignore', 'inherit'] });
    resources.defer(() => ended(gateway));
    const file = await waitFor('the gateway', () => findGateway(folder), 120_000);
    const weights = await Weights.change(file.controlSocket, ports, signal);
    resources.use(weights);
    const memory = watchMemory(file.pid);
    resources.defer(() => memory.stop());
    return {
      port: file.port,
      host: hostName,
      weights,
      residentMb: memory.residentMb,
      [Symbol.asyncDispose]: () => resources.disposeAsync(),
    };
  } catch (error) {
    await resources.disposeAsync();
    throw error;
  }
}

function watchMemory(pid: number) {
  let mostBytes = 0;
  const look = async (): Promise<number> => {
    // Gone at the end, and told by whoever asked it something.
    const bytes = await residentBytesOf(pid).catch(() => 0);
    mostBytes = Math.max(mostBytes, bytes);
    return bytes;
  };
  const timer = setInterval(() => void look(), memoryEveryMs);
  return {
    residentMb: async () => {
      const nowBytes = await look();
      const mostMb = mostBytes / 1024 ** 2;
      mostBytes = nowBytes;
      return { nowMb: nowBytes / 1024 ** 2, mostMb };
    },
    stop: () => clearInterval(timer),
  };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

/** How many files this process may have open: proc(5), /proc/self/limits. */
export async function filesMax(): Promise<number> {
  const text = await readFile('/proc/self/limits', 'utf8');
  const found = /^Max open files\s+(\d+|unlimited)/m.exec(text)?.[1];
  return found === 'unlimited' ? Infinity : Number(found ?? 0);
}
