import { createPublicKey, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

import { EvidenceError } from './canonical-json.ts';
import { sha256Hex } from './digest.ts';
import { readBase64 } from './read-json.ts';

/**
 * Public keys of signed notes (c2sp.org/signed-note) and their text form, the vkey: `<name>+<key id>+<base64 of type and key>`.
 *
 * Types, of signed-note and tlog-cosignature:
 *   0x01  Ed25519 over the note's text
 *   0x04  Ed25519 over a time and the note's text: a witness's cosignature
 *   0x06  ML-DSA-44 over name, time, origin, size and root: cosignature, and what a log should sign with
 */
export interface NoteKey {
  readonly name: string;
  readonly type: NoteKeyType;
  /** As the signature scheme encodes it: 32 bytes of Ed25519, 1,312 of ML-DSA-44. */
  readonly publicKey: Uint8Array;
  /** Eight lower-case hex digits: SHA-256(name || 0x0A || type || public key), cut to four bytes. */
  readonly keyId: string;
  readonly isValid: (message: Uint8Array, signature: Uint8Array) => boolean;
}

export type NoteKeyType = 'ed25519' | 'cosignature-ed25519' | 'cosignature-ml-dsa-44';

interface Scheme {
  readonly typeByte: number;
  /** DER of the SPKI up to the key's own bytes (RFC 8410 section 4, RFC 9881 section 4). */
  readonly spkiPrefix: Uint8Array;
  readonly keyBytes: number;
  readonly signatureBytes: number;
}

const ED25519_SPKI = Buffer.from('302a300506032b6570032100', 'hex');
const ML_DSA_44_SPKI = Buffer.from('30820532300b06096086480165030403110382052100', 'hex');

const SCHEMES: Readonly<Record<NoteKeyType, Scheme>> = {
  ed25519: { typeByte: 1, spkiPrefix: ED25519_SPKI, keyBytes: 32, signatureBytes: 64 },
  'cosignature-ed25519': {
    typeByte: 4,
    spkiPrefix: ED25519_SPKI,
    keyBytes: 32,
    signatureBytes: 64,
  },
  'cosignature-ml-dsa-44': {
    typeByte: 6,
    spkiPrefix: ML_DSA_44_SPKI,
    keyBytes: 1_312,
    signatureBytes: 2_420,
  },
};

/** Names stand in lines with spaces and in vkeys with pluses; tlog-cosignature writes their length in one byte. */
export const MAX_NAME_BYTES = 255;

/** Throws an EvidenceError when the name or the key can't be one. */
export function noteKey(name: string, type: NoteKeyType, publicKey: Uint8Array): NoteKey {
  const { typeByte, keyBytes } = SCHEMES[type];
  checkName(name);
  if (publicKey.length !== keyBytes) {
    throw new EvidenceError(`a key of type ${type} has ${keyBytes} bytes, not ${publicKey.length}`);
  }
  const hashed = Buffer.concat([Buffer.from(`${name}\n`), Uint8Array.of(typeByte), publicKey]);
  const key = keyObjectOf(type, publicKey);
  return {
    name,
    type,
    publicKey,
    keyId: sha256Hex(hashed).slice(0, 8),
    isValid: (message, signature) =>
      signature.length === SCHEMES[type].signatureBytes && verify(null, message, key, signature),
  };
}

/** The text form of a key, which goes into policies. */
export function formatVkey(key: Pick<NoteKey, 'name' | 'type' | 'publicKey' | 'keyId'>): string {
  const material = Buffer.concat([Uint8Array.of(SCHEMES[key.type].typeByte), key.publicKey]);
  return `${key.name}+${key.keyId}+${material.toString('base64')}`;
}

/** Throws an EvidenceError unless the text is a vkey of a known type whose id is that of its key. */
export function parseVkey(text: string): NoteKey {
  const parts = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(text);
  const [, name = '', keyId = '', encoded = ''] = parts ?? [];
  if (parts === null) throw new EvidenceError('it is not <name>+<8 hex digits>+<base64>');
  const material = readBase64(encoded, 'the key');
  const type = noteKeyTypes.find((each) => SCHEMES[each].typeByte === material[0]);
  if (type === undefined) throw new EvidenceError(`keys of type ${material[0]} are not known`);
  const key = noteKey(name, type, material.subarray(1));
  if (key.keyId !== keyId) throw new EvidenceError(`the key id is ${key.keyId}, not ${keyId}`);
  return key;
}

const noteKeyTypes = Object.keys(SCHEMES) as NoteKeyType[];

export function signatureBytesOf(type: NoteKeyType): number {
  return SCHEMES[type].signatureBytes;
}

/** The key's own bytes out of its SPKI; throws an EvidenceError when that is of another kind of key. */
export function rawKeyOf(type: NoteKeyType, spki: Uint8Array): Uint8Array {
  const { spkiPrefix, keyBytes } = SCHEMES[type];
  const isPrefixed = Buffer.from(spki.subarray(0, spkiPrefix.length)).equals(spkiPrefix);
  if (!isPrefixed || spki.length !== spkiPrefix.length + keyBytes) {
    throw new EvidenceError(`it is not the SPKI of a key of type ${type}`);
  }
  return spki.subarray(spkiPrefix.length);
}

/** The key as an SPKI (DER), whose SHA-256 is what entries name a key by. */
export function spkiOf({ type, publicKey }: Pick<NoteKey, 'type' | 'publicKey'>): Uint8Array {
  return Buffer.concat([SCHEMES[type].spkiPrefix, publicKey]);
}

export function checkName(name: string): void {
  // \p{White_Space} is what signed-note calls Unicode spaces; control characters are never in a note.
  if (name === '' || /[\p{White_Space}\p{Cc}+]/u.test(name) || !name.isWellFormed()) {
    throw new EvidenceError(
      `${JSON.stringify(name)} is not a key name: no spaces and no plus may be in it`,
    );
  }
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) {
    throw new EvidenceError(`a key name has at most ${MAX_NAME_BYTES} bytes`);
  }
}

function keyObjectOf(type: NoteKeyType, publicKey: Uint8Array): KeyObject {
  const spki = Buffer.from(spkiOf({ type, publicKey }));
  return createPublicKey({ key: spki, format: 'der', type: 'spki' });
}
