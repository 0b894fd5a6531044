import type { Hash } from '../../domain/evidence/digest.ts';
import {
  encodeBundle,
  encodeTile,
  TILE_WIDTH,
  tilePath,
  tilesOf,
} from '../../domain/evidence/tile.ts';
import type { Tile } from '../../domain/evidence/tile.ts';
import { LedgerError } from '../../ports/ledger-store.ts';
import type { LedgerStore } from '../../ports/ledger-store.ts';
import type { LedgerTree } from '../../ports/ledger-tree.ts';

/** A file of a log's export, by its path in the export's folder. */
export interface ExportedFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/**
 * The first `size` entries as the files of c2sp.org/tlog-tiles, without the checkpoint. Full tiles never change, so those that
 * `isThere` already are left out: another export into the same folder writes only what is new.
 */
export async function* exportTiles(
  ledger: Pick<LedgerStore, 'read'> & Pick<LedgerTree, 'hashes'>,
  from: { readonly size: number; readonly isThere: (path: string) => boolean },
  signal: AbortSignal,
): AsyncIterable<ExportedFile> {
  for (const tile of tilesOf(from.size)) {
    const path = tilePath(tile);
    if (tile.width === TILE_WIDTH && from.isThere(path)) continue;
    yield { path, bytes: await tileContent(ledger, tile, signal) };
  }
}

/** The bytes of one of the files of `tilesOf`. */
export async function tileContent(
  ledger: Pick<LedgerStore, 'read'> & Pick<LedgerTree, 'hashes'>,
  { level, index, width }: Tile,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const fromIndex = index * TILE_WIDTH;
  if (level !== 'entries') {
    const hashes: readonly Hash[] = await ledger.hashes({ level, fromIndex, count: width }, signal);
    return encodeTile(hashes);
  }
  const leaves: Uint8Array[] = [];
  for await (const { leaf } of ledger.read({ fromIndex, stream: null }, signal)) {
    leaves.push(leaf);
    if (leaves.length === width) return encodeBundle(leaves);
  }
  const what = `it has ${leaves.length} of ${width} entries from ${fromIndex} on`;
  throw new LedgerError('corrupt', `cannot export the ledger: ${what}`, { retryable: false });
}
