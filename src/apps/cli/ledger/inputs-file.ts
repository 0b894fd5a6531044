import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

import { CliError } from '../cli-error.ts';

/**
 * What the entries of an exported ledger were decided from, in a file beside it: a line that names the format, then one line
 * for each digest, `<sha256> <base64 of the bytes>`. It needs no signature: the entries are signed and name the digests,
 * and whoever reads bytes here compares them.
 */
export const inputsFormat = 'tidegate-ledger-inputs/v1';

/** Where the inputs of an exported ledger are kept. */
export function inputsPathOf(ledgerPath: string): string {
  return `${ledgerPath}.inputs`;
}

export async function writeInputs(
  path: string,
  inputs: AsyncIterable<{ readonly sha256: string; readonly bytes: Uint8Array }>,
): Promise<number> {
  await using file = await open(path, 'w', 0o600);
  await file.write(`${inputsFormat}\n`);
  let count = 0;
  for await (const { sha256, bytes } of inputs) {
    await file.write(`${sha256} ${Buffer.from(bytes).toString('base64')}\n`);
    count += 1;
  }
  await file.sync();
  return count;
}

/** Bytes by digest, read from the file when they are asked for; only where each one stands is kept in memory. */
export class InputsFile implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #places: ReadonlyMap<string, Place>;

  private constructor(file: FileHandle, places: ReadonlyMap<string, Place>) {
    this.#file = file;
    this.#places = places;
  }

  /** Null: there is no such file. */
  static async open(path: string, signal: AbortSignal): Promise<InputsFile | null> {
    let file: FileHandle;
    try {
      file = await open(path, 'r');
    } catch (cause) {
      if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return null;
      throw cause;
    }
    try {
      return new InputsFile(file, await placesIn(path, signal));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Null: the file has no bytes of this digest. Whether they are the right ones is for the caller to check. */
  async read(sha256: string): Promise<Uint8Array | null> {
    const place = this.#places.get(sha256);
    if (place === undefined) return null;
    const buffer = Buffer.alloc(place.lengthBytes);
    await this.#file.read(buffer, 0, place.lengthBytes, place.offsetBytes);
    return Buffer.from(buffer.toString('latin1'), 'base64');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

interface Place {
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

const digestLength = 64;

async function placesIn(path: string, signal: AbortSignal): Promise<ReadonlyMap<string, Place>> {
  const places = new Map<string, Place>();
  let lineNumber = 0;
  let lineStart = 0;
  /** The first bytes of the line under way, as many as are needed to read its digest. */
  let head = '';
  let position = 0;
  const endLine = (end: number): void => {
    lineNumber += 1;
    if (lineNumber === 1) requireHeader(path, head);
    else addPlace(places, { path, lineNumber, head, lineStart, end });
    lineStart = end + 1;
    head = '';
  };
  for await (const chunk of createReadStream(path, { signal })) {
    const bytes = Buffer.from(chunk as Uint8Array);
    let from = 0;
    for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, from)) {
      head += bytes.toString('latin1', from, Math.min(at, from + headLength - head.length));
      endLine(position + at);
      from = at + 1;
    }
    const missing = Math.max(0, headLength - head.length);
    head += bytes.toString('latin1', from, Math.min(bytes.length, from + missing));
    position += bytes.length;
  }
  if (lineNumber === 0 || position > lineStart) throw unreadable(path, 'it was cut off');
  return places;
}

const headLength = digestLength + 1;

function requireHeader(path: string, line: string): void {
  if (line === inputsFormat) return;
  throw unreadable(path, `its first line is not ${inputsFormat}`);
}

function addPlace(
  places: Map<string, Place>,
  line: { path: string; lineNumber: number; head: string; lineStart: number; end: number },
): void {
  const { path, lineNumber, head, lineStart, end } = line;
  if (!/^[0-9a-f]{64} $/.test(head)) {
    throw unreadable(path, `line ${lineNumber} does not begin with a digest`);
  }
  const offsetBytes = lineStart + headLength;
  places.set(head.slice(0, digestLength), { offsetBytes, lengthBytes: end - offsetBytes });
}

function unreadable(path: string, because: string): CliError {
  return new CliError(`cannot read ${path}: ${because}`, {
    code: 'unreadable',
    remedy: 'save it again: tidegate verify --save FILE --with-inputs',
  });
}
