import type { CachePurge, CacheRule } from '../../domain/cache/cache-rule.ts';
import { integer, list, MalformedError, number, record, text } from './shape.ts';

/** A route's cache as `apply` and the kept table carry it; its bounds are checked by `checkCacheRule`. */
export function cacheRule(value: Record<string, unknown>): CacheRule {
  return {
    ttlMs: integer(value, 'ttlMs'),
    ttlMaxMs: integer(value, 'ttlMaxMs'),
    staleWhileRevalidateMs: integer(value, 'staleWhileRevalidateMs'),
    staleIfErrorMs: integer(value, 'staleIfErrorMs'),
    memoryBytes: integer(value, 'memoryBytes'),
    entryBytesMax: integer(value, 'entryBytesMax'),
    ignoreQuery: texts(value, 'ignoreQuery'),
    varyBy: texts(value, 'varyBy'),
    tags: texts(value, 'tags'),
    storesCookieAnswers: value['storesCookieAnswers'] === true,
    honorsRequests: value['honorsRequests'] === true,
    waitMs: integer(value, 'waitMs'),
    evidencePercent: number(value, 'evidencePercent'),
  };
}

export function cachePurge(value: Record<string, unknown>): CachePurge {
  const what = record(value['what'], 'what');
  const kind = text(what, 'kind');
  const atMs = integer(value, 'atMs');
  if (kind === 'all') return { atMs, what: { kind } };
  if (kind === 'tag') return { atMs, what: { kind, tag: text(what, 'tag') } };
  if (kind === 'path') return { atMs, what: { kind, path: text(what, 'path') } };
  throw new MalformedError(`unknown kind of purge '${kind.slice(0, 40)}'`);
}

function texts(value: Record<string, unknown>, key: string): readonly string[] {
  return list(value, key).map((item) => {
    if (typeof item === 'string') return item;
    throw new MalformedError(`${key} must be texts`);
  });
}
