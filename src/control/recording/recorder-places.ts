import type { LedgerStore } from '../../ports/ledger-store.ts';
import { RecorderError } from './recorder-index.ts';

/** Where an entry is. */
export interface RecordedPlace {
  readonly index: number;
  readonly leafHash: string;
}

/** `fresh`: leaf hashes by index. Entries recorded long ago are rare (a call repeated after a crash): their hash is read again. */
export async function placesOf(
  indexes: readonly number[],
  fresh: ReadonlyMap<number, string>,
  store: Pick<LedgerStore, 'read'>,
): Promise<readonly RecordedPlace[]> {
  const places: RecordedPlace[] = [];
  for (const index of indexes) {
    const leafHash = fresh.get(index) ?? (await leafHashAt(index, store));
    places.push({ index, leafHash });
  }
  return places;
}

async function leafHashAt(fromIndex: number, store: Pick<LedgerStore, 'read'>): Promise<string> {
  const query = { fromIndex, stream: null };
  for await (const { leafHash } of store.read(query, new AbortController().signal)) return leafHash;
  throw new RecorderError('unreadable-ledger', `cannot find entry ${fromIndex} again`, {
    retryable: false,
  });
}
