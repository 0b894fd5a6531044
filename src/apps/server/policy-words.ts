import { formatDuration } from '../../api/release-file/duration.ts';
import type { ServiceView } from '../../api/wire.ts';
import type { RetryPolicy, TrafficPolicy } from '../../domain/traffic/traffic-policy.ts';

/** What a service says of balancing and resilience, by part, as a release file writes it; parts that are not set are left out. */
export function policyWords(policy: TrafficPolicy | undefined): Partial<ServiceView['spec']> {
  if (policy === undefined) return {};
  const { loadBalancing, retries, circuitBreaker, outlierDetection } = policy;
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
    },
  };
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
