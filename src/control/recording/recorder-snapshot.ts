import {
  canonicalJson,
  EvidenceError,
  parseCanonicalJson,
} from '../../domain/evidence/canonical-json.ts';
import type { JsonValue } from '../../domain/evidence/canonical-json.ts';
import { hexOfHash, sha256Hex } from '../../domain/evidence/digest.ts';
import { noteKey, rawKeyOf } from '../../domain/evidence/note-key.ts';
import {
  readBase64,
  readCount,
  readObject,
  readSha256,
  readUtf8,
} from '../../domain/evidence/read-json.ts';
import type { Signer } from '../../ports/identity.ts';
import type { LedgerTree } from '../../ports/ledger-tree.ts';
import { rootAt } from '../ledger/ledger-proofs.ts';
import { RecorderIndex } from './recorder-index.ts';

/**
 * What the recorder knew of the entries, so that a start reads only those that came after.
 *
 * Believed when the ledger's own key has signed it together with a size and the Merkle root at that size, and the store still has
 * that root there. Anything else is as if there were none: then all entries are read, which is right at any time.
 */
const SNAPSHOT = 'recorder';
const FIRST_LINE = 'tidegate.dev/recorder-snapshot/v1';

export async function saveIndex(
  parts: { readonly tree: LedgerTree; readonly signer: Signer; readonly index: RecorderIndex },
  signal: AbortSignal,
): Promise<void> {
  const { tree, signer, index } = parts;
  const { size } = index;
  // Taken before anything is awaited: the index goes on meanwhile.
  const content = JSON.stringify(index.toJson());
  const root = hexOfHash(await rootAt(tree, size, signal));
  const signature = await signer.sign(messageOf({ size, root, content }), signal);
  const head = canonicalJson({ size, root, signature: Buffer.from(signature).toString('base64') });
  await tree.saveSnapshot(SNAPSHOT, Buffer.from(`${head}\n${content}`), signal);
}

/** Null: there is none to be believed. */
export async function loadIndex(
  parts: {
    readonly tree: Pick<LedgerTree, 'snapshot' | 'edge' | 'hashes'>;
    readonly signer: Signer;
  },
  signal: AbortSignal,
): Promise<RecorderIndex | null> {
  const { tree, signer } = parts;
  const bytes = await tree.snapshot(SNAPSHOT, signal);
  if (bytes === null) return null;
  try {
    const text = readUtf8(bytes, 'the snapshot');
    const split = text.indexOf('\n');
    const content = text.slice(split + 1);
    const { size, root, signature } = readHead(text.slice(0, Math.max(0, split)));
    const edge = await tree.edge(signal);
    if (size > edge.size || hexOfHash(await rootAt(tree, size, signal)) !== root) return null;
    // The name is no part of what is signed here: only how to check a bare Ed25519 signature is wanted of a note's key.
    const key = noteKey('recorder', 'ed25519', rawKeyOf('ed25519', signer.publicKey));
    if (!key.isValid(messageOf({ size, root, content }), signature)) return null;
    const index = RecorderIndex.fromJson(JSON.parse(content) as JsonValue);
    return index.size === size ? index : null;
  } catch (error) {
    if (error instanceof EvidenceError || error instanceof SyntaxError) return null;
    throw error;
  }
}

function messageOf(of: {
  readonly size: number;
  readonly root: string;
  readonly content: string;
}): Uint8Array {
  return Buffer.from(`${FIRST_LINE}\n${of.size}\n${of.root}\n${sha256Hex(of.content)}\n`);
}

function readHead(line: string) {
  const head = readObject(parseCanonicalJson(line), ['size', 'root', 'signature'], 'the snapshot');
  return {
    size: readCount(head['size'], 'size'),
    root: readSha256(head['root'], 'root'),
    signature: readBase64(head['signature'], 'signature'),
  };
}
