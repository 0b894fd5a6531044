import { leafHashHex, sha256Hex } from '../../domain/evidence/digest.ts';
import { MAX_LEAF_BYTES } from '../../domain/evidence/leaf.ts';
import { LedgerError } from '../../ports/ledger-store.ts';
import type {
  LedgerBatch,
  LedgerHead,
  LedgerQuery,
  LedgerStore,
  StoredEntry,
} from '../../ports/ledger-store.ts';

/** A ledger that lives as long as the object: for tests and simulated worlds. It survives a crash of its users. */
export class MemoryLedgerStore implements LedgerStore {
  readonly #entries: StoredEntry[] = [];
  readonly #blobs = new Map<string, Uint8Array>();

  async head(signal: AbortSignal): Promise<LedgerHead> {
    signal.throwIfAborted();
    return { size: this.#entries.length, leafHash: this.#entries.at(-1)?.leafHash ?? null };
  }

  async append(batch: LedgerBatch, signal: AbortSignal): Promise<'appended' | 'conflict'> {
    signal.throwIfAborted();
    checkBatch(batch);
    if (batch.expectedSize !== this.#entries.length) return 'conflict';
    for (const { stream, leaf, leafHash } of batch.entries) {
      this.#entries.push({ index: this.#entries.length, stream, leaf: leaf.slice(), leafHash });
    }
    for (const blob of batch.blobs) this.#blobs.set(blob.sha256Hex, blob.bytes.slice());
    return 'appended';
  }

  async *read(query: LedgerQuery, signal: AbortSignal): AsyncIterable<StoredEntry> {
    const end = this.#entries.length;
    for (let index = query.fromIndex; index < end; index += 1) {
      signal.throwIfAborted();
      const entry = this.#entries[index];
      if (entry === undefined) return;
      if (query.stream !== null && query.stream !== entry.stream) continue;
      yield { ...entry, leaf: entry.leaf.slice() };
    }
  }

  async blob(sha256Hex: string, signal: AbortSignal): Promise<Uint8Array | null> {
    signal.throwIfAborted();
    return this.#blobs.get(sha256Hex)?.slice() ?? null;
  }
}

function checkBatch(batch: LedgerBatch): void {
  if (batch.entries.length === 0) throw invalid('the batch has no entry');
  for (const { leaf, leafHash } of batch.entries) {
    if (leaf.length > MAX_LEAF_BYTES) throw invalid(`the entry has ${leaf.length} bytes`);
    if (leafHashHex(leaf) !== leafHash) throw invalid(`the leaf does not hash to ${leafHash}`);
  }
  for (const blob of batch.blobs) {
    if (sha256Hex(blob.bytes) !== blob.sha256Hex) {
      throw invalid(`the blob does not hash to ${blob.sha256Hex}`);
    }
  }
}

function invalid(what: string): LedgerError {
  return new LedgerError('invalid-entry', `cannot append to the ledger: ${what}`, {
    retryable: false,
  });
}
