import { createPublicKey, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

import { EvidenceError } from '../canonical-json.ts';
import type { JsonObject, JsonValue } from '../canonical-json.ts';
import { sha256Hex } from '../digest.ts';
import { readArray, readBase64, readObject } from '../read-json.ts';

/**
 * What a person signs with: an Ed25519 and an ML-DSA-65 key (FIPS 204), made together and used together.
 *
 * A forger has to break both: the classical one guards against a flaw in the young scheme or its code, the other one
 * against a quantum computer. Who approved must be provable longer than either may live.
 */
export interface PersonKeys {
  readonly ed25519: PublicKey;
  readonly mlDsa65: PublicKey;
}

export interface PublicKey {
  /** Hex SHA-256 of the SPKI. */
  readonly keyId: string;
  /** SPKI DER. */
  readonly spki: Uint8Array;
}

export type PersonAlgorithm = 'ed25519' | 'ml-dsa-65';

/** By algorithm: what its SPKI starts with (RFC 8410 section 4; RFC 9881 section 4), and the length of a raw key and a signature. */
const forms: Readonly<Record<PersonAlgorithm, KeyForm>> = {
  ed25519: { spkiPrefix: '302a300506032b6570032100', keyBytes: 32, signatureBytes: 64 },
  'ml-dsa-65': {
    spkiPrefix: '308207b2300b0609608648016503040312038207a100',
    keyBytes: 1952,
    signatureBytes: 3309,
  },
};

interface KeyForm {
  readonly spkiPrefix: string;
  readonly keyBytes: number;
  readonly signatureBytes: number;
}

/** In the order in which keys and signatures always stand. */
export const personAlgorithms = ['ed25519', 'ml-dsa-65'] as const;

export function signatureBytesOf(algorithm: PersonAlgorithm): number {
  return forms[algorithm].signatureBytes;
}

export function publicKeyOf(spki: Uint8Array): PublicKey {
  return { keyId: sha256Hex(spki), spki };
}

export function personKeysData({ ed25519, mlDsa65 }: PersonKeys): JsonValue {
  return [keyData('ed25519', ed25519), keyData('ml-dsa-65', mlDsa65)];
}

/** Strict inverse of `personKeysData`; throws an EvidenceError. */
export function readPersonKeys(value: JsonValue | undefined): PersonKeys {
  const keys = readArray(value, 'keys');
  if (keys.length !== personAlgorithms.length) {
    throw new EvidenceError(`keys has ${keys.length} keys instead of an ed25519 and an ml-dsa-65`);
  }
  return { ed25519: readKey(keys[0], 'ed25519'), mlDsa65: readKey(keys[1], 'ml-dsa-65') };
}

/** Throws an EvidenceError unless `signature` is over `signedBytes` by the key. */
export function checkPersonSignature(
  algorithm: PersonAlgorithm,
  { keyId, spki }: PublicKey,
  { signedBytes, signature }: { readonly signedBytes: Uint8Array; readonly signature: Uint8Array },
): void {
  if (!verify(null, signedBytes, keyObject(spki), signature)) {
    throw new EvidenceError(`the ${algorithm} signature is not one of key ${keyId}`);
  }
}

function keyObject(spki: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
}

function keyData(algorithm: PersonAlgorithm, { spki }: PublicKey): JsonObject {
  return { algorithm, publicKey: Buffer.from(spki).toString('base64') };
}

function readKey(value: JsonValue | undefined, algorithm: PersonAlgorithm): PublicKey {
  const key = readObject(value, ['algorithm', 'publicKey'], `the ${algorithm} key`);
  if (key['algorithm'] !== algorithm) throw new EvidenceError(`the key is not an ${algorithm} key`);
  const spki = readBase64(key['publicKey'], 'publicKey');
  const { spkiPrefix, keyBytes } = forms[algorithm];
  const isOfForm =
    spki.length === spkiPrefix.length / 2 + keyBytes &&
    Buffer.from(spki).toString('hex', 0, spkiPrefix.length / 2) === spkiPrefix;
  if (!isOfForm) throw new EvidenceError(`publicKey is not the SPKI of an ${algorithm} key`);
  return publicKeyOf(spki);
}
