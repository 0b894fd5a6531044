import { checkRouteTable } from '../../domain/traffic/routing/check-route-table.ts';
import {
  matchedRevision,
  nextInTurn,
  type ReadyRevisionMatch,
  readyRevisionMatches,
} from '../../domain/traffic/routing/route-choice.ts';
import type { RequestHeaders } from '../../domain/traffic/routing/request-match.ts';
import type { Route, RouteTable } from '../../domain/traffic/routing/route-table.ts';
import { nextIndex, type Split, splitOf } from '../../domain/traffic/routing/split.ts';
import type { InstanceCount, TrafficSample } from '../../domain/traffic/samples/traffic-sample.ts';
import type { Clock } from '../../ports/clock.ts';
import type { MetricsSource } from '../../ports/metrics-source.ts';
import type { UnderWaySource } from '../../ports/under-way-source.ts';
import { RouterError, type TrafficRouter } from '../../ports/traffic-router.ts';

/** What an instance does with one request. */
export interface Answer {
  /** 0-4 for 1xx-5xx, 5 for no answer; see `InstanceCount.byStatusClass`. */
  readonly statusClass: number;
  readonly latencyBucket: number;
}

/** The next `apply` calls go wrong, in this order: */
export type RouterFault =
  /** `apply` fails, retryable; the table is not in force. */
  | { readonly kind: 'fails' }
  /** `apply` fails, but the table is in force: the answer was lost. */
  | { readonly kind: 'answer-lost' }
  | { readonly kind: 'slow'; readonly durationMs: number };

const answered: Answer = { statusClass: 1, latencyBucket: 100 };

/**
 * A router and its traffic in memory and virtual time, for simulations. Splits exactly as the gateway does; its requests are
 * all `GET /` and from nobody, so no route's `sticky` or rules concern them.
 */
export class MemoryRouter implements TrafficRouter, MetricsSource, UnderWaySource {
  /** Requests that nobody has answered yet, as a test says; null: nobody tells. */
  underWay: ReadonlyMap<string, number> | null = new Map();
  onUnderWay = (): void => {};
  readonly #clock: Clock;
  readonly #faults: RouterFault[] = [];
  readonly #listeners = new Set<(sample: TrafficSample) => void>();
  readonly #live = new Map<string, Live>();
  #table: RouteTable | null = null;
  #wasAway = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The table in force. */
  get table(): RouteTable | null {
    return this.#table;
  }

  /** Adds faults for the next calls of `apply`, one each. */
  plan(...faults: readonly RouterFault[]): void {
    this.#faults.push(...faults);
  }

  /** The observer was away (crash of the server): the next sample is a catch-up. */
  observerReturned(): void {
    this.#wasAway = true;
  }

  async apply(table: RouteTable, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const fault = this.#faults.shift();
    if (fault?.kind === 'slow') await this.#clock.sleep(fault.durationMs, signal);
    if (fault?.kind === 'fails') throw unreachable(table);
    const [problem] = checkRouteTable(table);
    if (problem !== undefined) {
      const message = `cannot apply routes version ${table.version}: ${problem.place} ${problem.message}`;
      throw new RouterError('refused', message, { retryable: false });
    }
    this.#switch(table);
    if (fault?.kind === 'answer-lost') throw unreachable(table);
  }

  /** Requests take no time here. */
  drain(_id: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    return Promise.resolve();
  }

  version(signal: AbortSignal): Promise<number | null> {
    signal.throwIfAborted();
    return Promise.resolve(this.#table?.version ?? null);
  }

  subscribe(listener: (sample: TrafficSample) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /**
   * Sends `requests` to a service now and emits one sample of them. `answer` says what an instance does with each; all
   * have the same headers. A service without a route gets none.
   */
  serve(
    service: string,
    requests: number,
    answer: (revisionId: string, instanceId: string) => Answer = () => answered,
    headers: RequestHeaders = {},
  ): TrafficSample | null {
    const route = this.#table?.routes.find((route) => route.service === service);
    const live = route === undefined ? undefined : this.#live.get(route.service);
    if (route === undefined || live === undefined || requests === 0) return null;
    const tallies = new Map<string, Tally>();
    for (let request = 0; request < requests; request += 1) {
      const { revisionId, instanceId, isMatched } = this.#choose(route, live, headers);
      const outcome =
        instanceId === '' ? { statusClass: 5, latencyBucket: 0 } : answer(revisionId, instanceId);
      const key = `${revisionId}\0${instanceId}\0${isMatched}`;
      const tally = tallies.get(key) ?? newTally({ revisionId, instanceId, isMatched });
      tallies.set(key, tally);
      tally.byStatusClass[outcome.statusClass] =
        (tally.byStatusClass[outcome.statusClass] ?? 0) + 1;
      tally.latency.set(outcome.latencyBucket, (tally.latency.get(outcome.latencyBucket) ?? 0) + 1);
    }
    return this.#emit(service, [...tallies.values()].map(instanceCount));
  }

  #emit(service: string, counts: readonly InstanceCount[]): TrafficSample {
    const isCatchUp = this.#wasAway;
    this.#wasAway = false;
    const sample = { atMs: this.#clock.nowMs(), service, counts, isCatchUp };
    for (const listener of this.#listeners) listener(sample);
    return sample;
  }

  #choose(route: Route, live: Live, headers: RequestHeaders): Chosen {
    const matched = matchedRevision(live.matches, '/', { method: 'GET', headers });
    const backend =
      matched === null
        ? route.backends[nextIndex(live.split)]
        : route.backends.find(({ revisionId }) => revisionId === matched);
    if (backend === undefined) throw new Error(`no backend for ${route.host}`);
    const { revisionId, endpoints } = backend;
    const turn = nextInTurn(live.turns.get(revisionId) ?? -1, endpoints.length);
    live.turns.set(revisionId, turn);
    const isMatched = matched !== null;
    return { revisionId, instanceId: endpoints[turn]?.instanceId ?? '', isMatched };
  }

  #switch(table: RouteTable): void {
    if (this.#table !== null && table.version <= this.#table.version) return;
    for (const { service, backends, matches } of table.routes) {
      const before = this.#live.get(service);
      const shares = backends.map(({ revisionId, weightPercent }) => {
        return { key: revisionId, weightPercent };
      });
      const split = splitOf(shares, before?.split ?? null);
      const ready = readyRevisionMatches(matches);
      this.#live.set(service, { split, matches: ready, turns: before?.turns ?? new Map() });
    }
    this.#table = table;
  }
}

interface Live {
  readonly split: Split;
  readonly matches: readonly ReadyRevisionMatch[];
  readonly turns: Map<string, number>;
}

interface Chosen {
  readonly revisionId: string;
  readonly instanceId: string;
  readonly isMatched: boolean;
}

interface Tally extends Chosen {
  readonly byStatusClass: number[];
  readonly latency: Map<number, number>;
}

function newTally(chosen: Chosen): Tally {
  return { ...chosen, byStatusClass: [0, 0, 0, 0, 0, 0], latency: new Map() };
}

function instanceCount({ latency, ...same }: Tally): InstanceCount {
  return { ...same, latency: [...latency].sort(([a], [b]) => a - b) };
}

function unreachable({ version }: RouteTable): RouterError {
  const message = `cannot apply routes version ${version}: the router was not reachable (planned fault)`;
  return new RouterError('unreachable', message, { retryable: true });
}
