import { EvidenceError } from './canonical-json.ts';
import { HASH_BYTES } from './digest.ts';
import type { Hash } from './digest.ts';
import { signatureBytesOf } from './note-key.ts';
import type { NoteKey, NoteKeyType } from './note-key.ts';
import { readBase64 } from './read-json.ts';
import type { NoteLine } from './signed-note.ts';

/**
 * Checkpoints (c2sp.org/tlog-checkpoint) and what is signed of them (c2sp.org/signed-note, c2sp.org/tlog-cosignature):
 *
 *   <origin>            which log
 *   <size>              how many leaves
 *   <base64 root>       the RFC 6962 root over them
 *
 * Extension lines are refused: nobody audits them, and an ML-DSA-44 signature does not cover them.
 */
export interface Checkpoint {
  readonly origin: string;
  readonly size: bigint;
  readonly root: Hash;
}

/** tlog-cosignature writes the length of an origin in one byte. */
export const MAX_ORIGIN_BYTES = 255;

/** Sizes are unsigned 64 bits wide, and no log of ours or of a witness comes near. */
const MAX_SIZE = 2n ** 63n - 1n;

export function checkpointText({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${Buffer.from(root).toString('base64')}\n`;
}

/** Throws an EvidenceError unless `checkpointText` writes exactly this. */
export function parseCheckpoint(text: string): Checkpoint {
  const lines = text.split('\n');
  const [origin = '', sizeText = '', rootText = '', end] = lines;
  if (lines.length !== 4 || end !== '') {
    throw new EvidenceError('a checkpoint has three lines: origin, size, root');
  }
  checkOrigin(origin);
  const size = parseSize(sizeText, "the checkpoint's size");
  const root = readBase64(rootText, "the checkpoint's root");
  if (root.length !== HASH_BYTES) throw new EvidenceError("the checkpoint's root is not 32 bytes");
  return { origin, size, root };
}

/** ASCII decimal without leading zeros; throws an EvidenceError. */
export function parseSize(text: string, what: string): bigint {
  if (!/^(0|[1-9][0-9]{0,18})$/.test(text) || BigInt(text) > MAX_SIZE) {
    throw new EvidenceError(`${what} is not a number from 0 to ${MAX_SIZE}`);
  }
  return BigInt(text);
}

/** What a key of this type signs. Seconds since the Unix epoch; null for a type that has no time. */
export function signedMessage(
  key: Pick<NoteKey, 'name' | 'type'>,
  checkpoint: Checkpoint,
  atSeconds: bigint,
): Uint8Array {
  switch (key.type) {
    case 'ed25519':
      return Buffer.from(checkpointText(checkpoint));
    case 'cosignature-ed25519':
      return Buffer.from(`cosignature/v1\ntime ${atSeconds}\n${checkpointText(checkpoint)}`);
    case 'cosignature-ml-dsa-44':
      return subtreeMessage(key.name, checkpoint, atSeconds);
  }
}

/** The bytes of a note line's signature: the time before it, for types that have one. */
export function signatureOf(
  type: NoteKeyType,
  atSeconds: bigint,
  signature: Uint8Array,
): Uint8Array {
  return type === 'ed25519' ? signature : Buffer.concat([uint64(atSeconds), signature]);
}

/** The time of a valid signature (0 for a type without one), or null when it is not this key's over this checkpoint. */
export function timeOfSignature(
  key: NoteKey,
  line: NoteLine,
  checkpoint: Checkpoint,
): bigint | null {
  if (line.name !== key.name || line.keyId !== key.keyId) return null;
  const bytes = Buffer.from(line.signature);
  const timeBytes = key.type === 'ed25519' ? 0 : 8;
  if (bytes.length !== timeBytes + signatureBytesOf(key.type)) return null;
  const atSeconds = timeBytes === 0 ? 0n : bytes.readBigUInt64BE(0);
  if (atSeconds > MAX_SIZE) return null;
  const message = signedMessage(key, checkpoint, atSeconds);
  return key.isValid(message, bytes.subarray(timeBytes)) ? atSeconds : null;
}

/** `cosigned_message` of tlog-cosignature, for the whole tree: start is 0 and end the size. */
function subtreeMessage(name: string, checkpoint: Checkpoint, atSeconds: bigint): Uint8Array {
  const { origin, size, root } = checkpoint;
  return Buffer.concat([
    Buffer.from('subtree/v1\n\0'),
    shortText(name),
    uint64(atSeconds),
    shortText(origin),
    uint64(0n),
    uint64(size),
    root,
  ]);
}

function shortText(text: string): Uint8Array {
  const bytes = Buffer.from(text);
  return Buffer.concat([Uint8Array.of(bytes.length), bytes]);
}

function uint64(value: bigint): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

function checkOrigin(origin: string): void {
  if (origin === '') throw new EvidenceError("the checkpoint's origin is empty");
  if (Buffer.byteLength(origin) > MAX_ORIGIN_BYTES) {
    throw new EvidenceError(`the checkpoint's origin has more than ${MAX_ORIGIN_BYTES} bytes`);
  }
}
