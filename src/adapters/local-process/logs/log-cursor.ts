import { open, stat } from 'node:fs/promises';
import type { LogFile } from './log-files.ts';

/** A longer line is cut into pieces of this length, so that one without an end needs no endless memory. */
const LINE_MAX_BYTES = 64 * 1_024;
/** Read at once. */
const BLOCK_BYTES = 256 * 1_024;
const NEWLINE = 0x0a;

/**
 * A reader's place in one log file, kept over rotations: a new old generation (seen by its inode) means that the rest of
 * what was being read is now in there.
 */
export class LogCursor {
  readonly #file: LogFile;
  #offset = 0;
  #oldInode = 0;
  #rest: Buffer = Buffer.alloc(0);

  private constructor(file: LogFile) {
    this.#file = file;
  }

  /** A cursor at the end of what is there, and the last `tailLines` lines up to it. */
  static async openAtEnd(
    file: LogFile,
    tailLines: number,
  ): Promise<{ readonly cursor: LogCursor; readonly lines: readonly string[] }> {
    const cursor = new LogCursor(file);
    cursor.#oldInode = await inodeOf(file.oldPath);
    const tail = await readTail(file.path, tailLines);
    cursor.#offset = tail.endOffset;
    const missing = tailLines - tail.lines.length;
    const older = missing > 0 ? await readTail(file.oldPath, missing) : { lines: [] };
    return { cursor, lines: [...older.lines, ...tail.lines] };
  }

  /** A cursor before everything kept: for an instance that appeared while following. */
  static atStart(file: LogFile): LogCursor {
    return new LogCursor(file);
  }

  /** Complete lines written since the last call; a line without its end waits for the next. Bounded by the block. */
  async readNew(): Promise<readonly string[]> {
    const oldInode = await inodeOf(this.#file.oldPath);
    const lines: string[] = [];
    if (oldInode !== this.#oldInode) {
      for (let bytes = await this.#readFrom(this.#file.oldPath); bytes.length > 0;) {
        lines.push(...this.#split(bytes));
        bytes = await this.#readFrom(this.#file.oldPath);
      }
      this.#oldInode = oldInode;
      this.#offset = 0;
    }
    lines.push(...this.#split(await this.#readFrom(this.#file.path)));
    return lines;
  }

  async #readFrom(path: string): Promise<Buffer> {
    const bytes = await readBlock(path, this.#offset, BLOCK_BYTES);
    this.#offset += bytes.length;
    return bytes;
  }

  #split(bytes: Buffer): readonly string[] {
    const all = Buffer.concat([this.#rest, bytes]);
    const end =
      all.length - all.lastIndexOf(NEWLINE) - 1 > LINE_MAX_BYTES
        ? all.length
        : all.lastIndexOf(NEWLINE) + 1;
    this.#rest = all.subarray(end);
    return splitLines(all.subarray(0, end));
  }
}

/** The last non-empty lines of a file from an offset on, for saying why a process ended. */
export async function readLastLines(path: string, fromOffset: number): Promise<readonly string[]> {
  const sizeBytes = await sizeOf(path);
  // A file shorter than the offset was rotated meanwhile: all of it is new.
  const start = Math.max(sizeBytes < fromOffset ? 0 : fromOffset, sizeBytes - 8 * 1_024);
  const bytes = await readBlock(path, start, 8 * 1_024);
  return splitLines(bytes).filter((line) => line.trim() !== '');
}

export async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    (found) => found.size,
    () => 0, // Not there: nothing was written.
  );
}

/** Reads blocks backwards until enough lines are there. An unfinished last line counts as one. */
async function readTail(
  path: string,
  lineCount: number,
): Promise<{ readonly lines: readonly string[]; readonly endOffset: number }> {
  const endOffset = await sizeOf(path);
  if (lineCount === 0) return { lines: [], endOffset };
  const blocks: Buffer[] = [];
  let newlines = 0;
  let start = endOffset;
  while (start > 0 && newlines <= lineCount) {
    const length = Math.min(BLOCK_BYTES, start);
    start -= length;
    const block = await readBlock(path, start, length);
    newlines += countNewlines(block);
    blocks.unshift(block);
  }
  const lines = splitLines(Buffer.concat(blocks));
  return { lines: lines.slice(Math.max(0, lines.length - lineCount)), endOffset };
}

function countNewlines(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) count += 1;
  return count;
}

/** Fewer bytes than asked at the end of the file; none when it is not there. */
async function readBlock(path: string, offset: number, length: number): Promise<Buffer> {
  try {
    await using file = await open(path, 'r');
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset);
    return buffer.subarray(0, bytesRead);
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT')
      return Buffer.alloc(0);
    throw cause;
  }
}

function splitLines(bytes: Buffer): readonly string[] {
  const lines: string[] = [];
  let start = 0;
  while (start < bytes.length) {
    const found = bytes.indexOf(NEWLINE, start);
    const lineEnd = found === -1 ? bytes.length : found;
    const end = Math.min(lineEnd, start + LINE_MAX_BYTES);
    lines.push(bytes.toString('utf8', start, end).replace(/\r$/, ''));
    start = end === lineEnd ? end + 1 : end;
  }
  return lines;
}

async function inodeOf(path: string): Promise<number> {
  return stat(path).then(
    (found) => found.ino,
    () => 0, // Never rotated yet.
  );
}
