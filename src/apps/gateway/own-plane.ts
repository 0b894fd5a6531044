import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { UnderWayReading } from '../../adapters/gateway/control-message.ts';
import { underWayReading } from '../../adapters/gateway/under-way.ts';
import type { RouteTable } from '../../domain/traffic/routing/route-table.ts';
import { Caches } from './cache/caches.ts';
import type { FarLayer } from './cache/far-layer.ts';
import type { CacheChange } from './cache/route-cache.ts';
import { type Counter, Counters } from './counters.ts';
import type { Address, DataPlane } from './data-plane.ts';
import type { MakeEngine } from './engine-kind.ts';
import type { Borrowing } from './limits/borrowing.ts';
import type { Engine } from './compat/http-engine.ts';
import type { ServingPlace } from './live-revision.ts';
import { LiveRoutes } from './live-routes.ts';
import { GatewayMetrics } from './metrics/gateway-metrics.ts';
import type { ProcessMetrics } from './metrics/metric-family.ts';
import { ProcessCounts } from './metrics/process-metrics.ts';
import { resilienceFamilies } from './metrics/resilience-metrics.ts';
import { activeFamilies } from './metrics/state-metrics.ts';

/** How long a revision that left the table may finish what it has; tunnels and endless answers are not waited for. */
const revisionDrainMs = 10_000;
const drainPollMs = 10;

export interface OwnPlaneOptions {
  readonly engine: MakeEngine;
  /** Of LiveRoutes. */
  readonly votesKey: readonly [number, number];
  readonly phase?: number;
  readonly place?: ServingPlace;
  /** Of tokens for rate limits; null: this process has its own buckets. */
  readonly borrowing?: Borrowing | null;
  /** Behind the memory of caches; absent: nothing. */
  readonly far?: FarLayer | null;
}

/** Requests are served by this process: routes, counters and an engine put together. */
export class OwnPlane implements DataPlane {
  readonly #metrics = new GatewayMetrics();
  readonly #process = new ProcessCounts();
  readonly counters = new Counters(this.#metrics.requests);
  readonly workers = null;
  onWorkersChanged = (): void => {};
  onWaiting = (): void => {};
  readonly #routes: LiveRoutes;
  readonly #engine: Engine;
  readonly #borrowing: Borrowing | null;
  readonly #caches: Caches;

  constructor(options: OwnPlaneOptions) {
    const { engine, votesKey, phase = 0, place = {}, borrowing = null, far = null } = options;
    this.#caches = new Caches({ processShare: place.processShare ?? 1, far });
    this.#routes = new LiveRoutes(this.counters, votesKey, {
      phase,
      place,
      caches: this.#caches,
      ...(borrowing === null ? {} : { buckets: borrowing.buckets }),
    });
    this.#borrowing = borrowing;
    const { waiting } = this.#routes;
    waiting.onFirst = () => this.onWaiting();
    this.#engine = engine(this.#routes, this.#metrics);
    this.#metrics.addSource(() => [
      ...activeFamilies(this.counters),
      ...this.#routes.access.families(),
      ...waiting.metrics.families(waiting.standing()),
      ...this.#caches.families(),
      ...resilienceFamilies(this.counters, this.#routes.standings()),
    ]);
  }

  get table(): RouteTable | null {
    return this.#routes.table;
  }

  listen(address: Address): Promise<AddressInfo> {
    return this.#engine.listen(address);
  }

  underWay(): readonly UnderWayReading[] {
    return [...underWayReading(this.counters.all()), ...this.#routes.waiting.readings()];
  }

  apply(table: RouteTable, beforeSwitch: () => void): Promise<boolean> {
    if (this.table !== null && table.version <= this.table.version) return Promise.resolve(false);
    beforeSwitch();
    this.#routes.apply(table);
    this.#borrowing?.applied(table);
    this.#engine.routesChanged();
    this.#routes.waiting.release(this.#routes.asleep());
    return Promise.resolve(true);
  }

  /** See LiveRoutes. */
  takeVotes(): readonly number[] {
    return this.#routes.takeVotes();
  }

  learnVotes(votes: readonly number[]): void {
    this.#routes.learnVotes(votes, performance.now());
  }

  /** Hears of stored answers that an unsafe request has made out of date. */
  onCacheChanged(hear: (change: CacheChange) => void): void {
    this.#caches.onChanged = hear;
  }

  /** What another process of this gateway has seen. */
  cacheChanged(change: CacheChange): void {
    this.#caches.changed(change);
  }

  /** Polled: requests under way are few when their revision has left the table, and nobody is in a hurry. */
  async drain(id: string): Promise<void> {
    const until = performance.now() + revisionDrainMs;
    const isOf = (each: Counter): boolean => each.revisionId === id || each.instanceId === id;
    const isUnderWay = () => this.counters.all().some((each) => isOf(each) && each.underWay > 0);
    while (isUnderWay() && performance.now() < until) await sleep(drainPollMs);
  }

  async metrics(): Promise<readonly ProcessMetrics[]> {
    const families = [...this.#metrics.families(), ...(await this.#process.families())];
    return [{ worker: null, families }];
  }

  async stop(boundMs: number): Promise<void> {
    await this.#engine.drain(boundMs);
    this.#process[Symbol.dispose]();
    await this.#borrowing?.[Symbol.asyncDispose]();
    await this.#caches[Symbol.asyncDispose]();
  }
}
