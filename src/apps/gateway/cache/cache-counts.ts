import type { MetricFamily, ScalarFamily } from '../metrics/metric-family.ts';
import type { MemoryLayer } from './memory-layer.ts';

/** How requests of one service met its cache. */
export class CacheCounts {
  memoryHits = 0;
  redisHits = 0;
  /** Of the hits, those that were stale. */
  staleHits = 0;
  misses = 0;
  /** Asked an instance whether a stored answer is still right. */
  validations = 0;
  /** Not looked up, by method, by what the request says, or to be the gate's evidence. */
  passed = 0;
  /** Answered by what another request had fetched meanwhile. */
  collapsed = 0;
  stored = 0;
  invalidations = 0;
  redisFailures = 0;
  #fetches = 0;
  #fetchedMs = 0;
  savedMs = 0;

  fetched(durationMs: number): void {
    this.#fetches += 1;
    this.#fetchedMs += durationMs;
  }

  /** An instance would have taken as long as it takes on average. */
  hit(layer: 'memory' | 'redis', isStale: boolean): void {
    if (layer === 'memory') this.memoryHits += 1;
    else this.redisHits += 1;
    if (isStale) this.staleHits += 1;
    if (this.#fetches > 0) this.savedMs += this.#fetchedMs / this.#fetches;
  }
}

export interface CountedCache {
  readonly service: string;
  readonly counts: CacheCounts;
  readonly memory: MemoryLayer;
}

const counter = { kind: 'counter', merge: 'sum' } as const;
const gauge = { kind: 'gauge', merge: 'sum' } as const;

/** By what the counts call them. */
const counted = [
  ['stale_hits', 'Requests that were answered from the cache by a stale answer.', 'staleHits'],
  ['misses', 'Requests that an instance was asked for, as the cache had no answer.', 'misses'],
  ['validations', 'Stored answers that an instance was asked about.', 'validations'],
  ['passes', 'Requests that were not looked up in the cache.', 'passed'],
  [
    'collapsed',
    'Requests that were answered by what another one had fetched meanwhile.',
    'collapsed',
  ],
  ['stores', 'Answers that were stored.', 'stored'],
  [
    'invalidations',
    'Stored answers that an unsafe request or a purge has removed.',
    'invalidations',
  ],
  ['redis_failures', 'Questions to Redis that were not answered in time.', 'redisFailures'],
] as const;

export function cacheFamilies(caches: readonly CountedCache[]): readonly MetricFamily[] {
  if (caches.length === 0) return [];
  const points = (read: (cache: CountedCache) => number) =>
    caches.map((cache) => ({ labels: { tidegate_service: cache.service }, value: read(cache) }));
  return [
    {
      ...counter,
      name: 'tidegate_gateway_cache_hits',
      help: 'Requests that were answered from the cache, by where the answer lay.',
      points: caches.flatMap(hitPoints),
    },
    ...counted.map(([name, help, key]) => ({
      ...counter,
      name: `tidegate_gateway_cache_${name}`,
      help,
      points: points(({ counts }) => counts[key]),
    })),
    {
      ...counter,
      name: 'tidegate_gateway_cache_evictions',
      help: 'Stored answers that went for others.',
      points: points(({ memory }) => memory.evictions),
    },
    {
      ...counter,
      name: 'tidegate_gateway_cache_saved_seconds',
      help: 'What hits would have taken at an instance, by the mean of what was fetched.',
      points: points(({ counts }) => counts.savedMs / 1000),
    },
    {
      ...gauge,
      name: 'tidegate_gateway_cache_bytes',
      help: 'Memory that stored answers take.',
      points: points(({ memory }) => memory.bytes),
    },
    {
      ...gauge,
      name: 'tidegate_gateway_cache_entries',
      help: 'Stored answers in memory.',
      points: points(({ memory }) => memory.entries),
    },
  ];
}

function hitPoints({ service, counts }: CountedCache): ScalarFamily['points'] {
  const point = (layer: string, value: number) => ({
    labels: { tidegate_service: service, tidegate_cache_layer: layer },
    value,
  });
  return [point('memory', counts.memoryHits), point('redis', counts.redisHits)];
}
