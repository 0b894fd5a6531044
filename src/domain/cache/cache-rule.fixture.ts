import type { CacheRule } from './cache-rule.ts';

/** As a file that says `cache: {}`, but that answers without a word of it are not kept. */
export const usualCacheRule: CacheRule = {
  ttlMs: 0,
  ttlMaxMs: 86_400_000,
  staleWhileRevalidateMs: 0,
  staleIfErrorMs: 0,
  memoryBytes: 64 * 1024 ** 2,
  entryBytesMax: 1024 ** 2,
  ignoreQuery: [],
  varyBy: [],
  tags: [],
  storesCookieAnswers: false,
  honorsRequests: true,
  waitMs: 5000,
  evidencePercent: 10,
};
