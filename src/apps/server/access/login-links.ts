import { sha256Hex } from '../../../domain/evidence/digest.ts';
import { type Grant, personNameFault, readGrant } from '../../../domain/identity/grant.ts';

export interface LoginLink {
  readonly person: string;
  readonly grant: Grant;
  readonly madeBy: string;
  readonly expiresAtMs: number;
}

export interface LinkWish {
  readonly person: string;
  readonly role: string;
  readonly services: readonly string[];
}

export const linkLimits = {
  /** In force at once; one more ends the oldest. */
  count: 100,
  lastsMs: 10 * 60_000,
} as const;

/**
 * Codes that open a session once, within minutes. Kept in memory, by digest: a restart ends them, and then one makes another. Each
 * code is 256 random bits, so there is nothing to guess.
 */
export class LoginLinks {
  readonly #byDigest = new Map<string, LoginLink>();

  /** A text: what is wrong with the wish. */
  add(
    { person, role, services }: LinkWish,
    made: { readonly code: string; readonly by: string; readonly nowMs: number },
  ): LoginLink | string {
    const fault = personNameFault(person);
    if (fault !== null) return fault;
    const grant = readGrant({ role, scopes: services }, 'a link');
    if (typeof grant === 'string') return grant;
    const link = { person, grant, madeBy: made.by, expiresAtMs: made.nowMs + linkLimits.lastsMs };
    // The first of a Map is the oldest.
    const [oldest] = this.#byDigest.keys();
    if (this.#byDigest.size >= linkLimits.count && oldest !== undefined) {
      this.#byDigest.delete(oldest);
    }
    this.#byDigest.set(sha256Hex(made.code), link);
    return link;
  }

  /** Null: there is none, it was used, or it is over. It is used from here on, whatever becomes of the sign-in. */
  take(code: string, nowMs: number): LoginLink | null {
    const digest = sha256Hex(code);
    const link = this.#byDigest.get(digest);
    this.#byDigest.delete(digest);
    return link === undefined || link.expiresAtMs <= nowMs ? null : link;
  }
}
