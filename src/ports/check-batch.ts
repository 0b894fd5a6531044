import { leafHashHex, sha256Hex } from '../domain/evidence/digest.ts';
import { MAX_LEAF_BYTES } from '../domain/evidence/leaf.ts';
import { LedgerError } from './ledger-store.ts';
import type { LedgerBatch } from './ledger-store.ts';

/** Throws a LedgerError `invalid-entry` for what no store takes: no entry, a leaf too short or long, bytes of another digest. */
export function checkBatch(batch: LedgerBatch): void {
  if (batch.entries.length === 0) throw invalid('the batch has no entry');
  for (const { leaf, leafHash } of batch.entries) {
    if (leaf.length === 0 || leaf.length > MAX_LEAF_BYTES) {
      throw invalid(`the entry has ${leaf.length} bytes: must be 1-${MAX_LEAF_BYTES}`);
    }
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
