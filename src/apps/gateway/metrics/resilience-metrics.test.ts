import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Route } from '../../../domain/traffic/routing/route-table.ts';
import { Counters } from '../counters.ts';
import { beginAttempt, circuitRefusal, endAttempt, type Target } from '../live-revision.ts';
import { LiveRoutes } from '../live-routes.ts';
import { parseOpenMetrics } from './openmetrics.fixture.ts';
import { renderMetrics } from './render-metrics.ts';
import { resilienceFamilies } from './resilience-metrics.ts';

const outlierDetection = {
  consecutive5xx: null,
  consecutiveGatewayErrors: 1,
  intervalMs: 10_000,
  baseEjectionMs: 30_000,
  maxEjectionPercent: 100,
  panicThresholdPercent: 60,
};
const circuitBreaker = {
  maxConnections: null,
  maxPendingRequests: null,
  maxRequests: 1,
  maxRetries: null,
};
const route: Route = {
  service: 'shop',
  host: 'shop.localhost',
  requestTimeoutMs: 1000,
  backends: [
    {
      revisionId: 'r1',
      weightPercent: 100,
      endpoints: ['r1-0', 'r1-1'].map((instanceId) => ({ instanceId, host: '::1', port: 80 })),
    },
  ],
  matches: [],
  policy: { outlierDetection, circuitBreaker },
};
const request = { method: 'GET', headers: {}, socket: {} };

class World {
  readonly counters = new Counters();
  readonly routes = new LiveRoutes(this.counters, [1, 2]);

  constructor() {
    this.routes.apply({ version: 1, routes: [route] });
  }

  target(nowMs: number): Target {
    const choice = this.routes.choose('shop.localhost', '/', request, nowMs);
    assert.ok(choice.kind === 'target');
    return choice.target;
  }

  /** Value by the name of the series and the labels that are given. */
  value(name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
    const families = resilienceFamilies(this.counters, this.routes.standings());
    const samples = parseOpenMetrics(renderMetrics(families, 'openmetrics')).get(name)?.samples;
    const wanted = Object.entries(labels);
    return samples?.find((each) => wanted.every(([key, value]) => each.labels[key] === value))
      ?.value;
  }
}

test('an ejection, the panic it brings, and its end are told', () => {
  const world = new World();
  assert.equal(world.value('tidegate_gateway_ejected_instances'), undefined);
  assert.equal(world.value('tidegate_gateway_panicking'), 0);
  const target = world.target(0);
  beginAttempt(target);
  endAttempt(target, { outcome: 'gateway-error', startedMs: 0, nowMs: 10 });
  // Who is left is looked at with the next request.
  world.target(20);
  const { instanceId } = target.endpoint;
  const labels = { tidegate_service: 'shop', tidegate_revision: 'r1' };
  const instance = { ...labels, tidegate_instance: instanceId };
  assert.equal(world.value('tidegate_gateway_ejections', instance), 1);
  assert.equal(world.value('tidegate_gateway_ejected_instances', labels), 1);
  assert.equal(world.value('tidegate_gateway_panicking', labels), 1);
  beginAttempt(target);
  endAttempt(target, { outcome: 'success', startedMs: 50_000, nowMs: 50_010 });
  world.target(50_020);
  assert.equal(world.value('tidegate_gateway_ejections', instance), 1);
  assert.equal(world.value('tidegate_gateway_ejected_instances', labels), 0);
  assert.equal(world.value('tidegate_gateway_panicking', labels), 0);
});

test('what a circuit breaker refuses is told', () => {
  const world = new World();
  const target = world.target(0);
  assert.equal(circuitRefusal(target), null);
  assert.equal(world.value('tidegate_gateway_circuit_refusals'), 0);
  target.revision.circuit.requests += 1;
  assert.equal(circuitRefusal(target)?.reason, 'circuit-open');
  assert.equal(world.value('tidegate_gateway_circuit_refusals', { tidegate_revision: 'r1' }), 1);
});

test('copies are told by what became of them, and requests with a fault are none', () => {
  const world = new World();
  const key = { service: 'shop', revisionId: 'r2', isMatched: false, stratum: null };
  const counter = (instanceId: string, setAside: Parameters<Counters['counter']>[0]['setAside']) =>
    world.counters.counter({ ...key, instanceId, setAside });
  for (const statusClass of [1, 1, 3, 4, 5]) counter('r2-0', 'mirror').count(statusClass, 1000);
  counter('', 'mirror-too-large').count(5, 0);
  counter('', 'mirror-overflow').count(5, 0);
  counter('', 'mirror-overflow').count(5, 0);
  counter('r2-0', 'fault').count(4, 0);
  counter('r2-0', null).count(1, 0);
  const name = 'tidegate_gateway_mirrored_requests';
  const told = ['answered', 'failed', 'too_large', 'overflow'].map((outcome) =>
    world.value(name, { outcome }),
  );
  assert.deepEqual(told, [3, 2, 1, 2]);
});
