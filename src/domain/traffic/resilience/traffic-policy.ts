import type { Authorization } from '../../authorization/authorization.ts';
import type { CacheRule } from '../../cache/cache-rule.ts';
import type { JwtRule } from '../jwt-rule.ts';
import type { RateLimit } from '../limits/rate-limit.ts';

/**
 * How requests are spread over a revision's instances, and what is done when some of them fail. The words are those of Envoy, Istio and
 * the Gateway API. A part that is absent has the defaults below.
 */
export interface TrafficPolicy {
  readonly loadBalancing?: LoadBalancing;
  readonly retries?: RetryPolicy;
  readonly circuitBreaker?: CircuitBreaker;
  readonly outlierDetection?: OutlierDetection;
  /** Of all requests of the service; absent: as many as come. */
  readonly rateLimits?: readonly RateLimit[];
  /** What all requests have to carry; absent: nothing. */
  readonly jwt?: JwtRule;
  /** Who may ask what; absent: everybody everything, unless the whole installation says otherwise. */
  readonly authorization?: Authorization;
  /** Absent: no answer is kept. */
  readonly cache?: CacheRule;
  /** Absent: callers are not asked who they are. */
  readonly mtls?: MutualTls;
}

/**
 * As `mtls.mode` of Istio's PeerAuthentication, where DISABLE is to be without it. `strict`: every caller proves who it is by a client
 * certificate. `permissive`: it may.
 */
export interface MutualTls {
  readonly mode: 'permissive' | 'strict';
}

export interface LoadBalancing {
  /** `least-request`: of two instances the one with fewer requests under way; `round-robin`: each in its turn. */
  readonly algorithm: 'least-request' | 'round-robin';
  /** A new instance's share grows from a tenth to the whole in this time; 0: it has its whole share at once. */
  readonly slowStartMs: number;
  /** `prefer-local`: instances in the gateway's own zone first, as long as enough of them are well. */
  readonly zones: 'prefer-local' | 'ignore';
}

export interface RetryPolicy {
  /** After the first, 0-10. */
  readonly attempts: number;
  /** No connection came to be, so no instance can have acted: of any method. */
  readonly onConnectFailure: boolean;
  /** An instance spoken to in HTTP/2 said that it has not looked at the request (RFC 9113 section 8.7): of any method. */
  readonly onRefusedStream: boolean;
  /** The connection was closed, or nothing came within `perTryTimeoutMs`, before the answer's head was there. */
  readonly onReset: boolean;
  /** Answers that are thrown away for another try, 400-599. */
  readonly onStatuses: readonly number[];
  /** Which methods may be sent twice: safe and idempotent ones by RFC 9110 sections 9.2.1 and 9.2.2. */
  readonly methods: 'safe' | 'idempotent' | 'any';
  /** Null: an attempt may take as long as the request. */
  readonly perTryTimeoutMs: number | null;
  /** After so long without an octet of the answer, a safe request without a body is sent to another instance too; absent: never. */
  readonly hedgeAfterMs?: number;
  /** Base of the wait before an attempt, see `backOffMs`; 0: none, and an instance that just failed isn't asked again. */
  readonly backOffMs: number;
  /** Retries in the last ten seconds, as a part of the requests in them. */
  readonly budgetPercent: number;
  /** So many are allowed whatever the percentage gives. */
  readonly minPerSecond: number;
}

/** Of one revision in one gateway process. Null: no bound but those of an instance. */
export interface CircuitBreaker {
  readonly maxConnections: number | null;
  /** Requests that wait for a connection. */
  readonly maxPendingRequests: number | null;
  /** Requests under way, waiting ones included. */
  readonly maxRequests: number | null;
  /** Requests under way that are on their second attempt or a later one. */
  readonly maxRetries: number | null;
}

export interface OutlierDetection {
  /** Answers 5xx and failures in a row; null: not looked at. */
  readonly consecutive5xx: number | null;
  /** Answers 502, 503, 504 and failures in a row; null: not looked at. */
  readonly consecutiveGatewayErrors: number | null;
  /** For so long an instance must serve well until its next ejection is a step shorter again. */
  readonly intervalMs: number;
  /** Of the first ejection; the n-th in a row takes n times as long. */
  readonly baseEjectionMs: number;
  readonly maxEjectionPercent: number;
  /** When a smaller part than this is left, all are used. */
  readonly panicThresholdPercent: number;
}

export const usualLoadBalancing: LoadBalancing = {
  algorithm: 'least-request',
  slowStartMs: 10_000,
  zones: 'prefer-local',
};

/** What no instance can have acted on, and what was lost on a connection that an instance had kept. */
export const usualRetries: RetryPolicy = {
  attempts: 2,
  onConnectFailure: true,
  onRefusedStream: true,
  onReset: false,
  onStatuses: [],
  methods: 'safe',
  perTryTimeoutMs: null,
  backOffMs: 0,
  budgetPercent: 20,
  minPerSecond: 10,
};

/** An answer 500 is the gate's business and not looked at, unless the service says so. */
export const usualOutlierDetection: OutlierDetection = {
  consecutive5xx: null,
  consecutiveGatewayErrors: 5,
  intervalMs: 10_000,
  baseEjectionMs: 30_000,
  maxEjectionPercent: 50,
  panicThresholdPercent: 50,
};

/**
 * Null: nobody is ejected. While two revisions share a route, that is the default: an ejection takes failures away from the one that
 * has them, and the gate is to see both as they are. A service that asks for it has it at all times, for both alike.
 */
export function outlierDetectionOf(
  policy: TrafficPolicy | undefined,
  { isCompared }: { readonly isCompared: boolean },
): OutlierDetection | null {
  return policy?.outlierDetection ?? (isCompared ? null : usualOutlierDetection);
}
