import { type JwtDocument, toJwt } from './jwt-document.ts';
import { type RateLimitDocument, toRateLimits } from './rate-limit-document.ts';
import { type RetriesDocument, toRetries } from './policy-document.ts';
import type { ServiceInput } from './service-schema.ts';

/** Which requests are meant: all that is given has to fit. */
export interface MatchDocument {
  readonly path: { readonly type: 'Exact' | 'PathPrefix'; readonly value: string };
  readonly method: string | null;
  /** Names are in lower case. */
  readonly headers: readonly ValueDocument[];
  readonly queryParams: readonly ValueDocument[];
  readonly cookies: readonly ValueDocument[];
}

export interface ValueDocument {
  readonly name: string;
  readonly value: string;
}

export interface RuleDocument {
  readonly name: string;
  /** Empty: every request. */
  readonly matches: readonly MatchDocument[];
  readonly timeouts?: {
    readonly requestMs?: number;
    readonly backendRequestMs?: number;
    readonly idleMs?: number;
  };
  readonly maxBodyBytes?: number;
  /** In place of the service's own. */
  readonly retries?: RetriesDocument;
  /** Beside the service's own. */
  readonly rateLimits?: readonly RateLimitDocument[];
  /** In place of the service's own. */
  readonly jwt?: JwtDocument;
}

export type StickyDocument =
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'cookie'; readonly name: string }
  | { readonly kind: 'address' };

type Traffic = ServiceInput['spec']['traffic'];
type Rule = NonNullable<Traffic['rules']>[number];
type Match = NonNullable<Rule['matches']>[number];

/** What is not written is left out, so that a file that says nothing of it is the same as before. */
export function toRouting({ rules, sticky }: Traffic): {
  readonly rules?: readonly RuleDocument[];
  readonly sticky?: StickyDocument;
} {
  return {
    ...(rules === undefined ? {} : { rules: rules.map(toRule) }),
    ...(sticky === undefined ? {} : { sticky: toSticky(sticky) }),
  };
}

export function toMatch({
  path,
  method,
  headers = [],
  queryParams = [],
  cookies = [],
}: Match): MatchDocument {
  return {
    path: path ?? { type: 'PathPrefix', value: '/' },
    method: method ?? null,
    headers: headers.map(({ name, value }) => ({ name: name.toLowerCase(), value })),
    queryParams: queryParams.map(({ name, value }) => ({ name, value })),
    cookies: cookies.map(({ name, value }) => ({ name, value })),
  };
}

function toRule(rule: Rule): RuleDocument {
  const { name, matches = [], timeouts = {}, maxBodyBytes, retries, rateLimit, jwt } = rule;
  const { request, backendRequest, idle } = timeouts;
  // No limit at all, as the Gateway API says of 0s, is how it is without one.
  const limits = {
    ...(request === undefined || request === 0 ? {} : { requestMs: request }),
    ...(backendRequest === undefined || backendRequest === 0
      ? {}
      : { backendRequestMs: backendRequest }),
    ...(idle === undefined ? {} : { idleMs: idle }),
  };
  const isLimited = Object.keys(limits).length > 0;
  return {
    name,
    matches: matches.map(toMatch),
    ...(isLimited ? { timeouts: limits } : {}),
    ...(maxBodyBytes === undefined ? {} : { maxBodyBytes }),
    ...(retries === undefined ? {} : { retries: toRetries(retries) }),
    ...(rateLimit === undefined ? {} : { rateLimits: toRateLimits(rateLimit) }),
    ...(jwt === undefined ? {} : { jwt: toJwt(jwt) }),
  };
}

/** The schema has seen to it that there is exactly one. */
function toSticky({ header, cookie }: NonNullable<Traffic['sticky']>): StickyDocument {
  if (header !== undefined) return { kind: 'header', name: header.toLowerCase() };
  return cookie === undefined ? { kind: 'address' } : { kind: 'cookie', name: cookie };
}
