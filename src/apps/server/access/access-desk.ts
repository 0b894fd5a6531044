import { timingSafeEqual } from 'node:crypto';
import type { AccessJournal } from '../../../control/recording/access-journal.ts';
import type { TokenRegister } from '../../../control/recording/token-register.ts';
import { type AccessAction, resourceText } from '../../../domain/identity/access-action.ts';
import { wholeScope } from '../../../domain/identity/service-scope.ts';
import type { AccessAnswer, Authorizer } from '../../../ports/authorizer.ts';
import type { Caller } from './caller.ts';
import { serviceResource, type Wish } from './route-access.ts';

export interface AccessDeskParts {
  /** Of the state folder. */
  readonly ownerToken: string;
  readonly tokens: TokenRegister;
  readonly journal: AccessJournal;
  /** Called when the first person who is not the owner asks for something; kept. */
  readonly openAuthorizer: () => Promise<Authorizer>;
}

/** Says who asks, and whether they may. */
export class AccessDesk {
  readonly tokens: TokenRegister;
  readonly #parts: AccessDeskParts;
  #authorizer: Promise<Authorizer> | null = null;

  constructor(parts: AccessDeskParts) {
    this.#parts = parts;
    this.tokens = parts.tokens;
  }

  /** `header`: Authorization, RFC 6750 section 2.1. */
  identify(header: string | undefined): Caller {
    const found = /^Bearer +(\S{1,200}) *$/i.exec(header ?? '');
    const given = found?.[1];
    if (given === undefined) return { kind: 'nobody' };
    if (isSame(given, this.#parts.ownerToken)) return { kind: 'owner' };
    const token = this.tokens.find(given);
    return token === null ? { kind: 'nobody' } : { kind: 'person', token };
  }

  /** False as soon as a token is revoked or over. */
  isInForce(caller: Caller): boolean {
    return caller.kind !== 'person' || this.tokens.isInForce(caller.token);
  }

  /** Refusals are told to the journal. */
  async check(caller: Caller, wish: Wish): Promise<AccessAnswer> {
    if (caller.kind === 'owner') return { isAllowed: true };
    if (caller.kind === 'nobody') return { isAllowed: false, because: 'nobody we know' };
    const authorizer = await this.#opened();
    for (const resource of wish.resources) {
      const answer = authorizer.decide({
        subject: subjectOf(caller),
        action: wish.action,
        resource,
      });
      if (answer.isAllowed) continue;
      const { because } = answer;
      const service = resource.kind === 'service' ? resource.name : null;
      const of = { person: caller.token.person, action: wish.action, service, because };
      this.#parts.journal.refused({ ...of, resource: resourceText(resource) });
      return answer;
    }
    return { isAllowed: true };
  }

  /** What a list of `action` shows to the caller, each service by itself. */
  async sight(caller: Caller, action: AccessAction): Promise<(service: string | null) => boolean> {
    if (caller.kind === 'owner') return () => true;
    if (caller.kind === 'nobody') return () => false;
    const authorizer = await this.#opened();
    const subject = subjectOf(caller);
    return (service) => {
      if (service === null) return subject.scopes.includes(wholeScope);
      return authorizer.decide({ subject, action, resource: serviceResource(service) }).isAllowed;
    };
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
    const person = caller.kind === 'person' ? caller.token.person : said.who;
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

function subjectOf({ token }: Extract<Caller, { kind: 'person' }>) {
  const { person, role, scopes } = token;
  return { person, role, scopes };
}

function isSame(given: string, wanted: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(wanted)];
  return one.length === other.length && timingSafeEqual(one, other);
}
