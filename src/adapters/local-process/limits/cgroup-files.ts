import {
  closeSync,
  constants,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

/** Files of cgroup v2 are memory, never a disk (cgroups(7)): reading and writing them synchronously takes microseconds. */

/** Null: it is not there, or may not be read. */
export function readControl(folder: string, name: string): string | null {
  try {
    return readFileSync(join(folder, name), 'latin1').trim();
  } catch {
    // For every question asked here a file that can't be read says what one that is not there says.
    return null;
  }
}

/** Opened for writing only and never made: some of them can't be read, and none can be created. Throws as the kernel says. */
export function writeControl(folder: string, name: string, text: string): void {
  const file = openSync(join(folder, name), constants.O_WRONLY);
  try {
    writeSync(file, text);
  } finally {
    closeSync(file);
  }
}

/** Null when written; else the kernel's word for why not. */
export function tryWriteControl(folder: string, name: string, text: string): string | null {
  try {
    writeControl(folder, name, text);
    return null;
  } catch (cause) {
    return codeOf(cause);
  }
}

/** A cgroup that still has processes or children is busy and stays; false then. One that is not there is gone. */
export function removeCgroup(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch (cause) {
    return codeOf(cause) === 'ENOENT';
  }
}

/** Of the cgroups within; empty: none, or it is not there. */
export function childCgroups(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((each) =>
      each.isDirectory() ? [each.name] : [],
    );
  } catch {
    return [];
  }
}

export function pidsIn(folder: string): readonly number[] {
  return (readControl(folder, 'cgroup.procs') ?? '').split('\n').filter(Boolean).map(Number);
}

/** A number of a file of `key value` lines such as memory.events; 0: it has no such line. */
export function countIn(folder: string, name: string, key: string): number {
  const lines = (readControl(folder, name) ?? '').split('\n');
  const found = lines.find((line) => line.startsWith(`${key} `));
  return found === undefined ? 0 : Number(found.slice(key.length + 1));
}

export function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
}
