import type { CacheRule } from '../../../domain/cache/cache-rule.ts';

/** All of a rule that says what an answer is found by, whether it is kept, and for how long. */
export function farScopeOf(rule: CacheRule): string {
  const { ttlMs, ttlMaxMs, staleWhileRevalidateMs, staleIfErrorMs } = rule;
  const { ignoreQuery, varyBy, tags, storesCookieAnswers } = rule;
  const times = [ttlMs, ttlMaxMs, staleWhileRevalidateMs, staleIfErrorMs];
  return JSON.stringify([times, ignoreQuery, varyBy, tags, storesCookieAnswers]);
}
