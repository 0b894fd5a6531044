import { createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

import { EvidenceError } from '../../domain/evidence/canonical-json.ts';
import { leafFacts } from '../../domain/evidence/leaf-facts.ts';
import type { LeafFacts } from '../../domain/evidence/leaf-facts.ts';
import { decodeBundle } from '../../domain/evidence/tile.ts';

export interface FactsRequest {
  readonly bundle: Uint8Array;
  readonly width: number;
}

export interface FactsAnswer {
  /** Null: the bundle could not be cut into entries, as `what` says. */
  readonly facts: readonly LeafFacts[] | null;
  readonly what: string;
}

/** A public key that entries may be signed with. */
export interface KnownKey {
  readonly keyId: string;
  readonly spki: Uint8Array;
}

/** Cuts bundles into entries and says of each what can be said of it alone. */
export class BundleFacts {
  readonly #keys = new Map<string, KeyObject>();

  learn({ keyId, spki }: KnownKey): void {
    const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
    this.#keys.set(keyId, key);
  }

  of({ bundle, width }: FactsRequest): FactsAnswer {
    try {
      const entries = decodeBundle(bundle, width);
      return { facts: entries.map((entry) => leafFacts(entry, this.#keys)), what: '' };
    } catch (error) {
      if (!(error instanceof EvidenceError)) throw error;
      return { facts: null, what: error.message };
    }
  }
}
