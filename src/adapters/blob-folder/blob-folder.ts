import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';

import { blobPath } from '../../domain/evidence/blob-event.ts';
import { sha256Hex } from '../../domain/evidence/digest.ts';
import { BlobError, type BlobStore, type StoredBlob } from '../../ports/blob-store.ts';

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

/** Raw samples take a third less than by zstd's own choice (3), for some 20 ms of a spare thread's processor time a MB. */
const packing = { params: { [constants.ZSTD_c_compressionLevel]: 12 } };

/** What one blob may have unpacked; stops a decompression bomb. */
const unpackedBytesMax = 64 * 1024 * 1024;

const NAME = /^([0-9a-f]{64})\.zst$/;

/**
 * Blobs as files, compressed with zstd: `blobs/3f/3f9a….zst`, readable for the owner only. A file is written under another name,
 * synced and renamed, so that it is there whole or not at all; what a killed process left half-written goes at the next opening.
 */
export class BlobFolder implements BlobStore {
  readonly #folder: string;
  readonly #quotaBytes: number;
  #usedBytes: number;

  private constructor(folder: string, quotaBytes: number, usedBytes: number) {
    this.#folder = folder;
    this.#quotaBytes = quotaBytes;
    this.#usedBytes = usedBytes;
  }

  /** For who writes, one at a time: what is there counts for the quota. The folder is made when something is put. */
  static async open(folder: string, options: { readonly quotaBytes: number }): Promise<BlobFolder> {
    let usedBytes = 0;
    for (const name of await namesIn(folder)) {
      const path = join(folder, name);
      if (name.endsWith('.tmp')) await rm(path, { force: true });
      else usedBytes += (await stat(path)).size;
    }
    return new BlobFolder(folder, options.quotaBytes, usedBytes);
  }

  /** For who only reads. */
  static reader(folder: string): Pick<BlobStore, 'get' | 'list'> {
    return new BlobFolder(folder, 0, 0);
  }

  /** Bytes on the disk. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  async put(sha256: string, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const path = join(this.#folder, blobPath(sha256));
    if ((await sizeOf(path)) !== null) return;
    const packed = await compress(bytes, packing);
    if (this.#usedBytes + packed.length > this.#quotaBytes) {
      const what = `the quota of ${this.#quotaBytes} bytes has ${this.#usedBytes} used, and ${packed.length} are wanted`;
      throw new BlobError('full', `cannot keep a blob: ${what}`);
    }
    try {
      await writeWhole(path, packed);
    } catch (error) {
      const isFull = error instanceof Error && 'code' in error && FULL.has(String(error.code));
      await rm(`${path}.tmp`, { force: true }).catch(() => undefined);
      throw new BlobError(isFull ? 'full' : 'io', `cannot keep a blob: ${String(error)}`, error);
    }
    this.#usedBytes += packed.length;
  }

  async get(sha256: string, signal: AbortSignal): Promise<Uint8Array | null> {
    signal.throwIfAborted();
    const path = join(this.#folder, blobPath(sha256));
    if ((await sizeOf(path)) === null) return null;
    const bytes = await unpacked(path);
    if (sha256Hex(bytes) === sha256) return bytes;
    throw new BlobError('damaged', `${path} has other bytes than it had; restore it from a backup`);
  }

  async *list(signal: AbortSignal): AsyncIterable<StoredBlob> {
    for (const name of await namesIn(this.#folder)) {
      signal.throwIfAborted();
      const digest = NAME.exec(name.slice(3))?.[1];
      if (digest === undefined) continue;
      const { size, mtimeMs } = await stat(join(this.#folder, name));
      yield { sha256Hex: digest, storedBytes: size, storedAtMs: Math.floor(mtimeMs) };
    }
  }

  async remove(sha256: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const path = join(this.#folder, blobPath(sha256));
    const size = await sizeOf(path);
    if (size === null) return;
    await rm(path, { force: true });
    this.#usedBytes -= size;
  }
}

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

async function unpacked(path: string): Promise<Uint8Array> {
  try {
    return await decompress(await readFile(path), { maxOutputLength: unpackedBytesMax });
  } catch (error) {
    const isFile = error instanceof Error && 'syscall' in error;
    throw new BlobError(isFile ? 'io' : 'damaged', `cannot read ${path}: ${String(error)}`, error);
  }
}

/** Relative names, one folder deep; none when there is no folder. */
async function namesIn(folder: string): Promise<readonly string[]> {
  const names: string[] = [];
  for (const part of await readdir(folder).catch(noFolder)) {
    if (!/^[0-9a-f]{2}$/.test(part)) continue;
    for (const name of await readdir(join(folder, part))) names.push(`${part}/${name}`);
  }
  return names;
}

function noFolder(error: unknown): string[] {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
  throw error;
}

async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const folder = join(path, '..');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = await open(`${path}.tmp`, 'w', 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.tmp`, path);
  for (const each of [folder, join(folder, '..')]) {
    await using handle = await open(each, 'r');
    await handle.sync();
  }
}

async function sizeOf(path: string): Promise<number | null> {
  const found = await stat(path).catch(noFile);
  return found === null ? null : found.size;
}

function noFile(error: unknown): null {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
  throw error;
}
