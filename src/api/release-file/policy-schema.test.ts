import assert from 'node:assert/strict';
import test from 'node:test';
import { parsedTraffic } from './traffic-line.fixture.ts';

test('what is not written is absent, and each part has its defaults', () => {
  const rows: readonly (readonly [string, unknown])[] = [
    ['timeout: 1s', undefined],
    [
      'loadBalancing: {}',
      { loadBalancing: { algorithm: 'least-request', slowStartMs: 10_000, zones: 'prefer-local' } },
    ],
    [
      'retries: {}',
      {
        retries: {
          attempts: 2,
          onConnectFailure: true,
          onRefusedStream: true,
          onReset: true,
          onStatuses: [502, 503, 504],
          methods: 'idempotent',
          perTryTimeoutMs: null,
          backOffMs: 25,
          budgetPercent: 20,
          minPerSecond: 10,
        },
      },
    ],
    [
      'outlierDetection: { consecutive5xx: 7, maxEjectionPercent: 10% }',
      {
        outlierDetection: {
          consecutive5xx: 7,
          consecutiveGatewayErrors: 5,
          intervalMs: 10_000,
          baseEjectionMs: 30_000,
          maxEjectionPercent: 10,
          panicThresholdPercent: 50,
        },
      },
    ],
    [
      'circuitBreaker: { maxRequests: 10, maxRetries: 0 }',
      {
        circuitBreaker: {
          maxConnections: null,
          maxPendingRequests: null,
          maxRequests: 10,
          maxRetries: 0,
        },
      },
    ],
    [
      'retries: { on: [503, 429, reset-before-answer], perTryTimeout: 1s, methods: any }',
      {
        retries: {
          attempts: 2,
          onConnectFailure: false,
          onRefusedStream: false,
          onReset: true,
          onStatuses: [429, 503],
          methods: 'any',
          perTryTimeoutMs: 1000,
          backOffMs: 25,
          budgetPercent: 20,
          minPerSecond: 10,
        },
      },
    ],
  ];
  for (const [traffic, want] of rows) {
    const { policy, told } = parsedTraffic(traffic);
    assert.deepEqual(told, [], traffic);
    assert.deepEqual(policy, want, traffic);
  }
});

test('what is wrong is refused with its place', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['retries: { attempts: 11 }', 'f:7:26: "attempts" must be 0 to 10, not 11'],
    [
      'retries: { on: [connect-failed] }',
      'f:7:21: item 1 of "on" must be connect-failure, refused-stream, reset-before-answer, or a status of 400 to 599, not "connect-failed"',
    ],
    ['retries: { on: [503, 503] }', 'f:7:26: item 2 of "on" names 503 twice'],
    ['retries: { on: [200] }', 'f:7:21: '],
    ['retries: { on: ["503"] }', 'f:7:21: '],
    [
      'retries: { on: [503], perTryTimeout: 1s }',
      'f:7:42: "perTryTimeout" needs "reset-before-answer" among "on", or no attempt follows it',
    ],
    ['retries: { hedge: 10ms }', 'f:7:16: unknown key "hedge"'],
    ['retries: { hedgeAfter: 0ms }', 'f:7:28: '],
    [
      'retries: { attempts: 0, hedgeAfter: 10ms }',
      'f:7:41: "hedgeAfter" needs "attempts" of 1 or more',
    ],
    [
      'retries: { perTryTimeout: 1s, hedgeAfter: 1000ms }',
      'f:7:47: "hedgeAfter" must be less than "perTryTimeout"',
    ],
    ['retries: { budget: 20 }', 'f:7:24: '],
    ['retries: { methods: all }', 'f:7:25: "methods" must be safe, idempotent or any, not "all"'],
    ['circuitBreaker: {}', 'f:7:21: "circuitBreaker" must have at least one of'],
    ['circuitBreaker: { maxRequests: 0 }', 'f:7:36: "maxRequests" must be 1 to 1000000, not 0'],
    [
      'circuitBreaker: { maxRequests: 1, maxRequest: 1 }',
      'f:7:39: unknown key "maxRequest"; did you mean "maxRequests"?',
    ],
    [
      'loadBalancing: { algorithm: random }',
      'f:7:33: "algorithm" must be least-request or round-robin',
    ],
    [
      'outlierDetection: { consecutive5xx: 0 }',
      'f:7:41: "consecutive5xx" must be 1 to 1000, not 0',
    ],
    ['outlierDetection: { panicThreshold: 101% }', 'f:7:41: '],
    ['outlierDetection: { baseEjectionTime: 0s }', 'f:7:43: '],
  ];
  for (const [traffic, want] of rows) {
    const { told } = parsedTraffic(traffic);
    assert.equal(told.length, 1, `${traffic}: ${told.join(' | ')}`);
    assert.ok(told[0]?.startsWith(want), `${traffic}: ${told[0]}`);
  }
});
