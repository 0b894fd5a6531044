import type { AccessLog } from '../access-log/access-log.ts';
import { type CallerLimits, usualCallerLimits } from '../caller-limits.ts';
import type { GatewayIdentity } from '../identity/gateway-identity.ts';
import type { LimitStanding } from '../limits/route-limits.ts';
import type { LiveRoutes } from '../live-routes.ts';
import { limitFields } from '../refusal.ts';
import { revisionHeader } from '../forwarded-headers.ts';
import { FixedLines, FixedValue } from '../http1/fixed-lines.ts';
import { type Head, RequestHead, ResponseHead } from '../http1/head.ts';
import type { RequestAdditions } from '../http1/request-writer.ts';
import type { ResponseAdditions } from '../http1/response-writer.ts';
import type { SecondOpinion } from '../http1/second-opinion.ts';
import { GatewayMetrics } from '../metrics/gateway-metrics.ts';
import { trailersHead } from '../http1/trailers.ts';
import type { SpanRecorder } from '../tracing/span-recorder.ts';
import { Caching } from './caching.ts';
import { InstancePools } from './instance-pool.ts';
import { RoutedHead } from './routed-head.ts';
import { Mirrors } from './mirrors.ts';
import { delaysMax, Slots } from '../slots.ts';
import { RequestBuffers, Scratch } from './scratch.ts';
import { TimeLimits } from './time-limits.ts';
import { WriteTurn } from './write-turn.ts';

export interface Deadlines {
  /** Between two requests, and before the first. */
  readonly idleMs: number;
  /** Of a head, from its first octet to its last. */
  readonly headMs: number;
  /** Of a whole request, from its head to the last of its body. */
  readonly requestMs: number;
  /** Within an answer: an instance that says nothing, or a caller that takes nothing. Event streams are quiet at times. */
  readonly silenceMs: number;
  /** A caller that takes nothing of its answer: shorter, since it can hold up what others want. */
  readonly takeMs: number;
  /** How long octets are still read away after the last answer, so that it is not lost in a reset. */
  readonly lingerMs: number;
}

/** As the other engine has them, where it has them. */
export const usualDeadlines: Deadlines = {
  idleMs: 75_000,
  headMs: 10_000,
  requestMs: 300_000,
  silenceMs: 300_000,
  takeMs: 60_000,
  lingerMs: 2000,
};

export interface PartsOptions {
  readonly opinion: SecondOpinion;
  readonly deadlines?: Deadlines;
  /** Absent: traces go through as they are. */
  readonly spans?: SpanRecorder | null;
  readonly callerLimits?: CallerLimits;
  /** Absent: nobody reads one. */
  readonly accessLog?: AccessLog | null;
  /** Who the gateway is; absent: nobody, so callers are not asked who they are either. */
  readonly identity?: GatewayIdentity | null;
  /** Absent: nobody asks for them. */
  readonly metrics?: GatewayMetrics;
  readonly log?: (message: string) => void;
}

/** A fault of ours is told so often at most. */
const faultEveryMs = 1000;

/**
 * What all connections of an engine share. Heads, additions and the scratch buffer are filled anew for each message and
 * used within the turn in which they were filled, so one of each is enough and no message makes garbage of them.
 */
export class Parts {
  readonly routes: LiveRoutes;
  readonly pools: InstancePools;
  readonly identity: GatewayIdentity | null;
  readonly scratch = new Scratch();
  readonly requestBuffers = new RequestBuffers();
  readonly writeTurn = new WriteTurn();
  readonly limits = new TimeLimits();
  readonly mirrors = new Mirrors(this);
  readonly caching = new Caching(this);
  /** Of requests that a fault holds up. */
  readonly delays = new Slots(delaysMax);
  readonly requestHead = new RequestHead();
  readonly responseHead = new ResponseHead();
  readonly trailers: Head = trailersHead();
  readonly routedHead = new RoutedHead(this.requestHead);
  readonly opinion: SecondOpinion;
  readonly requestAdditions: RequestAdditions = {
    callerAddress: FixedValue.of('unknown'),
    scheme: FixedValue.of('http'),
    traceparent: null,
    lines: null,
    isTunnel: false,
    takesTrailers: false,
    expectsContinue: false,
  };
  readonly responseAdditions: ResponseAdditions = {
    callerMinorVersion: 1,
    keepAlive: true,
    lines: null,
    isTunnel: false,
  };
  /** Of `performance.now()`, at most one sweep old: for what need not be exact. */
  nowMs = performance.now();
  isDraining = false;
  /** Of the request that is being sent on its way in this turn. */
  bodyBytesMax = Infinity;
  readonly deadlines: Deadlines;
  readonly spans: SpanRecorder | null;
  readonly callerLimits: CallerLimits;
  readonly accessLog: AccessLog | null;
  readonly metrics: GatewayMetrics;
  readonly #log: (message: string) => void;
  #faultToldMs = -faultEveryMs;
  readonly #revisionLines = new Map<string, FixedLines>();

  constructor(routes: LiveRoutes, options: PartsOptions) {
    this.routes = routes;
    this.identity = options.identity ?? null;
    this.pools = new InstancePools(this.identity);
    this.deadlines = options.deadlines ?? usualDeadlines;
    this.spans = options.spans ?? null;
    this.callerLimits = options.callerLimits ?? usualCallerLimits;
    this.accessLog = options.accessLog ?? null;
    this.metrics = options.metrics ?? new GatewayMetrics();
    this.#log = options.log ?? (() => {});
    this.opinion = options.opinion;
  }

  /** The line that names the revision on its answers, and those about limits if there are any. */
  linesOf(revisionId: string, standing: LimitStanding | null): FixedLines {
    if (standing !== null) {
      return FixedLines.of([[revisionHeader, revisionId], ...limitFields(standing)]);
    }
    let lines = this.#revisionLines.get(revisionId);
    if (lines === undefined) {
      lines = FixedLines.of([[revisionHeader, revisionId]]);
      this.#revisionLines.set(revisionId, lines);
    }
    return lines;
  }

  /**
   * An invariant of ours is broken by what came on one connection. That connection ends; the others, which have no part
   * in it, must not, or one octet of one caller would end them all again and again.
   */
  broken(error: unknown): void {
    const nowMs = performance.now();
    if (nowMs - this.#faultToldMs < faultEveryMs) return;
    this.#faultToldMs = nowMs;
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#log(`a connection was cut by a fault of the gateway: ${text}`);
  }

  routesChanged(): void {
    this.pools.retain(this.routes.origins());
    this.#revisionLines.clear();
  }
}
