import type { ServiceInput } from './service-schema.ts';

/** What the gateway keeps of a service's answers. */
export interface CacheDocument {
  readonly ttlMs: number;
  readonly ttlMaxMs: number;
  readonly staleWhileRevalidateMs: number;
  readonly staleIfErrorMs: number;
  readonly memoryBytes: number;
  readonly entryBytesMax: number;
  readonly ignoreQuery: readonly string[];
  /** In lower case. */
  readonly varyBy: readonly string[];
  readonly tags: readonly string[];
  readonly storesCookieAnswers: boolean;
  readonly honorsRequests: boolean;
  readonly waitMs: number;
  /** A multiple of 0.1. */
  readonly evidencePercent: number;
}

type Written = NonNullable<ServiceInput['spec']['traffic']['cache']>;

export function toCache(written: Written): CacheDocument {
  const { key, tags = [] } = written;
  return {
    ttlMs: written.ttl,
    ttlMaxMs: written.ttlMax,
    staleWhileRevalidateMs: written.staleWhileRevalidate,
    staleIfErrorMs: written.staleIfError,
    memoryBytes: written.memory,
    entryBytesMax: written.entry,
    ignoreQuery: key.ignoreQuery ?? [],
    varyBy: (key.headers ?? []).map((name) => name.toLowerCase()),
    tags,
    storesCookieAnswers: written.storeSetCookie,
    honorsRequests: written.honorRequests,
    waitMs: written.wait,
    evidencePercent: Math.round(written.evidence * 10) / 10,
  };
}
