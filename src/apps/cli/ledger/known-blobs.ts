import type { LedgerReader } from '../../../adapters/sqlite/sqlite-ledger-store.ts';
import { recordedEntry } from '../../../control/recording/recorder.ts';
import {
  applyBlobEvent,
  BLOB_STREAM,
  type BlobState,
  readBlobEvent,
} from '../../../domain/evidence/blob-event.ts';

/** What the first `size` entries of a ledger say of its blobs. */
export async function knownBlobsIn(
  ledger: Pick<LedgerReader, 'read'>,
  size: number,
  signal: AbortSignal,
): Promise<readonly BlobState[]> {
  const known = new Map<string, BlobState>();
  for await (const stored of ledger.read({ fromIndex: 0, stream: BLOB_STREAM }, signal)) {
    if (stored.index >= size) break;
    const { data, observedAtMs } = recordedEntry(stored);
    applyBlobEvent(known, readBlobEvent(data), observedAtMs);
  }
  return [...known.values()];
}
