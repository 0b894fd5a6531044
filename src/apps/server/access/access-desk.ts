import { timingSafeEqual } from 'node:crypto';
import type { AccessJournal } from '../../../control/recording/access-journal.ts';
import type { SessionRegister } from '../../../control/recording/session-register.ts';
import type { TokenRegister } from '../../../control/recording/token-register.ts';
import {
  type AccessAction,
  type AccessResource,
  resourceText,
} from '../../../domain/identity/access-action.ts';
import { wholeScope } from '../../../domain/identity/service-scope.ts';
import type { AccessAnswer, Authorizer } from '../../../ports/authorizer.ts';
import type { Caller } from './caller.ts';
import { serviceResource, type Wish } from './route-access.ts';
import { csrfTokenOf } from './session-cookie.ts';
import type { SignInDesk } from './sign-in-desk.ts';

export interface AccessDeskParts {
  /** Of the state folder. */
  readonly ownerToken: string;
  readonly tokens: TokenRegister;
  readonly sessions: SessionRegister;
  readonly signIn: SignInDesk;
  readonly journal: AccessJournal;
  /** Called when the first person who is not the owner asks for something; kept. */
  readonly openAuthorizer: () => Promise<Authorizer>;
}

/** Says who asks, and whether they may. */
export class AccessDesk {
  readonly tokens: TokenRegister;
  readonly sessions: SessionRegister;
  readonly signIn: SignInDesk;
  readonly #parts: AccessDeskParts;
  #authorizer: Promise<Authorizer> | null = null;

  constructor(parts: AccessDeskParts) {
    this.#parts = parts;
    this.tokens = parts.tokens;
    this.sessions = parts.sessions;
    this.signIn = parts.signIn;
  }

  /** `header`: Authorization, RFC 6750 section 2.1. */
  identify(header: string | undefined): Caller {
    const found = /^Bearer +(\S{1,200}) *$/i.exec(header ?? '');
    const given = found?.[1];
    if (given === undefined) return { kind: 'nobody' };
    if (isSame(given, this.#parts.ownerToken)) return { kind: 'owner' };
    const token = this.tokens.find(given);
    if (token === null) return { kind: 'nobody' };
    return { kind: 'person', person: token.person, grants: [token], by: { kind: 'token', token } };
  }

  /** `secret`: of the cookie. */
  identifySession(secret: string): Caller {
    const session = this.sessions.use(secret);
    if (session === null) return { kind: 'nobody' };
    const { person, grants } = session;
    const by = { kind: 'session', session, csrfToken: csrfTokenOf(secret) } as const;
    return { kind: 'person', person, grants, by };
  }

  /** False as soon as a token is revoked, a person signed out, or either is over. */
  isInForce(caller: Caller): boolean {
    if (caller.kind !== 'person') return true;
    const { by } = caller;
    return by.kind === 'token'
      ? this.tokens.isInForce(by.token)
      : this.sessions.isInForce(by.session);
  }

  /** Refusals are told to the journal. */
  async check(caller: Caller, wish: Wish): Promise<AccessAnswer> {
    if (caller.kind === 'owner') return { isAllowed: true };
    if (caller.kind === 'nobody') return { isAllowed: false, because: 'nobody we know' };
    const decide = await this.decider(caller);
    for (const resource of wish.resources) {
      const answer = decide(wish.action, resource);
      if (answer.isAllowed) continue;
      const { because } = answer;
      const service = resource.kind === 'service' ? resource.name : null;
      const of = { person: caller.person, action: wish.action, service, because };
      this.#parts.journal.refused({ ...of, resource: resourceText(resource) });
      return answer;
    }
    return { isAllowed: true };
  }

  /** What the policies say of the caller. Of several grants one has to be enough. */
  async decider(
    caller: Person,
  ): Promise<(action: AccessAction, resource: AccessResource) => AccessAnswer> {
    const authorizer = await this.#opened();
    const { person, grants } = caller;
    return (action, resource) => {
      const answers = grants.map(({ role, scopes }) =>
        authorizer.decide({ subject: { person, role, scopes }, action, resource }),
      );
      const because = `${person} has no role here`;
      return (
        answers.find(({ isAllowed }) => isAllowed) ?? answers[0] ?? { isAllowed: false, because }
      );
    };
  }

  /** What a list of `action` shows to the caller, each service by itself. */
  async sight(caller: Caller, action: AccessAction): Promise<(service: string | null) => boolean> {
    if (caller.kind === 'owner') return () => true;
    if (caller.kind === 'nobody') return () => false;
    const decide = await this.decider(caller);
    return (service) => {
      if (service === null) return caller.grants.some(({ scopes }) => scopes.includes(wholeScope));
      return decide(action, serviceResource(service)).isAllowed;
    };
  }

  /** What the request is, and not what the caller may, is why it is not done. */
  refused(caller: Person, because: string): void {
    const of = { action: null, service: null, resource: 'the server' };
    this.#parts.journal.refused({ ...of, person: caller.person, because });
  }

  /** Somebody without a token that is good. */
  knocked(): void {
    const because = 'no token, or none that is good';
    const of = { person: null, action: null, service: null, resource: 'the server' };
    this.#parts.journal.refused({ ...of, because });
  }

  /** Before it is done; rejects when it cannot be recorded. */
  async allowed(
    caller: Caller,
    wish: Wish,
    said: { readonly who: string; readonly why: string | null },
    signal: AbortSignal,
  ): Promise<void> {
    const person = caller.kind === 'person' ? caller.person : said.who;
    for (const resource of wish.resources) {
      const service = resource.kind === 'service' ? resource.name : null;
      const of = { person, action: wish.action, resource: resourceText(resource), service };
      await this.#parts.journal.allowed({ ...of, because: '', why: said.why }, signal);
    }
  }

  #opened(): Promise<Authorizer> {
    this.#authorizer ??= this.#parts.openAuthorizer();
    return this.#authorizer;
  }
}

type Person = Extract<Caller, { kind: 'person' }>;

export function isSame(given: string, wanted: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(wanted)];
  return one.length === other.length && timingSafeEqual(one, other);
}
