import { readdirSync, readFileSync } from 'node:fs';
import { endianness } from 'node:os';
import { isForWantHere } from './want-here.ts';

/** What /proc says of one process. Procfs is memory, never a disk: reading it synchronously takes microseconds. */
export interface ProcessStat {
  readonly pid: number;
  /** One letter of proc_pid_stat(5): Z and X are dead. */
  readonly state: string;
  readonly groupId: number;
  /** Clock ticks since boot. With pid and boot id it names one process for good. */
  readonly startTicks: number;
  /** Of the process and of its children that were waited for. */
  readonly cpuSeconds: number;
  readonly rssBytes: number;
}

/** Null: no such process. Throws, as all here, where this process has no descriptor or memory left to look. */
export function readProcess(pid: number): ProcessStat | null {
  const text = readOrNull(`/proc/${pid}/stat`);
  return text === null ? null : parseProcessStat(text);
}

export function readAllProcesses(): readonly ProcessStat[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => readProcess(Number(name)))
    .filter((stat) => stat !== null);
}

/** Children started by the main thread; [] when the kernel does not tell (CONFIG_PROC_CHILDREN). */
export function readChildren(pid: number): readonly number[] {
  const text = readOrNull(`/proc/${pid}/task/${pid}/children`) ?? '';
  return text.split(' ').filter(Boolean).map(Number);
}

/** A zombie has ended; only its parent has not asked yet, and in a container nobody may ever ask. */
export function isRunning(stat: ProcessStat): boolean {
  return stat.state !== 'Z' && stat.state !== 'X';
}

/** Whether the process was started with this variable. False also when it is gone or belongs to someone else. */
export function hasVariable(pid: number, name: string, value: string): boolean {
  const text = readOrNull(`/proc/${pid}/environ`);
  return text !== null && text.split('\0').includes(`${name}=${value}`);
}

/** Changes at each start of the machine: pids and start times of another boot mean nothing. */
export function readBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

/**
 * Fields as in proc_pid_stat(5), counted there from 1. The name (2) may hold spaces and brackets, so counting starts
 * behind its last bracket.
 */
export function parseProcessStat(text: string): ProcessStat | null {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const field = (number: number): number => Number(fields[number - 3]);
  const state = fields[0];
  const pid = Number.parseInt(text, 10);
  if (state === undefined || fields.length < 22 || !Number.isInteger(pid)) return null;
  return {
    pid,
    state,
    groupId: field(5),
    startTicks: field(22),
    cpuSeconds: (field(14) + field(15) + field(16) + field(17)) / kernel.ticksPerSecond,
    rssBytes: field(24) * kernel.pageBytes,
  };
}

const kernel = readKernelUnits();

/** Page size and clock tick from the auxiliary vector (getauxval(3): AT_PAGESZ 6, AT_CLKTCK 17), pairs of 64 bit. */
function readKernelUnits(): { readonly pageBytes: number; readonly ticksPerSecond: number } {
  const bytes = readFileSync('/proc/self/auxv');
  const word = (offset: number): number =>
    Number(endianness() === 'LE' ? bytes.readBigUInt64LE(offset) : bytes.readBigUInt64BE(offset));
  const units = new Map<number, number>();
  for (let offset = 0; offset + 16 <= bytes.length; offset += 16) {
    units.set(word(offset), word(offset + 8));
  }
  return { pageBytes: units.get(6) ?? 4_096, ticksPerSecond: units.get(17) ?? 100 };
}

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'latin1');
  } catch (cause) {
    // What can't be looked at now is neither gone nor somebody else's: nobody may be ended or given up for that.
    if (isForWantHere(cause)) throw cause;
    // ENOENT and ESRCH: the process is gone. EACCES: it is not ours. For every question asked here both mean "not it".
    return null;
  }
}
