import { originOf } from '../../domain/evidence/export-format.ts';
import { ORIGIN_STREAM } from '../../domain/evidence/origin-event.ts';
import { LedgerError } from '../../ports/ledger-store.ts';
import type { LedgerStore } from '../../ports/ledger-store.ts';

/** The name that a checkpoint of this size has: made from the newest entry that gave the ledger a name, which entry 0 did first. */
export async function originAt(
  store: Pick<LedgerStore, 'read'>,
  size: number,
  signal: AbortSignal,
): Promise<string> {
  let newest: string | null = null;
  for await (const entry of store.read({ fromIndex: 0, stream: ORIGIN_STREAM }, signal)) {
    if (entry.index < size) newest = entry.leafHash;
  }
  if (newest !== null) return originOf(newest);
  for await (const { leafHash } of store.read({ fromIndex: 0, stream: null }, signal)) {
    return originOf(leafHash);
  }
  throw new LedgerError('corrupt', 'cannot name the ledger: it has no entry', { retryable: false });
}
