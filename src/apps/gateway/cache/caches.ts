import type { Route } from '../../../domain/traffic/routing/route-table.ts';
import { cacheFamilies } from './cache-counts.ts';
import type { MetricFamily } from '../metrics/metric-family.ts';
import type { FarLayer } from './far-layer.ts';
import { type CacheChange, RouteCache } from './route-cache.ts';

export interface CachesOptions {
  /** In (0, 1]. */
  readonly processShare: number;
  /** Null: there is no Redis. */
  readonly far: FarLayer | null;
}

/** The caches of all routes in one process. */
export class Caches implements AsyncDisposable {
  /** Set by whoever has other processes to tell. */
  onChanged: (change: CacheChange) => void = () => {};
  readonly #options: CachesOptions;
  #byService = new Map<string, RouteCache>();

  constructor(options: CachesOptions) {
    this.#options = options;
  }

  /** In force from now on; one whose rule is as it was keeps what it has. */
  apply(routes: readonly Route[]): void {
    const before = this.#byService;
    this.#byService = new Map();
    for (const route of routes) {
      const { service, policy } = route;
      const rule = policy?.cache;
      if (rule === undefined) continue;
      const known = before.get(service);
      const isSame = known !== undefined && JSON.stringify(known.rule) === JSON.stringify(rule);
      const { processShare: memoryShare, far } = this.#options;
      const onChanged = (change: CacheChange): void => this.onChanged(change);
      const cache = isSame ? known : new RouteCache({ service, rule, memoryShare, far, onChanged });
      cache.apply(route);
      this.#byService.set(service, cache);
    }
  }

  get(service: string): RouteCache | null {
    return this.#byService.get(service) ?? null;
  }

  /** What another process of this gateway has seen. */
  changed({ service, authority, paths }: CacheChange): void {
    this.#byService.get(service)?.changed(authority, paths);
  }

  families(): readonly MetricFamily[] {
    return cacheFamilies([...this.#byService.values()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#options.far?.[Symbol.asyncDispose]();
  }
}
