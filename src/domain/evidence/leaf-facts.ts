import { verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

import { EvidenceError } from './canonical-json.ts';
import type { JsonValue } from './canonical-json.ts';
import { leafHash } from './digest.ts';
import type { Hash } from './digest.ts';
import { readLeafContent } from './leaf.ts';
import type { EntryType, PreviousEntry } from './statement.ts';

/**
 * What can be said of a leaf by itself, without those before it. It is most of the work of a verification, and can be done for many
 * leaves side by side; whether they stand in the right order under the right keys is judged afterwards, in order.
 */
export type LeafFacts =
  | {
      readonly kind: 'readable';
      readonly leafHash: Hash;
      readonly type: EntryType;
      readonly stream: string;
      readonly streamVersion: number;
      readonly previous: PreviousEntry | null;
      readonly observedAtMs: number;
      readonly keyId: string;
      /** Of key events and approvals, which later entries are judged by; null of others. */
      readonly data: JsonValue;
      /** What is left to check when the key was not known. */
      readonly signature: 'valid' | OpenSignature;
    }
  | { readonly kind: 'unreadable'; readonly leafHash: Hash; readonly what: string };

export interface OpenSignature {
  readonly signature: Uint8Array;
  readonly signedBytes: Uint8Array;
}

/** `keys`: Ed25519 public keys by their id; a signature of a key that is not among them is left open. */
export function leafFacts(bytes: Uint8Array, keys: ReadonlyMap<string, KeyObject>): LeafFacts {
  try {
    const { statement, keyId, signature, signedBytes } = readLeafContent(bytes);
    const { type, stream, streamVersion, previous, observedAtMs } = statement;
    const key = keys.get(keyId);
    if (key !== undefined && !verify(null, signedBytes, key, signature)) {
      throw new EvidenceError(`the signature is not one of key ${keyId} over these bytes`);
    }
    return {
      kind: 'readable',
      leafHash: leafHash(bytes),
      type,
      stream,
      streamVersion,
      previous,
      observedAtMs,
      keyId,
      data: type === 'key-event' || type === 'approval' ? statement.data : null,
      signature: key === undefined ? { signature, signedBytes } : 'valid',
    };
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error;
    return { kind: 'unreadable', leafHash: leafHash(bytes), what: error.message };
  }
}
