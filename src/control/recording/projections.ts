import { canonicalJson } from '../../domain/evidence/canonical-json.ts';
import type { Projections } from '../../domain/evidence/backup-manifest.ts';
import { sha256Hex } from '../../domain/evidence/digest.ts';
import type { Signer } from '../../ports/identity.ts';
import { LedgerError } from '../../ports/ledger-store.ts';
import type { LedgerStore } from '../../ports/ledger-store.ts';
import type { LedgerTree } from '../../ports/ledger-tree.ts';
import { plainJson } from './entry-batch.ts';
import { recordedEntry, type RecordedEntry } from './recorder.ts';
import { readEntry, RecorderIndex } from './recorder-index.ts';
import { loadIndex } from './recorder-snapshot.ts';
import { isServiceStream, recoverServices } from './recovery.ts';

export type ReadableLedger = Pick<LedgerStore, 'read' | 'blob'> &
  Pick<LedgerTree, 'edge' | 'hashes' | 'snapshot'>;

/**
 * Everything that is derived from the first `size` entries, as digests: two ledgers that agree in these go on in the same way.
 * With a signer its snapshot is believed and only the entries after it are read; without one all entries are.
 */
export async function projectionsOf(
  ledger: ReadableLedger,
  from: { readonly size: number; readonly signer: Signer | null },
  signal: AbortSignal,
): Promise<Projections> {
  const index = await indexAt(ledger, from, signal);
  const services = await recoverServices(
    tailsOf(ledger, { index, size: from.size }, signal),
    (sha256) => requiredBlob(ledger, sha256, signal),
  );
  const states = [...services]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, { state, lastAtMs }]) => ({ name, lastAtMs, state: plainJson(state) }));
  return {
    index: sha256Hex(canonicalJson(index.toJson())),
    services: sha256Hex(canonicalJson(states)),
  };
}

/** Throws a LedgerError `corrupt` when it isn't there. */
export async function requiredBlob(
  ledger: Pick<LedgerStore, 'blob'>,
  sha256: string,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const bytes = await ledger.blob(sha256, signal);
  if (bytes !== null) return bytes;
  const what = `blob ${sha256} of the ledger is missing; restore the state folder from a backup`;
  throw new LedgerError('corrupt', what, { retryable: false });
}

async function indexAt(
  ledger: ReadableLedger,
  { size, signer }: { readonly size: number; readonly signer: Signer | null },
  signal: AbortSignal,
): Promise<RecorderIndex> {
  const known = signer === null ? null : await loadIndex({ tree: ledger, signer }, signal);
  // The server may have gone on since: what it knows now can't be taken back to `size`.
  const index = known === null || known.size > size ? new RecorderIndex() : known;
  for await (const stored of ledger.read({ fromIndex: index.size, stream: null }, signal)) {
    if (index.size === size) break;
    index.add(readEntry(stored));
  }
  return index;
}

async function* tailsOf(
  ledger: ReadableLedger,
  { index, size }: { readonly index: RecorderIndex; readonly size: number },
  signal: AbortSignal,
): AsyncIterable<RecordedEntry> {
  for (const restart of index.restarts()) {
    if (!isServiceStream(restart.stream)) continue;
    for await (const stored of ledger.read(restart, signal)) {
      if (stored.index >= size) break;
      yield recordedEntry(stored);
    }
  }
}
