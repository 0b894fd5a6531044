import { canonicalJson, EvidenceError } from './canonical-json.ts';
import { leafHashHex } from './digest.ts';
import { encodedText, envelopeText, readEnvelopeBytes } from './envelope.ts';
import type { SecondSignature } from './envelope.ts';
import { readStatement, statementJson } from './statement.ts';
import type { Statement } from './statement.ts';

/**
 * A leaf is one entry's bytes: the canonical JSON of a DSSE envelope over an in-toto statement. These bytes never
 * change again; a Merkle log takes them as they are (docs/decisions/0004-entry-format.md).
 */

export const PAYLOAD_TYPE = 'application/vnd.in-toto+json';

/** With all its signatures. tlog-tiles writes an entry's length in 16 bits (65,535). */
export const MAX_LEAF_BYTES = 60 * 1024;

export interface Leaf {
  /** Hex SHA-256(0x00 || bytes). */
  readonly leafHash: string;
  readonly statement: Statement;
  readonly keyId: string;
  readonly signature: Uint8Array;
  /** Null: it is signed with Ed25519 alone. */
  readonly second: SecondSignature | null;
  readonly signedBytes: Uint8Array;
}

/** What has to be signed for `statement`; throws an EvidenceError when it has no canonical form. */
export interface UnsignedLeaf {
  readonly payload: Uint8Array;
  readonly signedBytes: Uint8Array;
}

export function unsignedLeaf(statement: Statement): UnsignedLeaf {
  return encodedText(PAYLOAD_TYPE, canonicalJson(statementJson(statement)));
}

export function leafBytes(
  unsigned: UnsignedLeaf,
  keyId: string,
  signature: Uint8Array,
  second: SecondSignature | null = null,
): Uint8Array {
  const { payload } = unsigned;
  const parts = { payloadType: PAYLOAD_TYPE, payload, keyId, signature, second };
  const bytes = Buffer.from(envelopeText(parts));
  checkSize(bytes);
  return bytes;
}

/** Reads a leaf without checking its signature; throws an EvidenceError. */
export function readLeaf(bytes: Uint8Array): Leaf {
  return { leafHash: leafHashHex(bytes), ...readLeafContent(bytes) };
}

/** As `readLeaf`, for who has hashed it already. */
export function readLeafContent(bytes: Uint8Array): Omit<Leaf, 'leafHash'> {
  checkSize(bytes);
  const envelope = readEnvelopeBytes(bytes);
  if (envelope.payloadType !== PAYLOAD_TYPE) {
    throw new EvidenceError(`payloadType ${envelope.payloadType} is not ${PAYLOAD_TYPE}`);
  }
  return {
    statement: readStatement(envelope.payload),
    keyId: envelope.keyId,
    signature: envelope.signature,
    second: envelope.second,
    signedBytes: envelope.signedBytes,
  };
}

function checkSize(bytes: Uint8Array): void {
  if (bytes.length > MAX_LEAF_BYTES) {
    throw new EvidenceError(
      `the entry has ${bytes.length} bytes, more than the ${MAX_LEAF_BYTES} allowed: put large data in a blob`,
    );
  }
}
