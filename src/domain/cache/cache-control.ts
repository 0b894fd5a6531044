import { type Field, listOf, valueOf } from './http-fields.ts';

/** Delta-seconds beyond this mean the same (RFC 9111 section 1.2.2). */
const secondsMax = 2 ** 31;
/** Of all lines together: what is longer is not read, and taken for `no-store`. */
const lengthMax = 4096;

/** `Cache-Control` of an answer (RFC 9111 section 5.2.2), in ms where it has seconds. */
export interface AnswerDirectives {
  readonly noStore: boolean;
  readonly isPrivate: boolean;
  readonly isPublic: boolean;
  /** Of the whole answer; a list of fields is in `unsharedFields`. */
  readonly noCache: boolean;
  readonly mustRevalidate: boolean;
  readonly proxyRevalidate: boolean;
  readonly mustUnderstand: boolean;
  /** Null: not given. What is given and no number is 0, so that it is stale (section 4.2.1). */
  readonly maxAgeMs: number | null;
  readonly sharedMaxAgeMs: number | null;
  /** RFC 5861; null: not given. */
  readonly staleWhileRevalidateMs: number | null;
  readonly staleIfErrorMs: number | null;
  /** Named by `private="..."` or `no-cache="..."`, in lower case: they are no part of what is kept. */
  readonly unsharedFields: readonly string[];
}

/** `Cache-Control` of a request (RFC 9111 section 5.2.1). */
export interface RequestDirectives {
  readonly noStore: boolean;
  readonly noCache: boolean;
  readonly onlyIfCached: boolean;
  readonly maxAgeMs: number | null;
  readonly minFreshMs: number;
  /** Infinity: however stale; 0: not at all. */
  readonly maxStaleMs: number;
}

export const noRequestDirectives: RequestDirectives = {
  noStore: false,
  noCache: false,
  onlyIfCached: false,
  maxAgeMs: null,
  minFreshMs: 0,
  maxStaleMs: 0,
};

export function answerDirectives(fields: readonly Field[]): AnswerDirectives {
  const directives = directivesOf(valueOf(fields, 'cache-control'));
  const hasWhole = (name: string): boolean => directives.get(name) === null;
  const named = ['private', 'no-cache'].flatMap((name) => listOf(directives.get(name) ?? ''));
  return {
    noStore: directives.has('no-store'),
    isPrivate: hasWhole('private'),
    isPublic: directives.has('public'),
    noCache: hasWhole('no-cache'),
    mustRevalidate: directives.has('must-revalidate'),
    proxyRevalidate: directives.has('proxy-revalidate'),
    mustUnderstand: directives.has('must-understand'),
    maxAgeMs: durationMs(directives, 'max-age'),
    sharedMaxAgeMs: durationMs(directives, 's-maxage'),
    staleWhileRevalidateMs: durationMs(directives, 'stale-while-revalidate'),
    staleIfErrorMs: durationMs(directives, 'stale-if-error'),
    unsharedFields: named.map((name) => name.toLowerCase()),
  };
}

/** `value` is of all lines together; null: there is none. */
export function requestDirectives(value: string | null): RequestDirectives {
  if (value === null) return noRequestDirectives;
  const directives = directivesOf(value);
  return {
    noStore: directives.has('no-store'),
    noCache: directives.has('no-cache'),
    onlyIfCached: directives.has('only-if-cached'),
    maxAgeMs: durationMs(directives, 'max-age'),
    minFreshMs: durationMs(directives, 'min-fresh') ?? 0,
    maxStaleMs:
      directives.get('max-stale') === null ? Infinity : (durationMs(directives, 'max-stale') ?? 0),
  };
}

/** By name in lower case; null: it has no argument. The first of several counts (RFC 9111 section 4.2.1). */
function directivesOf(value: string | null): ReadonlyMap<string, string | null> {
  const directives = new Map<string, string | null>();
  if (value === null) return directives;
  if (value.length > lengthMax) return directives.set('no-store', null);
  for (const member of listOf(value)) {
    const at = member.indexOf('=');
    const name = (at < 0 ? member : member.slice(0, at)).trim().toLowerCase();
    if (!directives.has(name)) directives.set(name, at < 0 ? null : unquoted(member.slice(at + 1)));
  }
  return directives;
}

function unquoted(text: string): string {
  const trimmed = text.trim();
  if (!trimmed.startsWith('"')) return trimmed;
  const inner = trimmed.slice(1, trimmed.endsWith('"') && trimmed.length > 1 ? -1 : undefined);
  return inner.replaceAll(/\\(.)/g, '$1');
}

function durationMs(directives: ReadonlyMap<string, string | null>, name: string): number | null {
  const text = directives.get(name);
  if (text === undefined) return null;
  return text !== null && /^\d+$/.test(text) ? Math.min(Number(text), secondsMax) * 1000 : 0;
}
