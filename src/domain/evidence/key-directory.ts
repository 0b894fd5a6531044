import { createPublicKey, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

import { PersonDirectory } from './approval/person-directory.ts';
import { isPersonEvent } from './approval/person-enrolment.ts';
import { EvidenceError } from './canonical-json.ts';
import type { JsonObject, JsonValue } from './canonical-json.ts';
import { sha256Hex } from './digest.ts';
import { readBase64, readObject, readSha256, readText } from './read-json.ts';

/**
 * Which keys may sign, from the ledger's own key events.
 *
 * K1 a key is valid by index, never by a clock: from the entry after its enrolment up to and with its revocation;
 * K2 entry 0 enrols the first key and is signed by it, so it vouches for itself: trust in it comes from outside;
 * K3 later key events are signed by a key valid at their index, which makes rotation possible without a new format.
 */
export class KeyDirectory {
  /** Whose keys are no machine's: they sign approvals, never entries. */
  readonly people = new PersonDirectory();
  readonly #keys = new Map<string, EnrolledKey>();

  /** Throws an EvidenceError for a key event that makes no sense after those before it. */
  check(data: JsonValue): void {
    if (isPersonEvent(data)) {
      this.people.check(data);
      return;
    }
    const { action, keyId } = readKeyEvent(data);
    const isKnown = this.#keys.has(keyId);
    if (action === 'enrol' && isKnown) throw new EvidenceError(`key ${keyId} is enrolled twice`);
    if (action === 'revoke' && !isKnown) throw new EvidenceError(`key ${keyId} was never enrolled`);
  }

  /** Takes over one key event; throws as `check`. */
  apply(index: number, data: JsonValue): void {
    this.check(data);
    if (isPersonEvent(data)) {
      this.people.apply(index, data);
      return;
    }
    const event = readKeyEvent(data);
    const known = this.#keys.get(event.keyId);
    switch (event.action) {
      case 'enrol':
        this.#keys.set(event.keyId, {
          publicKey: ed25519Key(event.publicKey),
          validFromIndex: index === 0 ? 0 : index + 1,
          validToIndex: Number.MAX_SAFE_INTEGER,
        });
        return;
      case 'revoke':
        if (known === undefined) return;
        this.#keys.set(event.keyId, {
          ...known,
          validToIndex: Math.min(known.validToIndex, index),
        });
        return;
    }
  }

  isValidAt(keyId: string, index: number): boolean {
    const key = this.#keys.get(keyId);
    return key !== undefined && key.validFromIndex <= index && index <= key.validToIndex;
  }

  /** Throws an EvidenceError unless the key may sign entry `index`. */
  requireValidAt(keyId: string, index: number): void {
    if (this.isValidAt(keyId, index)) return;
    throw new EvidenceError(`key ${keyId} may not sign at index ${index}`);
  }

  /** Throws an EvidenceError unless `signature` is over `signedBytes` by a key that is valid at `index`. */
  checkSignature(index: number, signed: SignedBytes): void {
    this.requireValidAt(signed.keyId, index);
    const key = this.#keys.get(signed.keyId);
    if (key === undefined || !verify(null, signed.signedBytes, key.publicKey, signed.signature)) {
      throw new EvidenceError(`the signature is not one of key ${signed.keyId} over these bytes`);
    }
  }

  /** Every key ever enrolled, in the order of enrolment. */
  keyIds(): readonly string[] {
    return [...this.#keys.keys()];
  }
}

export interface SignedBytes {
  readonly keyId: string;
  readonly signature: Uint8Array;
  readonly signedBytes: Uint8Array;
}

interface EnrolledKey {
  readonly publicKey: KeyObject;
  readonly validFromIndex: number;
  readonly validToIndex: number;
}

export type KeyEvent =
  | { readonly action: 'enrol'; readonly keyId: string; readonly publicKey: Uint8Array }
  | { readonly action: 'revoke'; readonly keyId: string; readonly reason: string };

export function enrolKeyData(keyId: string, publicKey: Uint8Array): JsonObject {
  return {
    action: 'enrol',
    algorithm: 'ed25519',
    keyId,
    publicKey: Buffer.from(publicKey).toString('base64'),
  };
}

export function revokeKeyData(keyId: string, reason: string): JsonObject {
  return { action: 'revoke', keyId, reason };
}

export function readKeyEvent(data: JsonValue): KeyEvent {
  const action =
    typeof data === 'object' && data !== null && 'action' in data ? data['action'] : null;
  if (action === 'enrol') {
    const event = readObject(data, ['action', 'algorithm', 'keyId', 'publicKey'], 'the key event');
    if (event['algorithm'] !== 'ed25519') throw new EvidenceError('the algorithm is not ed25519');
    const publicKey = readBase64(event['publicKey'], 'publicKey');
    const keyId = readSha256(event['keyId'], 'keyId');
    if (sha256Hex(publicKey) !== keyId) throw new EvidenceError('keyId is not that of publicKey');
    return { action, keyId, publicKey };
  }
  if (action === 'revoke') {
    const event = readObject(data, ['action', 'keyId', 'reason'], 'the key event');
    const keyId = readSha256(event['keyId'], 'keyId');
    return { action, keyId, reason: readText(event['reason'], 'reason') };
  }
  throw new EvidenceError('the key event is neither enrol nor revoke');
}

/** SPKI of an Ed25519 key is this prefix and 32 bytes (RFC 8410 section 4). */
const ED25519_SPKI_PREFIX = '302a300506032b6570032100';

function ed25519Key(spki: Uint8Array): KeyObject {
  const hex = Buffer.from(spki).toString('hex');
  if (!hex.startsWith(ED25519_SPKI_PREFIX) || spki.length !== 44) {
    throw new EvidenceError('publicKey is not the SPKI of an Ed25519 key');
  }
  return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
}
