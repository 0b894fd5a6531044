import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';

export interface LedgerBytes {
  /** Of an exported entry, its length included. */
  readonly perEntry: number;
  /** The export of a month with its bundles compressed, in MB (10^6 bytes). */
  readonly monthArchivedMb: number;
  /** The database of a month in MB. */
  readonly monthLiveMb: number;
}

/** 200 releases of 300 entries. */
const MONTH_ENTRIES = 200 * 300;

/** Weighs what `measureVerification` left in the folder, for a month of one service. */
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
  return {
    perEntry: bundleBytes / entries,
    monthArchivedMb: archivedBytes * month,
    monthLiveMb: size * month,
  };
}
