import { randomBytes } from 'node:crypto';

import type { AccessJournal } from '../../../control/recording/access-journal.ts';
import type {
  ApiSession,
  SessionEntry,
  SessionRegister,
  SessionWish,
} from '../../../control/recording/session-register.ts';
import type { TokenRegister } from '../../../control/recording/token-register.ts';
import { wholeScope } from '../../../domain/identity/service-scope.ts';
import type { Clock } from '../../../ports/clock.ts';
import { isSame } from './access-desk.ts';
import { type LinkWish, LoginLinks } from './login-links.ts';
import { SignInLimit } from './sign-in-limit.ts';

export interface SignInParts {
  /** Of the state folder. */
  readonly ownerToken: string;
  readonly tokens: Pick<TokenRegister, 'find'>;
  readonly sessions: SessionRegister;
  readonly journal: Pick<AccessJournal, 'allowed' | 'refused'>;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly onEntry: (entry: SessionEntry) => void;
}

/** `secret` goes into the cookie and is kept nowhere else. */
export interface SignedIn {
  readonly kind: 'signed-in';
  readonly session: ApiSession;
  readonly secret: string;
}

export type SignInSaid = SignedIn | { readonly kind: 'refused'; readonly because: string };

/** Who signs in by what, and who signs out. Each is an entry; so is what is refused, strangers together. */
export class SignInDesk {
  readonly #parts: SignInParts;
  readonly #links = new LoginLinks();
  readonly #limit = new SignInLimit();

  constructor(parts: SignInParts) {
    this.#parts = parts;
  }

  /** Null: go on. Else in how many milliseconds this address may try again. */
  waitMs(address: string): number | null {
    const waitMs = this.#limit.take(address, this.#parts.clock.nowMs());
    if (waitMs !== null) this.refuse(null, 'signing in was tried too often');
    return waitMs;
  }

  /** A text: what is wrong with the wish. The code is in the answer and nowhere else. */
  async makeLink(
    wish: LinkWish,
    by: { readonly who: string; readonly why: string | null },
    signal: AbortSignal,
  ): Promise<{ readonly code: string; readonly expiresAtMs: number } | string> {
    const code = newSecret();
    const nowMs = this.#parts.clock.nowMs();
    const link = this.#links.add(wish, { code, by: by.who, nowMs });
    if (typeof link === 'string') return link;
    const { person, grant, expiresAtMs } = link;
    const resource = `a login link for ${person} as ${grant.role} of ${grant.scopes.join(', ')}`;
    const of = { person: by.who, action: 'tokens:write' as const, service: null, because: '' };
    try {
      await this.#parts.journal.allowed({ ...of, resource, why: by.why }, signal);
    } catch (error) {
      // What could not be recorded must not open anything.
      this.#links.take(code, nowMs);
      throw error;
    }
    return { code, expiresAtMs };
  }

  async byCode(code: string, signal: AbortSignal): Promise<SignInSaid> {
    const link = this.#links.take(code, this.#parts.clock.nowMs());
    if (link === null) {
      const remedy = 'make another: tidegate login-link';
      return this.refuse(null, `the login link was used, or is over; ${remedy}`);
    }
    const { person, grant, madeBy } = link;
    const method = { kind: 'link', madeBy } as const;
    return this.open({ person, grants: [grant], method, notAfterMs: null }, signal);
  }

  async byToken(given: string, signal: AbortSignal): Promise<SignInSaid> {
    if (isSame(given, this.#parts.ownerToken)) {
      const grant = { role: 'admin', scopes: [wholeScope] } as const;
      const method = { kind: 'owner' } as const;
      return this.open({ person: 'owner', grants: [grant], method, notAfterMs: null }, signal);
    }
    const token = this.#parts.tokens.find(given);
    if (token === null) return this.refuse(null, 'no such token is in force');
    const { id, person, role, scopes, expiresAtMs } = token;
    const method = { kind: 'token', tokenId: id } as const;
    const grants = [{ role, scopes }];
    return this.open({ person, grants, method, notAfterMs: expiresAtMs }, signal);
  }

  /** Somebody whose name and roles are known for sure. */
  async open(wish: SessionWish, signal: AbortSignal): Promise<SignInSaid> {
    const secret = newSecret();
    const id = randomBytes(6).toString('hex');
    const said = await this.#parts.sessions.signIn(wish, { id, secret }, signal);
    if (said.kind === 'refused') return this.refuse(wish.person, said.because);
    for (const entry of said.entries) this.#parts.onEntry(entry);
    return { kind: 'signed-in', session: said.session, secret };
  }

  /** `person`: who it is for sure; null: a stranger. */
  refuse(person: string | null, because: string): Extract<SignInSaid, { kind: 'refused' }> {
    const of = { person, action: null, service: null, resource: 'the server' };
    this.#parts.journal.refused({ ...of, because: `sign-in: ${because}` });
    return { kind: 'refused', because };
  }

  async signOut(session: ApiSession, who: string, signal: AbortSignal): Promise<SessionEntry> {
    const entry = await this.#parts.sessions.signOut(session, { who, why: null }, signal);
    this.#parts.onEntry(entry);
    return entry;
  }
}

function newSecret(): string {
  return randomBytes(32).toString('base64url');
}
