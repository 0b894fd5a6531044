import { mkdirSync } from 'node:fs';
import type { Clock } from '../../../ports/clock.ts';
import {
  codeOf,
  countIn,
  pidsIn,
  readControl,
  removeCgroup,
  tryWriteControl,
  writeControl,
} from './cgroup-files.ts';
import { pause } from '../pause.ts';
import { groupMembers, type ProcessIdentity } from '../process-group.ts';
import type { LocalProcessSettings } from '../settings.ts';

/** What an instance gets of the machine; absent: nothing is said. */
export interface Share {
  /** Of the machine where it is short. */
  readonly requestedCores?: number;
  readonly coresMax?: number;
  readonly memoryBytesMax?: number;
}

/** Whole periods of the scheduler; 1 ms of it is the least that it takes (cgroup v2, cpu.max). */
const periodUs = 100_000;
const membersRoundsMax = 20;

/**
 * Makes the cgroup of one life of an instance and writes its share. A text for each file that the kernel did not take; throws when
 * the cgroup itself can't be made.
 *
 * Memory: `memory.max`, no swap, and all of its processes end together (`memory.oom.group`), as half an instance serves nobody.
 */
export function makeCgroup(
  folder: string,
  share: Share,
): Readonly<Record<'memory' | 'cpu', string | null>> {
  mkdirSync(folder);
  const write = (name: string, text: string): string | null => {
    const code = tryWriteControl(folder, name, text);
    return code === null ? null : `${name}: ${code}`;
  };
  const { requestedCores, coresMax, memoryBytesMax } = share;
  const memory =
    memoryBytesMax === undefined
      ? null
      : (write('memory.max', `${memoryBytesMax}`) ??
        write('memory.oom.group', '1') ??
        withoutSwap(folder, write));
  const weight =
    requestedCores === undefined ? null : write('cpu.weight', `${cpuWeight(requestedCores)}`);
  const quota = (cores: number) => `${Math.max(1_000, Math.round(cores * periodUs))} ${periodUs}`;
  const limit = coresMax === undefined ? null : write('cpu.max', quota(coresMax));
  return { memory, cpu: limit ?? weight };
}

/** A kernel without swap accounting has no such file; then there is none to bound, or it says so. */
function withoutSwap(
  folder: string,
  write: (name: string, text: string) => string | null,
): string | null {
  if (readControl(folder, 'memory.swap.max') !== null) return write('memory.swap.max', '0');
  const hasSwap = (readControl('/proc', 'swaps') ?? '').split('\n').length > 1;
  return hasSwap ? 'memory.swap.max: the kernel does not count swap by cgroup' : null;
}

/**
 * `cpu.weight` (1 to 10,000) for requested cores, as Kubernetes reckons it (KEP-2254): shares are 1,024 a core, between 2 and
 * 262,144, and those are laid on the weights evenly. One core is 39, half a core 20.
 */
export function cpuWeight(cores: number): number {
  const shares = Math.min(262_144, Math.max(2, Math.floor(cores * 1_024)));
  return Math.floor(1 + ((shares - 2) * 9_999) / 262_142);
}

/**
 * Puts the process group into the cgroup: its leader, and what that has started meanwhile. What it had taken before counts where it
 * was. Null: all are in it.
 */
export function enterCgroup(folder: string, identity: ProcessIdentity): string | null {
  for (let round = 0; round < membersRoundsMax; round += 1) {
    const present = new Set(pidsIn(folder));
    const outside = groupMembers(identity).filter(({ pid }) => !present.has(pid));
    if (outside.length === 0) return null;
    for (const { pid } of outside) {
      const code = tryWriteControl(folder, 'cgroup.procs', `${pid}`);
      // It ended meanwhile.
      if (code !== null && code !== 'ESRCH') return `cgroup.procs: ${code}`;
    }
  }
  return 'cgroup.procs: it starts processes faster than they can be moved';
}

/** Whether the kernel has ended processes of it at their limit of memory. */
export function wasOutOfMemory(folder: string): boolean {
  return countIn(folder, 'memory.events', 'oom_kill') > 0;
}

/** Ends all that is left in it, whatever group it has made itself, and removes it. False: it is not empty in time. */
export async function endCgroup(
  folder: string,
  { clock, settings }: { readonly clock: Clock; readonly settings: LocalProcessSettings },
): Promise<boolean> {
  const untilMs = clock.nowMs() + settings.killWaitMs;
  while (!removeCgroup(folder)) {
    if (clock.nowMs() >= untilMs) return false;
    killAll(folder);
    await pause(clock, settings.goneCheckIntervalMs, new AbortController().signal);
  }
  return true;
}

/** What is in the cgroup was started by the instance, so it is surely ours. */
function killAll(folder: string): void {
  try {
    writeControl(folder, 'cgroup.kill', '1');
  } catch (cause) {
    // Kernels before 5.14 have no such file.
    if (codeOf(cause) !== 'ENOENT') return;
    for (const pid of pidsIn(folder)) killQuietly(pid);
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone meanwhile, or not allowed: the next round, or the bound, tells.
  }
}
