import { formatDuration } from '../../../api/release-file/duration.ts';
import type { ServiceView } from '../../../api/wire.ts';
import type {
  Authorization,
  AuthorizationRule,
} from '../../../domain/authorization/authorization.ts';
import { cacheWords } from './cache-words.ts';
import type { JwtRule } from '../../../domain/traffic/jwt-rule.ts';
import type { RateLimit } from '../../../domain/traffic/limits/rate-limit.ts';
import type {
  RetryPolicy,
  TrafficPolicy,
} from '../../../domain/traffic/resilience/traffic-policy.ts';

/** What a service says of balancing and resilience, by part, as a release file writes it; parts that are not set are left out. */
export function policyWords(policy: TrafficPolicy | undefined): Partial<ServiceView['spec']> {
  if (policy === undefined) return {};
  const { loadBalancing, retries, circuitBreaker, outlierDetection, rateLimits, jwt } = policy;
  const { authorization } = policy;
  const { mtls } = policy;
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
      ...(authorization === undefined ? {} : { authorization: authorizationWords(authorization) }),
      ...(policy.cache === undefined ? {} : { cache: cacheWords(policy.cache) }),
      ...(mtls === undefined ? {} : { mtls: { mode: mtls.mode } }),
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

/** By the names of the rules, in the order in which they are asked: `ALLOW GET /orders/* from shop.example/ns/default/sa/web`. */
function authorizationWords({ mode, rules }: Authorization): Record<string, string> {
  const inOrder = [
    ...rules.filter(({ action }) => action === 'DENY'),
    ...rules.filter(({ action }) => action === 'ALLOW'),
  ];
  return {
    mode,
    ...Object.fromEntries(inOrder.map((rule) => [rule.name, ruleWords(rule)])),
    otherwise: 'DENY everything else',
  };
}

function ruleWords({ action, from, to, when }: AuthorizationRule): string {
  const what = to.map(({ methods, paths }) =>
    [methods.join('|'), paths.join('|')].join(' ').trim(),
  );
  const who = from.map(({ principals, namespaces, ipBlocks }) =>
    [
      ...(principals.length === 0 ? [] : [principals.join('|')]),
      ...(namespaces.length === 0 ? [] : [`namespace ${namespaces.join('|')}`]),
      ...(ipBlocks.length === 0 ? [] : [ipBlocks.join('|')]),
    ].join(' in '),
  );
  const claims = when.map(({ claim, values }) => `${claim} ${values.join('|')}`);
  return [
    action,
    what.join(' or ') || 'everything',
    `from ${who.join(' or ') || 'everybody'}`,
    ...(claims.length === 0 ? [] : [`with ${claims.join(' and ')}`]),
  ].join(' ');
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
  const { perTryTimeoutMs, hedgeAfterMs } = retries;
  return {
    attempts: String(retries.attempts),
    on: on.join(' '),
    methods: retries.methods,
    ...(perTryTimeoutMs === null ? {} : { perTryTimeout: formatDuration(perTryTimeoutMs) }),
    ...(hedgeAfterMs === undefined ? {} : { hedgeAfter: formatDuration(hedgeAfterMs) }),
    backOff: formatDuration(retries.backOffMs),
    budget: `${retries.budgetPercent}%`,
    minPerSecond: String(retries.minPerSecond),
  };
}

function given(values: Record<string, number | null>): Record<string, string> {
  const some = Object.entries(values).filter(([, value]) => value !== null);
  return Object.fromEntries(some.map(([key, value]) => [key, String(value)]));
}
