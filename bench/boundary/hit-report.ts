import { type BenchReport, cell, rounded } from '../form.ts';
import type { HitReading, HitReadings } from './cache-hits.ts';
import { workMs } from './cached-origin.ts';

export function hitReport({
  alone,
  peerAlone,
  behind,
  peerBehind,
  warmRequests,
}: HitReadings): BenchReport {
  const all = [alone, peerAlone, behind, peerBehind].filter((each) => each !== null);
  const row = (each: HitReading): readonly string[] => [
    each.name,
    cell(each.hitRatio, 3),
    ...[each.meanUs, each.p50Us, each.p99Us].map((us) => cell(us / 1000, 2)),
    cell(each.savedMs, 2),
    String(each.failures),
  ];
  return {
    tables: [
      {
        heads: ['A CACHE', 'HITS', 'MEAN MS', 'P50 MS', 'P99 MS', 'SAVED MS', 'FAILURES'],
        rows: all.map(row),
      },
    ],
    notes: [
      `100,000 keys by Zipf's law (s = 1), the same ${warmRequests} requests to fill each and the same ${alone.requests} measured, over 16 connections.`,
      `Hits: requests for which the instance, which works ${workMs} ms on each answer, was not asked. Saved: of a request, by the gateway's own metrics.`,
      ...(behind === null
        ? ['redis-server is not installed: a cache with it was not measured.']
        : []),
    ],
    result: {
      cacheHitRatio: rounded(behind?.hitRatio ?? null, 3),
      peerCacheHitRatio: rounded(peerBehind.hitRatio, 3),
      cacheMemoryHitRatio: rounded(alone.hitRatio, 3),
      peerCacheMemoryHitRatio: rounded(peerAlone.hitRatio, 3),
      cacheSavedMs: rounded((behind ?? alone).savedMs, 2),
    },
  };
}
