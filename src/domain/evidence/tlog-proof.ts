import { EvidenceError } from './canonical-json.ts';
import { parseSize } from './checkpoint.ts';
import { HASH_BYTES } from './digest.ts';
import type { Hash } from './digest.ts';
import { MAX_PROOF_HASHES } from './merkle-proof.ts';
import { readBase64, readUtf8 } from './read-json.ts';
import { MAX_NOTE_BYTES } from './signed-note.ts';

/**
 * That one entry is in a log, in one file (c2sp.org/tlog-proof): the entry's index, the hashes from its sibling up to the root's
 * child, and the checkpoint they lead to, signatures and all. The entry itself stands beside it.
 */
export interface TlogProof {
  readonly index: bigint;
  readonly hashes: readonly Hash[];
  /** A signed note, word for word. */
  readonly note: string;
}

const FIRST_LINE = 'c2sp.org/tlog-proof@v1';

export function formatProof({ index, hashes, note }: TlogProof): string {
  const lines = hashes.map((hash) => `${Buffer.from(hash).toString('base64')}\n`).join('');
  return `${FIRST_LINE}\nindex ${index}\n${lines}\n${note}`;
}

/** Throws an EvidenceError. Extra data, which nothing authenticates, is refused. */
export function parseProof(bytes: Uint8Array): TlogProof {
  if (bytes.length > MAX_NOTE_BYTES) throw new EvidenceError('the proof is too long to be one');
  const text = readUtf8(bytes, 'the proof');
  const split = text.indexOf('\n\n');
  const lines = text.slice(0, Math.max(0, split)).split('\n');
  const [first, indexLine = '', ...hashLines] = lines;
  if (split === -1 || first !== FIRST_LINE) {
    throw new EvidenceError(`the proof does not begin with ${FIRST_LINE}`);
  }
  if (!indexLine.startsWith('index '))
    throw new EvidenceError("the proof's second line is no index");
  return {
    index: parseSize(indexLine.slice('index '.length), "the proof's index"),
    hashes: readHashLines(hashLines),
    note: text.slice(split + 2),
  };
}

/** One base64 hash a line, as in proofs and in what a witness is sent; throws an EvidenceError. */
export function readHashLines(lines: readonly string[]): readonly Hash[] {
  if (lines.length > MAX_PROOF_HASHES) {
    throw new EvidenceError(`the proof has more than ${MAX_PROOF_HASHES} hashes`);
  }
  return lines.map((line) => {
    const hash = readBase64(line, 'a hash of the proof');
    if (hash.length !== HASH_BYTES) throw new EvidenceError('a hash of the proof is not 32 bytes');
    return hash;
  });
}
