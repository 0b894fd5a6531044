import { sha256Hex } from '../../domain/evidence/digest.ts';
import { encodePack, packPath } from '../../domain/evidence/input-pack.ts';
import type { PackedInput } from '../../domain/evidence/input-pack.ts';
import { readLeaf } from '../../domain/evidence/leaf.ts';
import { TILE_WIDTH, tilePath, tilesOf, tilesOfLevel } from '../../domain/evidence/tile.ts';
import type { Tile } from '../../domain/evidence/tile.ts';
import type { LedgerStore } from '../../ports/ledger-store.ts';
import type { LedgerTree, StoredCheckpoint } from '../../ports/ledger-tree.ts';
import { tileContent } from './ledger-tiles.ts';
import { requiredBlob } from '../recording/projections.ts';

/** A file of a backup. Of one ledger a path always has the same content, so what is there once is never written again. */
export interface BackupPart {
  readonly path: string;
  content(): Promise<Uint8Array>;
}

type BackedUp = Pick<LedgerStore, 'read' | 'blob'> & Pick<LedgerTree, 'hashes' | 'checkpoints'>;

/** Everything of the first `size` entries that a ledger goes on from. What is appended meanwhile is not in it. */
export async function* backupParts(
  ledger: BackedUp,
  size: number,
  signal: AbortSignal,
): AsyncIterable<BackupPart> {
  for (const tile of tilesOf(size)) {
    yield { path: tilePath(tile), content: () => tileContent(ledger, tile, signal) };
  }
  for (const bundle of tilesOfLevel('entries', size)) {
    yield { path: packPath(bundle), content: () => packContent(ledger, bundle, signal) };
  }
  for (const checkpoint of await ledger.checkpoints(0, signal)) {
    if (!checkpoint.isKept || checkpoint.size >= size) continue;
    yield {
      path: keptCheckpointPath(checkpoint),
      content: async () => Buffer.from(checkpoint.note),
    };
  }
}

/** A later cosignature makes another file. */
export function keptCheckpointPath({ size, note }: Omit<StoredCheckpoint, 'isKept'>): string {
  return `checkpoints/${size}-${sha256Hex(note).slice(0, 8)}`;
}

async function packContent(
  ledger: Pick<LedgerStore, 'read' | 'blob'> & Pick<LedgerTree, 'hashes'>,
  bundle: Tile,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const inputs = new Map<string, PackedInput>();
  const fromIndex = bundle.index * TILE_WIDTH;
  for await (const { index, leaf } of ledger.read({ fromIndex, stream: null }, signal)) {
    if (index >= fromIndex + bundle.width) break;
    for (const { sha256 } of readLeaf(leaf).statement.inputs) {
      if (inputs.has(sha256)) continue;
      inputs.set(sha256, { sha256, bytes: await requiredBlob(ledger, sha256, signal) });
    }
  }
  return encodePack([...inputs.values()]);
}
