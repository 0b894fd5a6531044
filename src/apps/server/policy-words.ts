import { formatDuration } from '../../api/release-file/duration.ts';
import type { ServiceView } from '../../api/wire.ts';
import type { JwtRule } from '../../domain/traffic/jwt-rule.ts';
import type { RateLimit } from '../../domain/traffic/rate-limit.ts';
import type { RetryPolicy, TrafficPolicy } from '../../domain/traffic/traffic-policy.ts';

/** What a service says of balancing and resilience, by part, as a release file writes it; parts that are not set are left out. */
export function policyWords(policy: TrafficPolicy | undefined): Partial<ServiceView['spec']> {
  if (policy === undefined) return {};
  const { loadBalancing, retries, circuitBreaker, outlierDetection, rateLimits, jwt } = policy;
  return {
    trafficPolicy: {
      ...(loadBalancing === undefined
        ? {}
        : {
            loadBalancing: {
              algorithm: loadBalancing.algorithm,
              slowStart: formatDuration(loadBalancing.slowStartMs),
              zones: loadBalancing.zones,
            },
          }),
      ...(retries === undefined ? {} : { retries: retryWords(retries) }),
      ...(circuitBreaker === undefined ? {} : { circuitBreaker: given({ ...circuitBreaker }) }),
      ...(outlierDetection === undefined
        ? {}
        : {
            outlierDetection: {
              ...given({
                consecutive5xx: outlierDetection.consecutive5xx,
                consecutiveGatewayErrors: outlierDetection.consecutiveGatewayErrors,
              }),
              interval: formatDuration(outlierDetection.intervalMs),
              baseEjectionTime: formatDuration(outlierDetection.baseEjectionMs),
              maxEjectionPercent: `${outlierDetection.maxEjectionPercent}%`,
              panicThreshold: `${outlierDetection.panicThresholdPercent}%`,
            },
          }),
      ...(rateLimits === undefined ? {} : { rateLimit: limitWords(rateLimits) }),
      ...(jwt === undefined ? {} : { jwt: jwtWords(jwt) }),
    },
  };
}

/** By the names of the limits: `1000/s per instance, burst 100`. */
export function limitWords(limits: readonly RateLimit[]): Record<string, string> {
  return Object.fromEntries(
    limits.map(({ name, ratePerSecond, burst, per }) => {
      const whose = 'name' in per ? `${per.kind} ${per.name}` : per.kind;
      return [name, `${rateText(ratePerSecond)} per ${whose}, burst ${burst}`];
    }),
  );
}

export function jwtWords({ issuer, audiences, keys, claims }: JwtRule): Record<string, string> {
  const wanted = claims.map(({ name, values }) => `${name} ${values.join(' or ')}`);
  return {
    issuer,
    audiences: audiences.join(' or '),
    keys: keys.kind === 'url' ? keys.url : 'of the file',
    ...(wanted.length === 0 ? {} : { claims: wanted.join(', ') }),
  };
}

/** In the largest unit that makes it a whole number, as somebody would write it. */
function rateText(ratePerSecond: number): string {
  const units = [
    ['s', 1],
    ['m', 60],
    ['h', 3600],
  ] as const;
  for (const [unit, seconds] of units) {
    const count = ratePerSecond * seconds;
    if (Math.abs(count - Math.round(count)) < 1e-9 * seconds) return `${Math.round(count)}/${unit}`;
  }
  return `${Number(ratePerSecond.toPrecision(4))}/s`;
}

export function retryWords(retries: RetryPolicy): Record<string, string> {
  const on = [
    ...(retries.onConnectFailure ? ['connect-failure'] : []),
    ...(retries.onRefusedStream ? ['refused-stream'] : []),
    ...(retries.onReset ? ['reset-before-answer'] : []),
    ...retries.onStatuses.map(String),
  ];
  const { perTryTimeoutMs } = retries;
  return {
    attempts: String(retries.attempts),
    on: on.join(' '),
    methods: retries.methods,
    ...(perTryTimeoutMs === null ? {} : { perTryTimeout: formatDuration(perTryTimeoutMs) }),
    backOff: formatDuration(retries.backOffMs),
    budget: `${retries.budgetPercent}%`,
    minPerSecond: String(retries.minPerSecond),
  };
}

function given(values: Record<string, number | null>): Record<string, string> {
  const some = Object.entries(values).filter(([, value]) => value !== null);
  return Object.fromEntries(some.map(([key, value]) => [key, String(value)]));
}
