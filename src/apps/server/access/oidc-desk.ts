import { randomBytes } from 'node:crypto';

import { sha256Hex } from '../../../domain/evidence/digest.ts';
import { personNameFault } from '../../../domain/identity/grant.ts';
import type { Clock } from '../../../ports/clock.ts';
import type {
  PendingSignIn,
  ProvidedPerson,
  SignInProvider,
} from '../../../ports/sign-in-provider.ts';
import type { OidcSettings } from './oidc-settings.ts';
import type { SignInDesk, SignInSaid } from './sign-in-desk.ts';

export const oidcLimits = {
  /** Sign-ins under way at once; one more ends the oldest. */
  pending: 500,
  lastsMs: 10 * 60_000,
  groups: 1_000,
} as const;

interface Underway {
  readonly pending: PendingSignIn;
  /** Of what the browser was given to show that it is the one that went. */
  readonly browserSha256: string;
  readonly returnTo: string;
  readonly expiresAtMs: number;
}

/** `status`: of HTTP. */
export type OidcSaid =
  | {
      readonly kind: 'signed-in';
      readonly said: Extract<SignInSaid, { kind: 'signed-in' }>;
      readonly returnTo: string;
    }
  | { readonly kind: 'refused'; readonly status: 401 | 403; readonly because: string };

/** Signing in at an OpenID provider: who goes there, who comes back, and what their groups may here. */
export class OidcDesk {
  readonly #provider: SignInProvider;
  readonly #settings: Pick<OidcSettings, 'nameClaim' | 'groupsClaim' | 'roles'>;
  readonly #signIn: Pick<SignInDesk, 'open' | 'refuse'>;
  readonly #clock: Pick<Clock, 'nowMs'>;
  readonly #underway = new Map<string, Underway>();

  constructor(parts: {
    readonly provider: SignInProvider;
    readonly settings: Pick<OidcSettings, 'nameClaim' | 'groupsClaim' | 'roles'>;
    readonly signIn: Pick<SignInDesk, 'open' | 'refuse'>;
    readonly clock: Pick<Clock, 'nowMs'>;
  }) {
    this.#provider = parts.provider;
    this.#settings = parts.settings;
    this.#signIn = parts.signIn;
    this.#clock = parts.clock;
  }

  get issuer(): string {
    return this.#provider.issuer;
  }

  /** `browserSecret` is for a cookie of the browser that goes. */
  async begin(
    { redirectUrl, returnTo }: { readonly redirectUrl: string; readonly returnTo: string },
    signal: AbortSignal,
  ): Promise<{ readonly url: string; readonly browserSecret: string }> {
    const { url, pending } = await this.#provider.begin(redirectUrl, signal);
    const browserSecret = randomBytes(32).toString('base64url');
    const expiresAtMs = this.#clock.nowMs() + oidcLimits.lastsMs;
    // The first of a Map is the oldest.
    const [oldest] = this.#underway.keys();
    if (this.#underway.size >= oidcLimits.pending && oldest !== undefined) {
      this.#underway.delete(oldest);
    }
    const browserSha256 = sha256Hex(browserSecret);
    this.#underway.set(pending.state, { pending, browserSha256, returnTo, expiresAtMs });
    return { url, browserSecret };
  }

  /** `search`: of the address that the browser came back to, with its `?`. */
  async finish(
    back: {
      readonly search: string;
      readonly state: string;
      readonly browserSecret: string | null;
    },
    signal: AbortSignal,
  ): Promise<OidcSaid> {
    const underway = this.#take(back);
    if (typeof underway === 'string') return this.#refused(401, underway);
    const { pending, returnTo } = underway;
    const person = await this.#provider.finish(pending.redirectUrl + back.search, pending, signal);
    const wish = this.#wishOf(person);
    if (typeof wish === 'string') return this.#refused(403, wish);
    if (wish.grants.length === 0) {
      const because = `${wish.person} is in no group that has a role here`;
      this.#signIn.refuse(wish.person, because);
      return { kind: 'refused', status: 403, because };
    }
    const said = await this.#signIn.open({ ...wish, notAfterMs: null }, signal);
    if (said.kind === 'signed-in') return { kind: 'signed-in', said, returnTo };
    return { kind: 'refused', status: 403, because: said.because };
  }

  /** Each can be finished once, whatever becomes of it, and by the browser that began it. */
  #take({
    state,
    browserSecret,
  }: {
    readonly state: string;
    readonly browserSecret: string | null;
  }): Underway | string {
    const found = this.#underway.get(state);
    if (found === undefined) return 'this sign-in is not known, or was finished before';
    const isOver = found.expiresAtMs <= this.#clock.nowMs();
    if (browserSecret === null || sha256Hex(browserSecret) !== found.browserSha256) {
      return 'this sign-in was begun in another browser';
    }
    this.#underway.delete(state);
    return isOver ? 'the sign-in took longer than ten minutes' : found;
  }

  /** A text: why nobody can be signed in by what the provider says. */
  #wishOf({ issuer, subject, claims }: ProvidedPerson) {
    const { nameClaim, groupsClaim, roles } = this.#settings;
    const person = claims[nameClaim];
    if (typeof person !== 'string') {
      return `the provider does not say "${nameClaim}", which is nameClaim of the settings`;
    }
    if (nameClaim === 'email' && claims['email_verified'] === false) {
      return 'the provider has not verified the e-mail address';
    }
    const fault = personNameFault(person);
    if (fault !== null) return `${fault}; choose another nameClaim in the settings`;
    const groups = groupsOf(claims[groupsClaim]);
    const grants = roles.filter(({ group }) => groups.has(group)).map(({ grant }) => grant);
    return { person, grants, method: { kind: 'oidc', issuer, subject } as const };
  }

  #refused(status: 401 | 403, because: string): OidcSaid {
    this.#signIn.refuse(null, because);
    return { kind: 'refused', status, because };
  }
}

function groupsOf(claim: unknown): ReadonlySet<string> {
  const all: readonly unknown[] = Array.isArray(claim) ? claim : [claim];
  const texts = all.slice(0, oidcLimits.groups).filter((each) => typeof each === 'string');
  return new Set(texts);
}
