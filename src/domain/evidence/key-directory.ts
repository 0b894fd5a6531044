import { createPublicKey, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

import { PersonDirectory } from './approval/person-directory.ts';
import { isPersonEvent } from './approval/person-enrolment.ts';
import { EvidenceError } from './canonical-json.ts';
import type { JsonObject, JsonValue } from './canonical-json.ts';
import { sha256Hex } from './digest.ts';
import { type LogKeys, readLogKeys, readLogKeysEvent } from './log-keys.ts';
import { readBase64, readObject, readSha256, readText } from './read-json.ts';

/**
 * Which keys may sign, from the ledger's own key events.
 *
 * K1 a key is valid by index, never by a clock: from the entry after its enrolment up to and with its revocation;
 * K2 entry 0 enrols the first key and is signed by it, so it vouches for itself: trust in it comes from outside;
 * K3 later key events are signed by a key valid at their index, which makes rotation possible without a new format;
 * K4 from the entry after the first one that enrols a pair (log-keys.ts) on, decisive entries carry the signatures of both keys of
 *    one pair, and all others one: nobody who can forge Ed25519 alone gets back to the rule before, not even by key events;
 * K5 a set of keys ends only by the entry that brings the next one, so that there is always exactly one to sign with.
 */
export class KeyDirectory {
  /** Whose keys are no machine's: they sign approvals, never entries. */
  readonly people = new PersonDirectory();
  readonly #keys = new Map<string, EnrolledKey>();
  /** Index of the entry that enrolled the first pair; null: none did. */
  #pairsSinceIndex: number | null = null;

  /** Throws an EvidenceError for a key event that makes no sense after those before it. */
  check(data: JsonValue): void {
    if (isPersonEvent(data)) {
      this.people.check(data);
      return;
    }
    if (isLogKeysEvent(data)) {
      this.#checkLogKeys(data);
      return;
    }
    const { action, keyId } = readKeyEvent(data);
    const known = this.#keys.get(keyId);
    if (action === 'enrol' && known !== undefined) {
      throw new EvidenceError(`key ${keyId} is enrolled twice`);
    }
    if (action === 'revoke' && known === undefined) {
      throw new EvidenceError(`key ${keyId} was never enrolled`);
    }
    if (this.#pairsSinceIndex === null) return;
    if (action === 'enrol') throw new EvidenceError('a key is enrolled without its ML-DSA-65 half');
    if (known?.set !== undefined) {
      throw new EvidenceError(`key ${keyId} ends by the rotation that brings the next one`);
    }
  }

  #checkLogKeys(data: JsonValue): void {
    const { event, keys } = logKeysOf(data);
    const { ed25519, mlDsa65 } = keys;
    const known = this.#keys.get(ed25519.keyId);
    for (const [keyId, { set }] of this.#keys) {
      const isTaken = keyId === mlDsa65.keyId || set?.mlDsa65.keyId === mlDsa65.keyId;
      if (isTaken) throw new EvidenceError(`key ${mlDsa65.keyId} is enrolled twice`);
    }
    if (event.action === 'rotate-keys') {
      if (known === undefined) return;
      throw new EvidenceError(`key ${ed25519.keyId} is enrolled twice`);
    }
    const isFirst = this.#keys.size === 0;
    if (this.#pairsSinceIndex !== null) throw new EvidenceError('the ledger has a pair of keys');
    if (!isFirst && known === undefined) {
      throw new EvidenceError(`key ${ed25519.keyId} was never enrolled`);
    }
  }

  /** Takes over one key event; throws as `check`. */
  apply(index: number, data: JsonValue): void {
    this.check(data);
    if (isPersonEvent(data)) {
      this.people.apply(index, data);
      return;
    }
    if (isLogKeysEvent(data)) {
      this.#applyLogKeys(index, data);
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

  #applyLogKeys(index: number, data: JsonValue): void {
    const { event, keys } = logKeysOf(data);
    const { ed25519, mlDsa65 } = keys;
    const isRotation = event.action === 'rotate-keys';
    for (const [keyId, key] of this.#keys) {
      const validToIndex = Math.min(key.validToIndex, index);
      if (isRotation) this.#keys.set(keyId, { ...key, validToIndex });
    }
    const known = this.#keys.get(ed25519.keyId);
    this.#keys.set(ed25519.keyId, {
      publicKey: known?.publicKey ?? ed25519Key(ed25519.spki),
      validFromIndex: known?.validFromIndex ?? (index === 0 ? 0 : index + 1),
      validToIndex: known?.validToIndex ?? Number.MAX_SAFE_INTEGER,
      set: {
        ...keys,
        sinceIndex: index,
        secondKey: createPublicKey({
          key: Buffer.from(mlDsa65.spki),
          format: 'der',
          type: 'spki',
        }),
      },
    });
    this.#pairsSinceIndex ??= index;
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

  /** Whether the entry at `index`, if it is decisive, has to carry two signatures. */
  needsBothAt(index: number): boolean {
    return this.#pairsSinceIndex !== null && index > this.#pairsSinceIndex;
  }

  /**
   * Throws an EvidenceError unless an entry has as many signatures as it has to have (K4), and the second, where there is one, is by
   * the ML-DSA-65 half of the pair that the first is by. `second.signature` is `valid` when that was checked elsewhere.
   */
  checkSecond(index: number, entry: DecisiveSignatures): void {
    const { isDecisive, keyId, second } = entry;
    const isNeeded = isDecisive && this.needsBothAt(index);
    if (!isNeeded) {
      if (second === null) return;
      throw new EvidenceError('it has two signatures where one is the rule');
    }
    if (second === null) {
      throw new EvidenceError(
        `it lacks the ML-DSA-65 signature that what decides has to carry after entry ${this.#pairsSinceIndex}`,
      );
    }
    const set = this.#keys.get(keyId)?.set;
    if (set?.mlDsa65.keyId !== second.keyId) {
      throw new EvidenceError(`key ${second.keyId} is not the second half of key ${keyId}`);
    }
    if (second.signature === 'valid') return;
    const { signature, signedBytes } = second.signature;
    if (!verify(null, signedBytes, set.secondKey, signature)) {
      throw new EvidenceError(`the signature is not one of key ${second.keyId} over these bytes`);
    }
  }

  /** The set whose pair signs the entry at `index`; null: the ledger has none then, or it is another program's. */
  setAt(index: number): LogKeys | null {
    const found = [...this.#keys.values()].find(
      ({ set, validFromIndex, validToIndex }) =>
        set !== undefined &&
        validFromIndex <= index &&
        set.sinceIndex < index &&
        index <= validToIndex,
    );
    return found?.set ?? null;
  }

  /** SPKI DER of the key of this id, a machine's or a person's, whether still valid or not; null: it was never enrolled. */
  spkiOf(keyId: string): Uint8Array | null {
    const known = this.#keys.get(keyId);
    if (known !== undefined) return known.publicKey.export({ type: 'spki', format: 'der' });
    const sets = [...this.#keys.values()].map(({ set }) => set?.mlDsa65);
    return sets.find((key) => key?.keyId === keyId)?.spki ?? this.people.spkiOf(keyId);
  }

  /** Every key ever enrolled, in the order of enrolment. */
  keyIds(): readonly string[] {
    return [...this.#keys.keys()];
  }

  /** As `keyIds`, with what each may sign. */
  machineKeys(): readonly MachineKey[] {
    return [...this.#keys].map(([keyId, { validFromIndex, validToIndex, set }]) => ({
      keyId,
      validFromIndex,
      validToIndex: validToIndex === Number.MAX_SAFE_INTEGER ? null : validToIndex,
      set: set ?? null,
    }));
  }
}

/** A key of the ledger's writer. */
export interface MachineKey {
  readonly keyId: string;
  readonly validFromIndex: number;
  /** Null: until further notice. */
  readonly validToIndex: number | null;
  /** Null: it was never enrolled as one of a set. */
  readonly set: (LogKeys & { readonly sinceIndex: number }) | null;
}

export interface DecisiveSignatures {
  readonly isDecisive: boolean;
  /** Of the first signature. */
  readonly keyId: string;
  readonly second: {
    readonly keyId: string;
    readonly signature: 'valid' | Omit<SignedBytes, 'keyId'>;
  } | null;
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
  readonly set?: LogKeys & { readonly sinceIndex: number; readonly secondKey: KeyObject };
}

function isLogKeysEvent(data: JsonValue): boolean {
  return readLogKeysEvent(data) !== null;
}

function logKeysOf(data: JsonValue) {
  const event = readLogKeysEvent(data);
  if (event === null) throw new EvidenceError('the key event is of another kind');
  return { event, keys: readLogKeys(event.enrolment) };
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
