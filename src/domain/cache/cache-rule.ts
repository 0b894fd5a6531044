/**
 * What the gateway keeps of a service's answers: `traffic.cache` of a release file. What an answer says of itself
 * (RFC 9111) goes before; these are the bounds, and what holds where it says nothing.
 */
export interface CacheRule {
  /** Freshness of answers that name none, if their status is cacheable by default; 0: such answers are not kept. */
  readonly ttlMs: number;
  /** No answer is fresh for longer, whatever it says. */
  readonly ttlMaxMs: number;
  /** RFC 5861, for answers that do not say it themselves; 0: not. */
  readonly staleWhileRevalidateMs: number;
  readonly staleIfErrorMs: number;
  /** Of all entries in one gateway's memory, their keys and fields included. */
  readonly memoryBytes: number;
  /** Of one answer's body: a larger one is passed on and not kept. */
  readonly entryBytesMax: number;
  /** Names in a query that make no difference; `*` at the end stands for any letters. */
  readonly ignoreQuery: readonly string[];
  /** Header names in lower case that make a difference whatever `Vary` says. */
  readonly varyBy: readonly string[];
  /** On every entry, beside those that the answer names. */
  readonly tags: readonly string[];
  /** Answers with Set-Cookie are kept, without it. */
  readonly storesCookieAnswers: boolean;
  /** `Cache-Control` of requests counts (RFC 9111 section 5.2.1), so a caller can ask past the cache. */
  readonly honorsRequests: boolean;
  /** How long a request waits for another one that fetches the same. */
  readonly waitMs: number;
  /** Of requests that a weighted choice sends somewhere: so many pass the cache by and are the gate's evidence, in (0, 100]. */
  readonly evidencePercent: number;
}

export const cacheRuleLimits = {
  ttlMs: 365 * 86_400_000,
  staleMs: 30 * 86_400_000,
  memoryBytesMin: 65_536,
  memoryBytes: 16 * 1024 ** 3,
  entryBytesMin: 1024,
  entryBytes: 64 * 1024 ** 2,
  names: 32,
  nameLength: 128,
  tagLength: 256,
  waitMs: 60_000,
} as const;

/** Something that entries are removed by, and when that was asked for. */
export interface CachePurge {
  /** Entries that were fetched at or before it are gone; since the Unix epoch. */
  readonly atMs: number;
  readonly what: PurgedPart;
}

export type PurgedPart =
  | { readonly kind: 'all' }
  | { readonly kind: 'tag'; readonly tag: string }
  /** Without a query: with any; a `*` at its end: all below. */
  | { readonly kind: 'path'; readonly path: string };

/** So many are told apart; what is older is taken for `all`. */
export const purgesMax = 64;
