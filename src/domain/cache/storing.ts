import {
  answerDirectives,
  type AnswerDirectives,
  type RequestDirectives,
} from './cache-control.ts';
import type { CacheRule } from './cache-rule.ts';
import { type Field, httpDateMs, httpDateText, listOf, valueOf } from './http-fields.ts';
import { keptFields, type ReuseTerms, type StoredAnswer } from './stored-answer.ts';
import { tagsOf } from './tags.ts';

/** What of a request decides whether its answer may be kept. */
export interface AskedRequest {
  readonly directives: RequestDirectives;
  readonly hasAuthorization: boolean;
  /** When it went out, and when its answer's head came. */
  readonly requestAtMs: number;
  readonly responseAtMs: number;
}

export interface FetchedHead {
  readonly status: number;
  readonly fields: readonly Field[];
}

export type Storing =
  | { readonly kind: 'store'; readonly answer: Omit<StoredAnswer, 'body'> }
  | { readonly kind: 'pass'; readonly why: NotStored };

export type NotStored =
  | 'request-no-store'
  | 'status'
  | 'no-store'
  | 'private'
  | 'authorization'
  | 'set-cookie'
  | 'vary'
  | 'no-lifetime';

/** Cacheable by default (RFC 9110 section 15.1), but for 206, whose parts are not put together here, and errors of the server. */
const byDefault: ReadonlySet<number> = new Set([200, 203, 204, 300, 301, 308, 404, 405, 410, 414]);
/** Whose rules for caches are known, for `must-understand`. */
const understood: ReadonlySet<number> = new Set([...byDefault, 302, 303, 307, 501]);
const varyNamesMax = 16;

/** Whether a shared cache may keep the answer to a GET (RFC 9111 section 3), and on what terms. */
export function storing(head: FetchedHead, asked: AskedRequest, rule: CacheRule): Storing {
  const directives = answerDirectives(head.fields);
  const vary = varyOf(head.fields, rule);
  const why = whyNot(head, directives, asked) ?? (vary === null ? 'vary' : null);
  if (why !== null) return { kind: 'pass', why };
  const cookie = valueOf(head.fields, 'set-cookie') !== null;
  if (cookie && !rule.storesCookieAnswers && !directives.unsharedFields.includes('set-cookie')) {
    return { kind: 'pass', why: 'set-cookie' };
  }
  const terms = termsOf(head, directives, asked, rule);
  const isKnownAgain = isValidatable(head.fields) || terms.staleIfErrorMs > 0;
  if (terms.lifetimeMs <= 0 && !(isSaid(head, directives) && isKnownAgain)) {
    return { kind: 'pass', why: 'no-lifetime' };
  }
  // A cookie is one caller's, whoever is given the rest.
  const without = [...directives.unsharedFields, 'set-cookie'];
  return {
    kind: 'store',
    answer: {
      status: head.status,
      fields: dated(keptFields(head.fields, without), asked.responseAtMs),
      requestAtMs: asked.requestAtMs,
      terms,
      vary: vary ?? [],
      tags: tagsOf(head.fields, rule.tags),
    },
  };
}

function whyNot(
  { status }: FetchedHead,
  directives: AnswerDirectives,
  { directives: asked, hasAuthorization }: AskedRequest,
): NotStored | null {
  if (asked.noStore) return 'request-no-store';
  if (status < 200 || status === 206 || status === 304 || status > 599) return 'status';
  const { noStore, mustUnderstand, isPrivate, isPublic, mustRevalidate, sharedMaxAgeMs } =
    directives;
  if (mustUnderstand && !understood.has(status)) return 'status';
  if (noStore && !mustUnderstand) return 'no-store';
  if (isPrivate) return 'private';
  // Section 3.5.
  const isForAll = isPublic || mustRevalidate || sharedMaxAgeMs !== null;
  return hasAuthorization && !isForAll ? 'authorization' : null;
}

/** Section 4.2.1, 4.2.3 and 4.2.4. */
export function termsOf(
  head: FetchedHead,
  directives: AnswerDirectives,
  { requestAtMs, responseAtMs }: Pick<AskedRequest, 'requestAtMs' | 'responseAtMs'>,
  rule: CacheRule,
): ReuseTerms {
  const { fields } = head;
  const dateMs = httpDateMs(valueOf(fields, 'date')) ?? responseAtMs;
  const apparentMs = Math.max(0, responseAtMs - dateMs);
  const initialAgeMs = Math.max(apparentMs, ageValueMs(fields) + (responseAtMs - requestAtMs));
  const lifetimeMs = Math.min(
    rule.ttlMaxMs,
    explicitLifetimeMs(fields, directives, dateMs) ?? (byDefault.has(head.status) ? rule.ttlMs : 0),
  );
  const { noCache, mustRevalidate, proxyRevalidate, sharedMaxAgeMs } = directives;
  const neverStale = mustRevalidate || proxyRevalidate || sharedMaxAgeMs !== null || noCache;
  const { staleWhileRevalidateMs: whileMs, staleIfErrorMs: errorMs } = directives;
  return {
    responseAtMs,
    initialAgeMs,
    lifetimeMs,
    staleWhileRevalidateMs: neverStale ? 0 : (whileMs ?? rule.staleWhileRevalidateMs),
    staleIfErrorMs: neverStale ? 0 : (errorMs ?? rule.staleIfErrorMs),
    alwaysValidates: noCache,
    neverStale,
  };
}

/** Null: the answer says nothing of it. */
function explicitLifetimeMs(
  fields: readonly Field[],
  { sharedMaxAgeMs, maxAgeMs }: AnswerDirectives,
  dateMs: number,
): number | null {
  const said = sharedMaxAgeMs ?? maxAgeMs;
  if (said !== null) return said;
  const expires = valueOf(fields, 'expires');
  if (expires === null) return null;
  // What is no date has expired (section 5.3).
  return Math.max(0, (httpDateMs(expires) ?? 0) - dateMs);
}

/** Its lifetime, or that it has none, is the answer's own word. */
function isSaid({ status, fields }: FetchedHead, directives: AnswerDirectives): boolean {
  const { sharedMaxAgeMs, maxAgeMs, noCache, isPublic } = directives;
  if (sharedMaxAgeMs !== null || maxAgeMs !== null || valueOf(fields, 'expires') !== null)
    return true;
  return byDefault.has(status) && (noCache || isPublic);
}

function isValidatable(fields: readonly Field[]): boolean {
  return valueOf(fields, 'etag') !== null || valueOf(fields, 'last-modified') !== null;
}

/** Section 5.1; what is no number is passed over. */
function ageValueMs(fields: readonly Field[]): number {
  const [first = ''] = listOf(valueOf(fields, 'age') ?? '');
  return /^\d+$/.test(first) ? Math.min(Number(first), 2 ** 31) * 1000 : 0;
}

/** RFC 9110 section 6.6.1: who takes an answer without a date gives it one. */
function dated(fields: readonly Field[], atMs: number): readonly Field[] {
  return valueOf(fields, 'date') === null ? [...fields, ['date', httpDateText(atMs)]] : fields;
}

/** Null: nobody else may have it (`*`), or it goes by more than can be looked at. */
function varyOf(fields: readonly Field[], { varyBy }: CacheRule): readonly string[] | null {
  const named = listOf(valueOf(fields, 'vary') ?? '').map((name) => name.toLowerCase());
  if (named.includes('*') || named.length > varyNamesMax) return null;
  return [...new Set([...named, ...varyBy])].toSorted();
}
