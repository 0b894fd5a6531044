/** `Cache-Status` (RFC 9211) as this gateway says it: a list member of its own, so a cache behind it keeps its word. */
export type CacheStatus =
  | { readonly kind: 'hit'; readonly ttlMs: number; readonly layer: 'memory' | 'redis' }
  | {
      readonly kind: 'forward';
      readonly because: 'uri-miss' | 'vary-miss' | 'stale' | 'request' | 'method' | 'bypass';
      /** Of the instance's answer, if it is another one than the caller's. */
      readonly status?: number;
      readonly stored?: boolean;
      /** Another request had fetched it. */
      readonly collapsed?: boolean;
    };

export const cacheStatusHeader = 'cache-status';

export function cacheStatusText(said: CacheStatus): string {
  if (said.kind === 'hit') {
    const detail = said.layer === 'memory' ? '' : `; detail=${said.layer}`;
    return `tidegate; hit; ttl=${Math.floor(said.ttlMs / 1000)}${detail}`;
  }
  const { because, status, stored = false, collapsed = false } = said;
  return (
    `tidegate; fwd=${because}${status === undefined ? '' : `; fwd-status=${status}`}` +
    `${stored ? '; stored' : ''}${collapsed ? '; collapsed' : ''}`
  );
}
