import type { Field } from './http-fields.ts';

/** An answer as a cache has it. Times are in ms since the Unix epoch, by the clock of who fetched it. */
export interface StoredAnswer {
  readonly status: number;
  /** End-to-end fields, without Content-Length, Age and tags; Date is among them. */
  readonly fields: readonly Field[];
  readonly body: Uint8Array;
  /** When the request for it went out: a purge after this moment means it. */
  readonly requestAtMs: number;
  readonly terms: ReuseTerms;
  /** Header names in lower case that the answer was chosen by. */
  readonly vary: readonly string[];
  readonly tags: readonly string[];
}

/** How long, and on what terms, an answer may be used again. */
export interface ReuseTerms {
  /** When the answer came. */
  readonly responseAtMs: number;
  /** Its age then: `corrected_initial_age` of RFC 9111 section 4.2.3. */
  readonly initialAgeMs: number;
  readonly lifetimeMs: number;
  /** 0: not. Forbidden by the answer where it says so (section 4.2.4), whatever the rule has. */
  readonly staleWhileRevalidateMs: number;
  readonly staleIfErrorMs: number;
  /** Never without asking (`no-cache`). */
  readonly alwaysValidates: boolean;
  /** Not stale, whoever asks for it: `must-revalidate`, `proxy-revalidate`, `s-maxage`. */
  readonly neverStale: boolean;
}

/** Section 4.2.3: `current_age`. */
export function ageMs(terms: ReuseTerms, nowMs: number): number {
  return terms.initialAgeMs + Math.max(0, nowMs - terms.responseAtMs);
}

/** Fields that belong to one connection or to the message's framing, and what the gateway writes anew. */
const unkept: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authentication-info',
  'transfer-encoding',
  'te',
  'trailer',
  'upgrade',
  'content-length',
  'age',
  'cache-tag',
  'x-tidegate-revision',
  'x-tidegate-reason',
  'ratelimit',
  'ratelimit-policy',
]);

/** `without` is in lower case. */
export function keptFields(fields: readonly Field[], without: readonly string[]): readonly Field[] {
  return fields.filter(([name]) => {
    const lower = name.toLowerCase();
    return !unkept.has(lower) && !without.includes(lower);
  });
}
