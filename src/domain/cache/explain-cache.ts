import { keptPath } from './cache-key.ts';
import type { CacheRule } from './cache-rule.ts';
import { isUnsafe } from './invalidation.ts';

/** What a cache does to a request that is let through, as the end of a sentence; empty: nothing. */
export function explainCache(
  rule: Pick<CacheRule, 'ignoreQuery'> | undefined,
  { method, path }: { readonly method: string; readonly path: string },
): string {
  if (rule === undefined) return '';
  if (method === 'GET' || method === 'HEAD') {
    return `; then the cache is asked for ${keptPath(path, rule.ignoreQuery)}`;
  }
  return isUnsafe(method)
    ? `; if it does not fail, what the cache has of ${keptPath(path, rule.ignoreQuery)} is removed`
    : '; the cache is passed by';
}
