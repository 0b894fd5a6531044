import { EvidenceError } from './canonical-json.ts';
import { parseSize } from './checkpoint.ts';
import type { Hash } from './digest.ts';
import { readUtf8 } from './read-json.ts';
import { readHashLines } from './tlog-proof.ts';

/**
 * What a log sends to a witness (c2sp.org/tlog-witness, add-checkpoint): the size it thinks the witness knows, the consistency
 * proof from there, and the new checkpoint:
 *
 *   old <size>
 *   <base64 hash>...
 *
 *   <signed note>
 */
export interface WitnessRequest {
  readonly oldSize: bigint;
  readonly proof: readonly Hash[];
  /** Word for word. */
  readonly note: string;
}

/** The specification's limit. */
export const MAX_WITNESS_PROOF = 63;

export function formatWitnessRequest({ oldSize, proof, note }: WitnessRequest): string {
  const lines = proof.map((hash) => `${Buffer.from(hash).toString('base64')}\n`).join('');
  return `old ${oldSize}\n${lines}\n${note}`;
}

/** Throws an EvidenceError. The note is not read here. */
export function parseWitnessRequest(bytes: Uint8Array): WitnessRequest {
  const text = readUtf8(bytes, 'the request');
  const split = text.indexOf('\n\n');
  const [old = '', ...hashes] = text.slice(0, Math.max(0, split)).split('\n');
  if (split === -1 || !old.startsWith('old ')) {
    throw new EvidenceError('the request does not begin with the old size');
  }
  if (hashes.length > MAX_WITNESS_PROOF) {
    throw new EvidenceError(`the proof has more than ${MAX_WITNESS_PROOF} hashes`);
  }
  return {
    oldSize: parseSize(old.slice('old '.length), 'the old size'),
    proof: readHashLines(hashes),
    note: text.slice(split + 2),
  };
}
