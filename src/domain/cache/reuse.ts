import type { RequestDirectives } from './cache-control.ts';
import { ageMs, type ReuseTerms } from './stored-answer.ts';

/** What a stored answer is good for, for one request. */
export type Reuse =
  | { readonly kind: 'fresh'; readonly ageMs: number; readonly ttlMs: number }
  /** Served all the same; `revalidates`: somebody has to ask anew meanwhile (RFC 5861 section 3). */
  | {
      readonly kind: 'stale';
      readonly ageMs: number;
      readonly ttlMs: number;
      readonly revalidates: boolean;
    }
  /** `stale` or `request`: the word of RFC 9211 section 2.2 for why it went forward. */
  | { readonly kind: 'validate'; readonly because: 'stale' | 'request' };

/** RFC 9111 section 4.2 and 5.2.1. */
export function reuse(terms: ReuseTerms, asked: RequestDirectives, nowMs: number): Reuse {
  const age = ageMs(terms, nowMs);
  const ttlMs = terms.lifetimeMs - age;
  if (asked.noCache) return { kind: 'validate', because: 'request' };
  if (terms.alwaysValidates) return { kind: 'validate', because: 'stale' };
  const isTooOld = asked.maxAgeMs !== null && age > asked.maxAgeMs;
  const isTooShort = asked.minFreshMs > 0 && ttlMs < asked.minFreshMs;
  if (ttlMs > 0 && !isTooOld && !isTooShort) return { kind: 'fresh', ageMs: age, ttlMs };
  const isTaken = !terms.neverStale && -ttlMs <= asked.maxStaleMs && asked.maxStaleMs > 0;
  if (isTaken && !isTooOld && !isTooShort) {
    return { kind: 'stale', ageMs: age, ttlMs, revalidates: false };
  }
  const asks = isTooOld || isTooShort;
  if (!asks && ttlMs <= 0 && -ttlMs <= terms.staleWhileRevalidateMs && !terms.neverStale) {
    const { staleWhileRevalidateMs: boundMs } = terms;
    if (boundMs > 0) return { kind: 'stale', ageMs: age, ttlMs, revalidates: true };
  }
  return { kind: 'validate', because: ttlMs > 0 ? 'request' : 'stale' };
}

/** Whether it may stand in for an instance that failed (RFC 5861 section 4); fresh ones may as well. */
export function standsIn(terms: ReuseTerms, asked: RequestDirectives, nowMs: number): boolean {
  if (terms.alwaysValidates || asked.noCache) return false;
  const staleMs = ageMs(terms, nowMs) - terms.lifetimeMs;
  if (asked.maxAgeMs !== null && ageMs(terms, nowMs) > asked.maxAgeMs) return false;
  if (staleMs < 0) return true;
  return !terms.neverStale && terms.staleIfErrorMs > 0 && staleMs <= terms.staleIfErrorMs;
}

/** Statuses of RFC 5861 section 4. */
export function isStandInStatus(status: number): boolean {
  return status === 500 || status === 502 || status === 503 || status === 504;
}
