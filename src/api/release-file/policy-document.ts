import { type CacheDocument, toCache } from './cache-document.ts';
import { type AuthorizationDocument, toAuthorization } from './authorization-document.ts';
import { type JwtDocument, toJwt } from './jwt-document.ts';
import { type RateLimitDocument, toRateLimits } from './rate-limit-document.ts';
import type { ServiceInput } from './service-schema.ts';

/** How requests are spread over instances, and what is done when some fail. What is not written is absent. */
export interface PolicyDocument {
  readonly loadBalancing?: {
    readonly algorithm: 'least-request' | 'round-robin';
    readonly slowStartMs: number;
    readonly zones: 'prefer-local' | 'ignore';
  };
  readonly retries?: RetriesDocument;
  readonly circuitBreaker?: {
    readonly maxConnections: number | null;
    readonly maxPendingRequests: number | null;
    readonly maxRequests: number | null;
    readonly maxRetries: number | null;
  };
  readonly outlierDetection?: {
    readonly consecutive5xx: number | null;
    readonly consecutiveGatewayErrors: number | null;
    readonly intervalMs: number;
    readonly baseEjectionMs: number;
    readonly maxEjectionPercent: number;
    readonly panicThresholdPercent: number;
  };
  readonly rateLimits?: readonly RateLimitDocument[];
  readonly jwt?: JwtDocument;
  readonly authorization?: AuthorizationDocument;
  readonly cache?: CacheDocument;
  /** Absent: off. */
  readonly mtls?: { readonly mode: 'permissive' | 'strict' };
}

export interface RetriesDocument {
  readonly attempts: number;
  readonly onConnectFailure: boolean;
  readonly onRefusedStream: boolean;
  readonly onReset: boolean;
  /** 400-599, in ascending order. */
  readonly onStatuses: readonly number[];
  readonly methods: 'safe' | 'idempotent' | 'any';
  readonly perTryTimeoutMs: number | null;
  /** Absent: no request is hedged. */
  readonly hedgeAfterMs?: number;
  readonly backOffMs: number;
  readonly budgetPercent: number;
  readonly minPerSecond: number;
}

type Traffic = ServiceInput['spec']['traffic'];

/** Empty where nothing is written, so that such a file is the same as before. */
export function toPolicy(traffic: Traffic): { readonly policy?: PolicyDocument } {
  const { loadBalancing, retries, circuitBreaker, outlierDetection, rateLimit, jwt } = traffic;
  const { authorization } = traffic;
  const { mtls } = traffic;
  const mode = mtls?.mode ?? 'off';
  const { cache } = traffic;
  const policy: PolicyDocument = {
    ...(loadBalancing === undefined ? {} : { loadBalancing: toBalancing(loadBalancing) }),
    ...(retries === undefined ? {} : { retries: toRetries(retries) }),
    ...(circuitBreaker === undefined ? {} : { circuitBreaker: toBreaker(circuitBreaker) }),
    ...(outlierDetection === undefined ? {} : { outlierDetection: toOutliers(outlierDetection) }),
    ...(rateLimit === undefined ? {} : { rateLimits: toRateLimits(rateLimit) }),
    ...(jwt === undefined ? {} : { jwt: toJwt(jwt) }),
    ...(authorization === undefined ? {} : { authorization: toAuthorization(authorization) }),
    ...(mode === 'off' ? {} : { mtls: { mode } }),
    ...(cache === undefined ? {} : { cache: toCache(cache) }),
  };
  return Object.keys(policy).length === 0 ? {} : { policy };
}

function toBalancing({
  algorithm,
  slowStart,
  zones,
}: NonNullable<Traffic['loadBalancing']>): NonNullable<PolicyDocument['loadBalancing']> {
  return { algorithm, slowStartMs: slowStart, zones };
}

export function toRetries(written: NonNullable<Traffic['retries']>): RetriesDocument {
  return {
    attempts: written.attempts,
    onConnectFailure: written.on.includes('connect-failure'),
    onRefusedStream: written.on.includes('refused-stream'),
    onReset: written.on.includes('reset-before-answer'),
    onStatuses: written.on.filter((each) => typeof each === 'number').toSorted((a, b) => a - b),
    methods: written.methods,
    perTryTimeoutMs: written.perTryTimeout ?? null,
    ...(written.hedgeAfter === undefined ? {} : { hedgeAfterMs: written.hedgeAfter }),
    backOffMs: written.backOff,
    budgetPercent: written.budget,
    minPerSecond: written.minPerSecond,
  };
}

function toBreaker(
  written: NonNullable<Traffic['circuitBreaker']>,
): NonNullable<PolicyDocument['circuitBreaker']> {
  return {
    maxConnections: written.maxConnections ?? null,
    maxPendingRequests: written.maxPendingRequests ?? null,
    maxRequests: written.maxRequests ?? null,
    maxRetries: written.maxRetries ?? null,
  };
}

function toOutliers(
  written: NonNullable<Traffic['outlierDetection']>,
): NonNullable<PolicyDocument['outlierDetection']> {
  return {
    consecutive5xx: written.consecutive5xx ?? null,
    consecutiveGatewayErrors: written.consecutiveGatewayErrors,
    intervalMs: written.interval,
    baseEjectionMs: written.baseEjectionTime,
    maxEjectionPercent: written.maxEjectionPercent,
    panicThresholdPercent: written.panicThreshold,
  };
}
