import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkRouteTable } from '../../domain/traffic/routing/check-route-table.ts';
import type { RouteTable } from '../../domain/traffic/routing/route-table.ts';
import {
  type TrafficPolicy,
  usualLoadBalancing,
  usualOutlierDetection,
  usualRetries,
} from '../../domain/traffic/resilience/traffic-policy.ts';
import { parseRouteTable } from './control-message.ts';

const limits = { maxConnections: 8, maxPendingRequests: null, maxRequests: 9, maxRetries: 0 };
const full: TrafficPolicy = {
  loadBalancing: usualLoadBalancing,
  retries: { ...usualRetries, onStatuses: [503], perTryTimeoutMs: 1000 },
  circuitBreaker: limits,
  outlierDetection: usualOutlierDetection,
};

function table(policy: unknown, zone: unknown = 'eu-1'): RouteTable {
  const endpoint = { instanceId: 'i', host: 'h', port: 1, zone };
  const backends = [{ revisionId: 'r', weightPercent: 100, endpoints: [endpoint] }];
  const route = { service: 's', host: 's', requestTimeoutMs: 1, backends, matches: [], policy };
  return { version: 1, routes: [route] } as unknown as RouteTable;
}

test('a policy and a zone are read as they were written; a table from before they were is read too', () => {
  for (const policy of [full, {}, { retries: usualRetries }, undefined]) {
    const written = JSON.stringify(table(policy, policy === undefined ? undefined : 'eu-1'));
    const parsed = parseRouteTable(written);
    assert.ok(parsed.kind === 'message');
    assert.deepEqual(JSON.parse(JSON.stringify(parsed.message)), JSON.parse(written));
    assert.deepEqual(checkRouteTable(parsed.message), []);
  }
});

test('a policy of the wrong shape is malformed', () => {
  const rows: readonly unknown[] = [
    3,
    { retries: { ...usualRetries, methods: 'some' } },
    { retries: { ...usualRetries, onStatuses: ['503'] } },
    { retries: { ...usualRetries, attempts: 1.5 } },
    { circuitBreaker: { ...limits, maxRequests: 'many' } },
    { outlierDetection: { ...usualOutlierDetection, maxEjectionPercent: null } },
    { loadBalancing: { ...usualLoadBalancing, algorithm: 'random' } },
  ];
  for (const policy of rows) {
    assert.equal(parseRouteTable(JSON.stringify(table(policy))).kind, 'malformed');
  }
});

test('a policy out of its bounds is refused with its place', () => {
  const outlierDetection = { ...usualOutlierDetection, baseEjectionMs: 0 };
  const rows: readonly (readonly [TrafficPolicy, string])[] = [
    [{ retries: { ...usualRetries, attempts: 11 } }, 'retries.attempts'],
    [{ retries: { ...usualRetries, onStatuses: [200] } }, 'retries.onStatuses'],
    [{ retries: { ...usualRetries, budgetPercent: 101 } }, 'retries.budgetPercent'],
    [{ retries: { ...usualRetries, perTryTimeoutMs: 0 } }, 'retries.perTryTimeoutMs'],
    [{ circuitBreaker: { ...limits, maxRequests: 0 } }, 'circuitBreaker.maxRequests'],
    [{ circuitBreaker: { ...limits, maxRetries: -1 } }, 'circuitBreaker.maxRetries'],
    [{ outlierDetection }, 'outlierDetection.baseEjectionMs'],
    [{ loadBalancing: { ...usualLoadBalancing, slowStartMs: -1 } }, 'loadBalancing.slowStartMs'],
  ];
  for (const [policy, place] of rows) {
    const problems = checkRouteTable(table(policy));
    assert.deepEqual(
      problems.map((problem) => problem.place),
      [`routes[0].policy.${place}`],
    );
  }
  const [problem] = checkRouteTable(table(undefined, 'a zone'));
  assert.equal(problem?.place, 'routes[0].backends[0].endpoints[0].zone');
});
