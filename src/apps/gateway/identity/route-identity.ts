import { createHash } from 'node:crypto';
import type { JwtRule } from '../../../domain/traffic/jwt-rule.ts';
import {
  type ReadyRules,
  readyRules,
  ruleIndexOf,
} from '../../../domain/traffic/routing/route-rules.ts';
import type { Route } from '../../../domain/traffic/routing/route-table.ts';
import type { RoutedRequest } from '../live-routes.ts';
import type { Refusal } from '../refusal.ts';
import { TokenVerifier, type TokenVerdict } from './token-verifier.ts';

/**
 * Which requests of a route need a token, and whether they have it. A token is checked once and remembered, so that an engine asks at once for
 * almost every request; only the first request with a token waits.
 */
export class RouteIdentity {
  readonly #service: string;
  readonly #rules: ReadyRules | null;
  readonly #ofRoute: TokenMemory | null;
  readonly #byRule: readonly (TokenMemory | null)[];

  /** `before` is the same route's of the table before. Null: no request of it needs a token. */
  static of(route: Route, before: RouteIdentity | null): RouteIdentity | null {
    const { policy, rules = [] } = route;
    const isAsked = policy?.jwt !== undefined || rules.some(({ jwt }) => jwt !== undefined);
    return isAsked ? new RouteIdentity(route, before) : null;
  }

  private constructor({ service, policy, rules = [] }: Route, before: RouteIdentity | null) {
    const known = before === null ? [] : [before.#ofRoute, ...before.#byRule];
    const limits = [policy, ...rules].flatMap((each) => each?.rateLimits ?? []);
    const access = (policy?.authorization?.rules ?? []).flatMap(({ when }) => when);
    const kept = {
      asTexts: limits.flatMap(({ per }) => (per.kind === 'claim' ? [per.name] : [])),
      asLists: [...new Set(access.map(({ claim }) => claim))],
    };
    // What is remembered outlives a change of weights.
    const memoryOf = (rule: JwtRule | undefined): TokenMemory | null => {
      if (rule === undefined) return null;
      const text = JSON.stringify([rule, kept]);
      const verifier = () => new TokenVerifier(rule, kept);
      return known.find((each) => each?.text === text) ?? new TokenMemory(verifier(), text);
    };
    this.#service = service;
    this.#ofRoute = memoryOf(policy?.jwt);
    this.#byRule = rules.map(({ jwt }) => memoryOf(jwt));
    this.#rules = this.#byRule.some((each) => each !== null) ? readyRules(rules) : null;
  }

  /** Null: `refusal` can be asked at once. Never rejects. `nowMs` of `Date.now()`. */
  pending(path: string, request: RoutedRequest, nowMs: number): Promise<void> | null {
    const memory = this.#memoryOf(path, request);
    const token = memory === null ? null : bearerOf(request);
    return memory === null || token === null ? null : memory.pending(token, nowMs);
  }

  /** Null: the request may go on. */
  refusal(path: string, request: RoutedRequest, nowMs: number): Refusal | null {
    const memory = this.#memoryOf(path, request);
    if (memory === null) return null;
    const token = bearerOf(request);
    if (token === null) return this.#unauthorized('a bearer token is needed', null);
    const verdict = memory.verdict(token, nowMs);
    switch (verdict.kind) {
      case 'valid':
        return null;
      case 'invalid':
        return this.#unauthorized(`the token ${verdict.what}`, 'invalid_token');
      case 'insufficient': {
        const challenge = this.#challenge('insufficient_scope');
        const detail = `the token ${verdict.what}`;
        return { status: 403, reason: 'insufficient-token', detail, challenge };
      }
      case 'unknown':
        return { status: 503, reason: 'token-unchecked', detail: `the token ${verdict.what}` };
    }
  }

  /** Of a request that may go on: what limits go by. Null: it needs no token. */
  claims(path: string, request: RoutedRequest, nowMs: number): ReadonlyMap<string, string> | null {
    return this.#valid(path, request, nowMs)?.claims ?? null;
  }

  /** Of a request that may go on: what authorization goes by. Null: it needs no token. */
  claimLists(
    path: string,
    request: RoutedRequest,
    nowMs: number,
  ): ReadonlyMap<string, readonly string[]> | null {
    return this.#valid(path, request, nowMs)?.lists ?? null;
  }

  #valid(path: string, request: RoutedRequest, nowMs: number) {
    const token = bearerOf(request);
    const verdict = token === null ? null : this.#memoryOf(path, request)?.verdict(token, nowMs);
    return verdict?.kind === 'valid' ? verdict : null;
  }

  /** A rule's own takes the place of the route's. */
  #memoryOf(path: string, request: RoutedRequest): TokenMemory | null {
    if (this.#rules === null) return this.#ofRoute;
    return this.#byRule[ruleIndexOf(this.#rules, path, request)] ?? this.#ofRoute;
  }

  #unauthorized(detail: string, error: string | null): Refusal {
    return { status: 401, reason: 'unauthorized', detail, challenge: this.#challenge(error) };
  }

  /** RFC 6750 section 3; without an error where no token came (3.1). */
  #challenge(error: string | null): string {
    return `Bearer realm="${this.#service}"${error === null ? '' : `, error="${error}"`}`;
  }
}

/** Verdicts on tokens for one rule, by their digests: a token itself is kept nowhere. */
class TokenMemory {
  readonly text: string;
  readonly #verifier: TokenVerifier;
  /** Those used last are last. */
  readonly #known = new Map<string, Remembered>();
  readonly #asked = new Map<string, Promise<void>>();

  constructor(verifier: TokenVerifier, text: string) {
    this.text = text;
    this.#verifier = verifier;
  }

  pending(token: string, nowMs: number): Promise<void> | null {
    const digest = digestOf(token);
    const known = this.#known.get(digest);
    if (known !== undefined && known.untilMs > nowMs) return null;
    if (token.length > tokenLengthMax) {
      this.#remember(digest, { kind: 'invalid', what: 'is too long' }, nowMs);
      return null;
    }
    const asked = this.#asked.get(digest);
    if (asked !== undefined) return asked;
    if (this.#asked.size >= askedMax) return null;
    const asking = this.#verifier.verify(token, nowMs).then((verdict) => {
      // From when it is known: keys may be waited for longer than a refusal is remembered, and who waits for it asks again.
      this.#remember(digest, verdict, Date.now());
      this.#asked.delete(digest);
    });
    this.#asked.set(digest, asking);
    return asking;
  }

  verdict(token: string, nowMs: number): TokenVerdict {
    const digest = digestOf(token);
    const known = this.#known.get(digest);
    if (known === undefined) return { kind: 'unknown', what: 'has to wait for too many others' };
    this.#known.delete(digest);
    this.#known.set(digest, known);
    const { verdict } = known;
    // Remembered for a while only, so that an issuer's key that is taken back ends its tokens.
    if (verdict.kind === 'valid' && verdict.untilMs <= nowMs) {
      return { kind: 'invalid', what: 'has expired' };
    }
    return verdict;
  }

  #remember(digest: string, verdict: TokenVerdict, nowMs: number): void {
    const forMs = verdict.kind === 'valid' ? validForMs : refusedForMs;
    const untilMs = Math.min(nowMs + forMs, verdict.kind === 'valid' ? verdict.untilMs : Infinity);
    this.#known.delete(digest);
    this.#known.set(digest, { verdict, untilMs });
    if (this.#known.size <= knownMax) return;
    const [oldest] = this.#known.keys();
    if (oldest !== undefined) this.#known.delete(oldest);
  }
}

interface Remembered {
  readonly verdict: TokenVerdict;
  readonly untilMs: number;
}

const validForMs = 60_000;
/** A token that is refused is not checked again for each try, and one that could not be checked soon is. */
const refusedForMs = 1000;
const knownMax = 20_000;
/** Being checked at a time. */
const askedMax = 1000;
const tokenLengthMax = 8192;

function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}

/** RFC 6750 section 2.1. Null: there is none, or more than one. */
function bearerOf({ headers }: RoutedRequest): string | null {
  const value = headers['authorization'];
  if (typeof value !== 'string') return null;
  return /^bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(value)?.[1] ?? null;
}
