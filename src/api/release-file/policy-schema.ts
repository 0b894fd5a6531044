import { z } from 'zod';
import { cacheSchema } from './cache-schema.ts';
import { authorizationSchema } from './authorization-schema.ts';
import { duration, field, integer, mapping, percent } from './fields.ts';
import { jwtSchema } from './jwt-schema.ts';
import { rateLimitSchema } from './rate-limit-schema.ts';
import { quoted, read, refused, wrongType } from './reading.ts';
import type { Reading } from './reading.ts';

const hourMs = 3_600_000;
/** More than any process can have under way. */
const countMax = 1_000_000;
/** Of failures in a row. */
const consecutiveMax = 1000;
const conditionsMax = 40;

/**
 * `traffic.loadBalancing`, `retries`, `circuitBreaker`, `outlierDetection`, `rateLimit`, `jwt`, `authorization` and `mtls`, in the words of
 * Envoy, Istio and the Gateway API.
 */
export function policySchemas() {
  return {
    loadBalancing: loadBalancingSchema().optional(),
    retries: retriesSchema().optional(),
    circuitBreaker: circuitBreakerSchema().optional(),
    outlierDetection: outlierSchema().optional(),
    rateLimit: rateLimitSchema().optional(),
    jwt: jwtSchema().optional(),
    authorization: authorizationSchema().optional(),
    cache: cacheSchema().optional(),
    mtls: mtlsSchema().optional(),
  };
}

/** `mode` as in Istio's PeerAuthentication, where DISABLE is off. */
function mtlsSchema() {
  return mapping({
    mode: choice<'off' | 'permissive' | 'strict'>(['off', 'permissive', 'strict']),
  });
}

function loadBalancingSchema() {
  return mapping({
    algorithm: choice(['least-request', 'round-robin']).prefault('least-request'),
    slowStart: duration({ minMs: 0, maxMs: hourMs, usualUnit: 's' }).prefault('10s'),
    zones: choice(['prefer-local', 'ignore']).prefault('prefer-local'),
  });
}

const share = { unit: '%', minPercent: 0, maxPercent: 100 } as const;

/** Of a service, or of one of its rules. */
export function retriesSchema() {
  const condition = field(readCondition, { type: 'string' });
  const retries = mapping({
    attempts: integer({ min: 0, max: 10 }).prefault(2),
    on: z
      .array(condition)
      .min(1)
      .max(conditionsMax)
      .superRefine(refuseTwice)
      .prefault(['connect-failure', 'refused-stream', 'reset-before-answer', 502, 503, 504]),
    methods: choice(['safe', 'idempotent', 'any']).prefault('idempotent'),
    perTryTimeout: duration({ minMs: 1, maxMs: hourMs, usualUnit: 's' }).optional(),
    hedgeAfter: duration({ minMs: 1, maxMs: hourMs, usualUnit: 'ms' }).optional(),
    backOff: duration({ minMs: 0, maxMs: 10_000, usualUnit: 'ms' }).prefault('25ms'),
    budget: percent({ ...share, examplePercent: 20 }).prefault('20%'),
    minPerSecond: integer({ min: 0, max: countMax }).prefault(10),
  });
  return retries.superRefine((written, context) => {
    for (const [key, message] of contradictions(written)) {
      context.addIssue({ code: 'custom', path: [key], message });
    }
  });
}

interface WrittenRetries {
  readonly attempts: number;
  readonly on: readonly RetryCondition[];
  readonly perTryTimeout?: number | undefined;
  readonly hedgeAfter?: number | undefined;
}

/** Where a wish could never be fulfilled: its key, and why. */
function* contradictions({
  attempts,
  on,
  perTryTimeout,
  hedgeAfter,
}: WrittenRetries): Generator<readonly [key: string, message: string]> {
  if (perTryTimeout !== undefined && !on.includes('reset-before-answer')) {
    yield ['perTryTimeout', 'needs "reset-before-answer" among "on", or no attempt follows it'];
  }
  if (hedgeAfter === undefined) return;
  if (attempts === 0) {
    yield ['hedgeAfter', 'needs "attempts" of 1 or more: the second request is one of them'];
  }
  if (perTryTimeout !== undefined && hedgeAfter >= perTryTimeout) {
    yield ['hedgeAfter', 'must be less than "perTryTimeout", which ends the attempt before it'];
  }
}

/** What is tried again: a status of an answer, or why there was none. */
export type RetryCondition = (typeof retryReasons)[number] | number;
const retryReasons = ['connect-failure', 'refused-stream', 'reset-before-answer'] as const;

function readCondition(input: unknown): Reading<RetryCondition> {
  const wanted = `${retryReasons.join(', ')}, or a status of 400 to 599`;
  const reason = retryReasons.find((each) => each === input);
  if (reason !== undefined) return read(reason);
  if (typeof input === 'number') {
    return Number.isInteger(input) && input >= 400 && input <= 599
      ? read(input)
      : refused(`must be ${wanted}, not ${input}`);
  }
  if (typeof input !== 'string') return wrongType(wanted);
  const hint = /^[45]\d\d$/.test(input) ? `write ${input} without quotes` : null;
  return refused(`must be ${wanted}, not ${quoted(input)}`, hint);
}

function refuseTwice(
  conditions: readonly RetryCondition[],
  context: { addIssue(issue: { code: 'custom'; path: PropertyKey[]; message: string }): void },
): void {
  for (const [index, condition] of conditions.entries()) {
    if (conditions.indexOf(condition) === index) continue;
    context.addIssue({ code: 'custom', path: [index], message: `names ${condition} twice` });
  }
}

function circuitBreakerSchema() {
  const limit = (min: number) => integer({ min, max: countMax }).optional();
  const breaker = mapping({
    maxConnections: limit(1),
    maxPendingRequests: limit(1),
    maxRequests: limit(1),
    maxRetries: limit(0),
  });
  return breaker.superRefine((written, context) => {
    if (Object.values(written).some((value) => value !== undefined)) return;
    const message =
      'must have at least one of maxConnections, maxPendingRequests, maxRequests, maxRetries';
    context.addIssue({ code: 'custom', message });
  });
}

function outlierSchema() {
  return mapping({
    consecutive5xx: integer({ min: 1, max: consecutiveMax }).optional(),
    consecutiveGatewayErrors: integer({ min: 1, max: consecutiveMax }).prefault(5),
    interval: duration({ minMs: 1, maxMs: hourMs, usualUnit: 's' }).prefault('10s'),
    baseEjectionTime: duration({ minMs: 1, maxMs: hourMs, usualUnit: 's' }).prefault('30s'),
    maxEjectionPercent: percent({ ...share, examplePercent: 50 }).prefault('50%'),
    panicThreshold: percent({ ...share, examplePercent: 50 }).prefault('50%'),
  });
}

function choice<Choice extends string>(choices: readonly [Choice, ...Choice[]]) {
  const all = `${choices.slice(0, -1).join(', ')} or ${choices.at(-1) ?? ''}`;
  const readChoice = (input: unknown): Reading<Choice> => {
    if (typeof input !== 'string') return wrongType(all);
    const found = choices.find((each) => each === input);
    return found === undefined ? refused(`must be ${all}, not ${quoted(input)}`) : read(found);
  };
  return field(readChoice, { type: 'string', enum: choices });
}
