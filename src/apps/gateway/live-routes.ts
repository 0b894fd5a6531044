import {
  hostOf,
  matchedRevision,
  nextInTurn,
  type RequestHeaders,
} from '../../domain/traffic/route-choice.ts';
import type { Backend, Endpoint, Route, RouteTable } from '../../domain/traffic/route-table.ts';
import { nextIndex, type Split, splitOf } from '../../domain/traffic/split.ts';
import type { Counter, Counters } from './counters.ts';

/** Where a request goes, or why it goes nowhere. */
export type Choice =
  | { readonly kind: 'target'; readonly target: Target; readonly requestTimeoutMs: number }
  | { readonly kind: 'no-endpoints'; readonly revisionId: string; readonly counter: Counter }
  | { readonly kind: 'unknown-host' };

export interface Target {
  readonly revisionId: string;
  readonly endpoint: Endpoint;
  /** `http://host:port`. */
  readonly origin: string;
  readonly counter: Counter;
}

/**
 * The table in force with what it needs between two requests: what each backend is owed and whose turn it is. Knows
 * nothing of HTTP machinery, so any engine can ask it. A table is switched in one synchronous step (port: nothing or
 * all of it is in force).
 */
export class LiveRoutes {
  readonly #counters: Counters;
  #hosts = new Map<string, LiveRoute>();
  #table: RouteTable | null = null;

  constructor(counters: Counters) {
    this.#counters = counters;
  }

  get table(): RouteTable | null {
    return this.#table;
  }

  /** The table has been checked. One that is not newer than the table in force changes nothing. */
  apply(table: RouteTable): void {
    if (this.#table !== null && table.version <= this.#table.version) return;
    const hosts = new Map<string, LiveRoute>();
    for (const route of table.routes) {
      hosts.set(route.host, this.#live(route, this.#hosts.get(route.host) ?? null));
    }
    this.#hosts = hosts;
    this.#table = table;
  }

  choose(authority: string | undefined, headers: RequestHeaders): Choice {
    const host = hostOf(authority);
    const live = host === null ? undefined : this.#hosts.get(host);
    if (live === undefined) return { kind: 'unknown-host' };
    const { lane, isMatched } = laneOf(live, headers);
    lane.turn = nextInTurn(lane.turn, lane.targets.length);
    const target = (isMatched ? lane.matchedTargets : lane.targets)[lane.turn];
    if (target === undefined) {
      const counter = lane.noInstance(isMatched);
      return { kind: 'no-endpoints', revisionId: lane.revisionId, counter };
    }
    return { kind: 'target', target, requestTimeoutMs: live.route.requestTimeoutMs };
  }

  /** Origins that may get a request now. */
  origins(): ReadonlySet<string> {
    const origins = new Set<string>();
    for (const { lanes } of this.#hosts.values()) {
      for (const { targets } of lanes) for (const { origin } of targets) origins.add(origin);
    }
    return origins;
  }

  #live(route: Route, before: LiveRoute | null): LiveRoute {
    const { service } = route;
    const canMatch = new Set(route.matches.map((match) => match.revisionId));
    const lanes = route.backends.map((backend) => ({
      revisionId: backend.revisionId,
      turn: before?.lanes.find((lane) => lane.revisionId === backend.revisionId)?.turn ?? -1,
      noInstance: (isMatched: boolean) => {
        const { revisionId } = backend;
        return this.#counters.counter({ service, revisionId, instanceId: '', isMatched });
      },
      targets: this.#targets(service, backend, false),
      matchedTargets: canMatch.has(backend.revisionId) ? this.#targets(service, backend, true) : [],
    }));
    const shares = route.backends.map(({ revisionId, weightPercent }) => {
      return { key: revisionId, weightPercent };
    });
    return { route, lanes, split: splitOf(shares, before?.split ?? null) };
  }

  #targets(service: string, backend: Backend, isMatched: boolean): readonly Target[] {
    const { revisionId } = backend;
    return backend.endpoints.map((endpoint) => {
      const { instanceId } = endpoint;
      const counter = this.#counters.counter({ service, revisionId, instanceId, isMatched });
      return { revisionId, endpoint, origin: originOf(endpoint), counter };
    });
  }
}

interface LiveRoute {
  readonly route: Route;
  readonly lanes: readonly Lane[];
  readonly split: Split;
}

interface Lane {
  readonly revisionId: string;
  readonly targets: readonly Target[];
  /** The same instances, counted apart for requests that a header match sends there. */
  readonly matchedTargets: readonly Target[];
  readonly noInstance: (isMatched: boolean) => Counter;
  /** Index of the endpoint that had the last request, -1 at first. */
  turn: number;
}

function laneOf(
  { route, lanes, split }: LiveRoute,
  headers: RequestHeaders,
): { readonly lane: Lane; readonly isMatched: boolean } {
  const matched = route.matches.length === 0 ? null : matchedRevision(route, headers);
  const lane =
    matched === null
      ? lanes[nextIndex(split)]
      : lanes.find(({ revisionId }) => revisionId === matched);
  if (lane === undefined)
    throw new Error(`no backend for ${route.host}: the table was not checked`);
  return { lane, isMatched: matched !== null };
}

export function originOf({ host, port }: Endpoint): string {
  const name = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
  return `http://${name}:${port}`;
}
