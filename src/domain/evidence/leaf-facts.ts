import { verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

import { EvidenceError } from './canonical-json.ts';
import type { JsonValue } from './canonical-json.ts';
import { leafHash } from './digest.ts';
import type { Hash } from './digest.ts';
import type { SecondSignature } from './envelope.ts';
import { readLeafContent } from './leaf.ts';
import { type ReleaseFacts, releaseFacts } from './release-facts.ts';
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
      /** Of entries that later ones, or blobs, are judged by, such as key events; null of others. */
      readonly data: JsonValue;
      /** What is left to check when the key was not known. */
      readonly signature: 'valid' | OpenSignature;
      /** By ML-DSA-65; null: there is none. */
      readonly second: SecondFacts | null;
      /** What it says of a rollout; null: nothing. */
      readonly release: ReleaseFacts | null;
    }
  | { readonly kind: 'unreadable'; readonly leafHash: Hash; readonly what: string };

export interface OpenSignature {
  readonly signature: Uint8Array;
  readonly signedBytes: Uint8Array;
}

export interface SecondFacts {
  readonly keyId: string;
  readonly signature: 'valid' | OpenSignature;
}

/** `keys`: public keys of both kinds by their id; a signature of a key that is not among them is left open. */
export function leafFacts(bytes: Uint8Array, keys: ReadonlyMap<string, KeyObject>): LeafFacts {
  try {
    const { statement, second, signedBytes, ...first } = readLeafContent(bytes);
    const { keyId } = first;
    const { type, stream, streamVersion, previous, observedAtMs } = statement;
    const checked = ({ keyId: id, signature }: SecondSignature): 'valid' | OpenSignature => {
      const key = keys.get(id);
      if (key === undefined) return { signature, signedBytes };
      if (verify(null, signedBytes, key, signature)) return 'valid';
      throw new EvidenceError(`the signature is not one of key ${id} over these bytes`);
    };
    return {
      kind: 'readable',
      leafHash: leafHash(bytes),
      type,
      stream,
      streamVersion,
      previous,
      observedAtMs,
      keyId,
      data: isJudgedBy(type) ? statement.data : null,
      signature: checked(first),
      release: releaseFacts(statement),
      second: second === null ? null : { keyId: second.keyId, signature: checked(second) },
    };
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error;
    return { kind: 'unreadable', leafHash: leafHash(bytes), what: error.message };
  }
}

function isJudgedBy(type: EntryType): boolean {
  return JUDGING.has(type);
}

const JUDGING: ReadonlySet<EntryType> = new Set([
  'key-event',
  'approval',
  'origin-event',
  'blob-event',
]);
