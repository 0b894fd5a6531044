import type { JwtRule } from '../../domain/traffic/jwt-rule.ts';
import type { RateLimit, RateLimitKey } from '../../domain/traffic/limits/rate-limit.ts';
import type {
  CircuitBreaker,
  LoadBalancing,
  MutualTls,
  OutlierDetection,
  RetryPolicy,
  TrafficPolicy,
} from '../../domain/traffic/resilience/traffic-policy.ts';
import { authorization } from './authorization-message.ts';
import { cacheRule } from './cache-message.ts';
import { integer, list, MalformedError, oneOf, record, text, texts } from './shape.ts';

/** A route's policy as the control socket and the kept table carry it; its bounds are checked by `checkTrafficPolicy`. */
export function trafficPolicy(value: Record<string, unknown>): TrafficPolicy {
  const { loadBalancing, retries, circuitBreaker, outlierDetection, rateLimits, jwt } = value;
  const { authorization: access, cache } = value;
  const { mtls } = value;
  return {
    ...(loadBalancing === undefined
      ? {}
      : { loadBalancing: balancing(record(loadBalancing, 'loadBalancing')) }),
    ...(retries === undefined ? {} : { retries: retryPolicy(record(retries, 'retries')) }),
    ...(circuitBreaker === undefined
      ? {}
      : { circuitBreaker: breaker(record(circuitBreaker, 'circuitBreaker')) }),
    ...(outlierDetection === undefined
      ? {}
      : { outlierDetection: detection(record(outlierDetection, 'outlierDetection')) }),
    ...(rateLimits === undefined ? {} : { rateLimits: limits(value) }),
    ...(jwt === undefined ? {} : { jwt: jwtRule(record(jwt, 'jwt')) }),
    ...(access === undefined
      ? {}
      : { authorization: authorization(record(access, 'authorization')) }),
    ...(mtls === undefined ? {} : { mtls: mutualTls(record(mtls, 'mtls')) }),
    ...(cache === undefined ? {} : { cache: cacheRule(record(cache, 'cache')) }),
  };
}

/** One that a newer server knows must not be taken for none. */
function mutualTls(value: Record<string, unknown>): MutualTls {
  return { mode: oneOf(value, 'mode', ['permissive', 'strict']) };
}

function balancing(value: Record<string, unknown>): LoadBalancing {
  return {
    algorithm: oneOf(value, 'algorithm', ['least-request', 'round-robin']),
    slowStartMs: integer(value, 'slowStartMs'),
    zones: oneOf(value, 'zones', ['prefer-local', 'ignore']),
  };
}

/** Of a route, or of one of its rules. */
export function retryPolicy(value: Record<string, unknown>): RetryPolicy {
  return {
    attempts: integer(value, 'attempts'),
    onConnectFailure: value['onConnectFailure'] === true,
    onRefusedStream: value['onRefusedStream'] === true,
    onReset: value['onReset'] === true,
    onStatuses: list(value, 'onStatuses').map((status) => {
      if (typeof status === 'number') return status;
      throw new MalformedError('onStatuses must be numbers');
    }),
    methods: oneOf(value, 'methods', ['safe', 'idempotent', 'any']),
    perTryTimeoutMs: integerOrNull(value, 'perTryTimeoutMs'),
    ...(value['hedgeAfterMs'] === undefined
      ? {}
      : { hedgeAfterMs: integer(value, 'hedgeAfterMs') }),
    backOffMs: integer(value, 'backOffMs'),
    budgetPercent: number(value, 'budgetPercent'),
    minPerSecond: integer(value, 'minPerSecond'),
  };
}

/** Of a route, or of one of its rules: `rateLimits` of it. */
export function limits(value: Record<string, unknown>): readonly RateLimit[] {
  return list(value, 'rateLimits').map((item) => {
    const limit = record(item, 'rateLimits');
    return {
      name: text(limit, 'name'),
      ratePerSecond: number(limit, 'ratePerSecond'),
      burst: integer(limit, 'burst'),
      per: limitKey(record(limit['per'], 'per')),
    };
  });
}

/** Of a route, or of one of its rules. */
export function jwtRule(value: Record<string, unknown>): JwtRule {
  const keys = record(value['keys'], 'keys');
  return {
    issuer: text(value, 'issuer'),
    audiences: texts(value, 'audiences'),
    keys:
      oneOf(keys, 'kind', ['url', 'set']) === 'url'
        ? { kind: 'url', url: text(keys, 'url') }
        : { kind: 'set', text: text(keys, 'text') },
    claims: list(value, 'claims').map((item) => {
      const claim = record(item, 'claims');
      return { name: text(claim, 'name'), values: texts(claim, 'values') };
    }),
  };
}

function limitKey(value: Record<string, unknown>): RateLimitKey {
  const kind = oneOf(value, 'kind', ['route', 'instance', 'address', 'header', 'claim']);
  return kind === 'header' || kind === 'claim' ? { kind, name: text(value, 'name') } : { kind };
}

function breaker(value: Record<string, unknown>): CircuitBreaker {
  return {
    maxConnections: integerOrNull(value, 'maxConnections'),
    maxPendingRequests: integerOrNull(value, 'maxPendingRequests'),
    maxRequests: integerOrNull(value, 'maxRequests'),
    maxRetries: integerOrNull(value, 'maxRetries'),
  };
}

function detection(value: Record<string, unknown>): OutlierDetection {
  return {
    consecutive5xx: integerOrNull(value, 'consecutive5xx'),
    consecutiveGatewayErrors: integerOrNull(value, 'consecutiveGatewayErrors'),
    intervalMs: integer(value, 'intervalMs'),
    baseEjectionMs: integer(value, 'baseEjectionMs'),
    maxEjectionPercent: number(value, 'maxEjectionPercent'),
    panicThresholdPercent: number(value, 'panicThresholdPercent'),
  };
}

function integerOrNull(value: Record<string, unknown>, key: string): number | null {
  return value[key] === null ? null : integer(value, key);
}

function number(value: Record<string, unknown>, key: string): number {
  const found = value[key];
  if (typeof found === 'number') return found;
  throw new MalformedError(`${key} must be a number`);
}
