import { formatDuration } from '../../../api/release-file/duration.ts';
import type { CacheRule } from '../../../domain/cache/cache-rule.ts';

/** As a release file writes it; what is not there is left out. */
export function cacheWords(rule: CacheRule): Record<string, string> {
  const lists = { ignoreQuery: rule.ignoreQuery, headers: rule.varyBy, tags: rule.tags };
  const some = Object.entries(lists).filter(([, names]) => names.length > 0);
  return {
    ttl: formatDuration(rule.ttlMs),
    ttlMax: formatDuration(rule.ttlMaxMs),
    staleWhileRevalidate: formatDuration(rule.staleWhileRevalidateMs),
    staleIfError: formatDuration(rule.staleIfErrorMs),
    memory: bytesText(rule.memoryBytes),
    entry: bytesText(rule.entryBytesMax),
    ...Object.fromEntries(some.map(([key, names]) => [key, names.join(' ')])),
    ...(rule.storesCookieAnswers ? { storeSetCookie: 'true' } : {}),
    ...(rule.honorsRequests ? {} : { honorRequests: 'false' }),
    wait: formatDuration(rule.waitMs),
    evidence: `${rule.evidencePercent}%`,
  };
}

function bytesText(bytes: number): string {
  const units = [
    ['Gi', 2 ** 30],
    ['Mi', 2 ** 20],
    ['Ki', 2 ** 10],
  ] as const;
  for (const [unit, size] of units) if (bytes % size === 0) return `${bytes / size}${unit}`;
  return `${bytes} bytes`;
}
