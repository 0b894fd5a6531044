import {
  closeSync,
  copyFileSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { LogLine } from '../../../ports/platform.ts';

/** One stream of one instance. `path` grows; `oldPath` is the generation before it, if there is one. */
export interface LogFile {
  readonly instanceId: string;
  readonly stream: LogLine['stream'];
  readonly path: string;
  readonly oldPath: string;
}

const STREAMS: readonly (readonly [LogLine['stream'], string])[] = [
  ['stdout', 'out'],
  ['stderr', 'err'],
];

/**
 * The folder of all logs. Instances write their output straight into files, so they need no server to go on.
 *
 * L1 Files are opened with O_APPEND: each write goes to where the end is at that moment. So a running instance whose file
 *    is cut to nothing goes on at 0, and the file gets no hole of the old length (open(2)).
 * L2 Rotation copies, appends what came meanwhile, and cuts, the last two without a pause between: only what is
 *    written within those microseconds is lost. Renaming instead would leave the instance writing to the old file for good.
 */
export class LogFiles {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = join(folder, 'logs');
  }

  async prepare(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
  }

  of(instanceId: string): readonly LogFile[] {
    return STREAMS.map(([stream, short]) => {
      const path = join(this.#folder, `${instanceId}.${short}.log`);
      return { instanceId, stream, path, oldPath: `${path}.1` };
    });
  }

  /** Instances that have logs, gone ones included. */
  async instanceIds(): Promise<readonly string[]> {
    const names = await readdir(this.#folder);
    const ids = names.filter((name) => name.endsWith('.out.log')).map((name) => name.slice(0, -8));
    return ids.sort(byRevisionThenNumber);
  }

  /** Removes the logs of all but the `kept` latest written of the given instances. */
  async forgetOldest(goneIds: readonly string[], kept: number): Promise<void> {
    const aged = await Promise.all(
      goneIds.map(async (id) => ({ id, writtenAtMs: await lastWriteMs(this.of(id)) })),
    );
    aged.sort((a, b) => b.writtenAtMs - a.writtenAtMs || byRevisionThenNumber(b.id, a.id));
    for (const { id } of aged.slice(kept)) {
      for (const file of this.of(id)) {
        await rm(file.oldPath, { force: true });
        await rm(file.path, { force: true });
      }
    }
  }
}

/** Rotates when the file is over the bound. True when it did. */
export async function rotateWhenOver(file: LogFile, sizeMaxBytes: number): Promise<boolean> {
  const sizeBytes = await stat(file.path).then(
    (found) => found.size,
    () => 0, // Not there: nothing was written, or the logs were removed by hand.
  );
  if (sizeBytes <= sizeMaxBytes) return false;
  rotate(file);
  return true;
}

/** `checkout-0123456789-3` belongs to revision `checkout-0123456789` of `checkout` (see Revision.id, Instance.id). */
export function ownerOf(instanceId: string): {
  readonly service: string;
  readonly revisionId: string;
  readonly number: number;
} {
  const revisionId = instanceId.slice(0, instanceId.lastIndexOf('-'));
  const service = revisionId.slice(0, revisionId.lastIndexOf('-'));
  return { service, revisionId, number: Number(instanceId.slice(revisionId.length + 1)) };
}

/** Copying 10 MiB takes a few milliseconds; doing it in one go keeps what is lost to the last gap (L2). */
function rotate(file: LogFile): void {
  const temporary = `${file.oldPath}.tmp`;
  copyFileSync(file.path, temporary);
  const source = openSync(file.path, 'r+');
  const target = openSync(temporary, 'a');
  try {
    const buffer = Buffer.alloc(64 * 1_024);
    let offset = fstatSync(target).size;
    for (let read = 1; read > 0; offset += read) {
      read = readSync(source, buffer, 0, buffer.length, offset);
      writeSync(target, buffer, 0, read);
    }
    ftruncateSync(source);
    renameSync(temporary, file.oldPath);
  } finally {
    closeSync(source);
    closeSync(target);
  }
}

async function lastWriteMs(files: readonly LogFile[]): Promise<number> {
  const times = await Promise.all(
    files.map((file) =>
      stat(file.path).then(
        (found) => found.mtimeMs,
        () => 0, // One stream's file may be missing; the other tells.
      ),
    ),
  );
  return Math.max(...times);
}

function byRevisionThenNumber(a: string, b: string): number {
  const [left, right] = [ownerOf(a), ownerOf(b)];
  if (left.revisionId !== right.revisionId) return left.revisionId < right.revisionId ? -1 : 1;
  return left.number - right.number;
}
