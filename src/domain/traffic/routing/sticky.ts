import { KeyedHash } from '../keyed-hash.ts';
import { cookieValue, type MatchedRequest } from './request-match.ts';

/** What of a request keeps it with the revision that others with the same got. */
export type StickyKey =
  /** The name is in lower case. */
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'cookie'; readonly name: string }
  /** The address that the router sees. */
  | { readonly kind: 'address' };

export interface StickyRule {
  readonly key: StickyKey;
  /** Draws other cohorts for each rollout, or the same people would try every candidate; the same in all routers. */
  readonly seed: string;
}

/**
 * Which revision a key stays with: its hash is a point in [0, 1), and shares are laid out from the last backend, which is the
 * candidate, to the first.
 *
 * - K1. While the candidate's weight rises a key moves to it once and stays; while it falls a key leaves it once. No state
 *   is kept: routers that share a table agree, and a restart moves nobody.
 * - K2. The candidate's share of many keys is its weight, by the binomial law; of few, or of keys that differ much in what they
 *   ask, it is not: the weight is then a share of keys and not of requests.
 * - K3. The hash's key is not secret, and needs not be: who can choose his key at will can try until an answer names the
 *   revision he wants.
 */
export class StickyChoice {
  readonly #hash = new KeyedHash(hashKey);
  readonly #key: StickyKey;
  readonly #salt: number;
  readonly #permille: readonly number[];

  /** `permille` of each backend: integers that sum to 1,000. */
  constructor({ key, seed }: StickyRule, permille: readonly number[]) {
    this.#hash.update(seed, 0);
    this.#key = key;
    this.#salt = this.#hash.low;
    this.#permille = permille;
  }

  /** Index of the backend, or -1: the request has no key. */
  index(request: MatchedRequest, address: string | undefined): number {
    const value = this.#value(request, address);
    return value === null ? -1 : this.indexOf(value);
  }

  indexOf(value: string): number {
    this.#hash.update(value, this.#salt);
    const point = this.#hash.low * 1000;
    let upTo = 0;
    for (let index = this.#permille.length - 1; index > 0; index -= 1) {
      upTo += (this.#permille[index] ?? 0) * 2 ** 32;
      if (point < upTo) return index;
    }
    return 0;
  }

  #value({ headers }: MatchedRequest, address: string | undefined): string | null {
    const key = this.#key;
    switch (key.kind) {
      case 'address':
        return address ?? null;
      case 'cookie':
        return cookieValue(headers['cookie'], key.name);
      case 'header': {
        const found = headers[key.name];
        const text = found === undefined || typeof found === 'string' ? found : found.join();
        return text === undefined || text === '' ? null : text;
      }
    }
  }
}

/** Any two numbers, but for ever the same ones: another key moves everybody. */
const hashKey = [0x7469_6465, 0x6761_7465] as const;
