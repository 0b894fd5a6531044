import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';

import { measureBlobs, type ReleaseBlobs } from './blobs.ts';

export interface LedgerBytes {
  /** Of an exported entry, its length included. */
  readonly perEntry: number;
  /** The export of a month with its bundles compressed, and its blobs, in MB (10^6 bytes). */
  readonly monthArchivedMb: number;
  /** The database and the blobs of a month in MB. */
  readonly monthLiveMb: number;
  /** The blobs alone: they are kept as compressed as in an archive. */
  readonly monthBlobsMb: number;
  readonly blobs: ReleaseBlobs;
}

const MONTH_RELEASES = 200;
/** 300 in each release. */
const MONTH_ENTRIES = MONTH_RELEASES * 300;

/** Weighs what `measureVerification` left in the folder, and what releases leave beside it, for a month of one service. */
export async function measureBytes(folder: string, signal: AbortSignal): Promise<LedgerBytes> {
  signal.throwIfAborted();
  let entries = 0;
  let bundleBytes = 0;
  let archivedBytes = 0;
  const exported = join(folder, 'export');
  for (const each of await readdir(exported, { recursive: true, withFileTypes: true })) {
    if (!each.isFile()) continue;
    const path = join(each.parentPath, each.name);
    const bytes = await readFile(path);
    if (!path.includes('/tile/entries/')) {
      archivedBytes += bytes.length;
      continue;
    }
    bundleBytes += bytes.length;
    archivedBytes += zstdCompressSync(bytes).length;
    for (let at = 0; at < bytes.length; at += 2 + bytes.readUInt16BE(at)) entries += 1;
  }
  const { size } = await stat(join(folder, 'ledger.db'));
  const month = MONTH_ENTRIES / entries / 1_000_000;
  const blobs = await measureBlobs(folder, signal);
  const monthBlobsMb = (blobs.allBytes * MONTH_RELEASES) / 1_000_000;
  return {
    perEntry: bundleBytes / entries,
    monthArchivedMb: archivedBytes * month + monthBlobsMb,
    monthLiveMb: size * month + monthBlobsMb,
    monthBlobsMb,
    blobs,
  };
}
