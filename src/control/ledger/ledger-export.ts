import {
  exportHeaderLine,
  exportTrailerLine,
  originOf,
  unsignedTrailer,
} from '../../domain/evidence/export-format.ts';
import type { Signer } from '../../ports/identity.ts';
import { LedgerError } from '../../ports/ledger-store.ts';
import type { LedgerStore } from '../../ports/ledger-store.ts';

/**
 * The ledger as it is now, as the lines of an export (domain/evidence/export-format.ts), each without its line feed.
 * Entries appended meanwhile are not in it. When the consumer stops early or this throws, the trailer is missing, and
 * so what was written is refused by `verifyExport`. `fromIndex` leaves out the entries before it: the header and the trailer are
 * those of the whole ledger, so that who has verified these can go on (`verifyContinued`).
 */
export async function* exportLedger(
  store: Pick<LedgerStore, 'head' | 'read'>,
  signer: Signer,
  signal: AbortSignal,
  fromIndex = 0,
): AsyncIterable<string> {
  const { size, leafHash } = await store.head(signal);
  const origin = await originIn(store, signal);
  let count = Math.min(fromIndex, size);
  if (origin !== null) yield exportHeaderLine(origin);
  for await (const entry of store.read({ fromIndex: count, stream: null }, signal)) {
    if (count === size) break;
    yield Buffer.from(entry.leaf).toString('utf8');
    count += 1;
  }
  if (leafHash === null || origin === null || count < size) {
    const because = size === 0 ? 'it is empty' : `it has ${count} of ${size} entries`;
    throw new LedgerError('corrupt', `cannot export the ledger: ${because}`, { retryable: false });
  }
  const trailer = unsignedTrailer({ origin, count, headLeafHash: leafHash });
  const signature = await signer.sign(trailer.signedBytes, signal);
  yield exportTrailerLine(trailer, signer.keyId, signature);
}

/** Null: it has no entry. */
async function originIn(
  store: Pick<LedgerStore, 'read'>,
  signal: AbortSignal,
): Promise<string | null> {
  for await (const { leafHash } of store.read({ fromIndex: 0, stream: null }, signal)) {
    return originOf(leafHash);
  }
  return null;
}
