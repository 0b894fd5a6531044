import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RouteTable } from '../../domain/traffic/route-table.ts';
import { Counters } from './counters.ts';
import { LiveRoutes } from './live-routes.ts';

function table(version: number, candidatePercent: number, instances = 2): RouteTable {
  const backend = (revisionId: string, weightPercent: number) => ({
    revisionId,
    weightPercent,
    endpoints: Array.from({ length: instances }, (_, index) => {
      return { instanceId: `${revisionId}-${index}`, host: index === 0 ? '::1' : 'a', port: 80 };
    }),
  });
  const route = {
    service: 'checkout',
    host: 'checkout.localhost',
    requestTimeoutMs: 700,
    backends: [backend('r1', 100 - candidatePercent), backend('r2', candidatePercent)],
    matches: [{ header: { name: 'x-canary', value: 'true' }, revisionId: 'r2' }],
  };
  return { version, routes: [route] };
}

function choices(routes: LiveRoutes, count: number, headers = {}): string[] {
  return Array.from({ length: count }, () => {
    const choice = routes.choose('checkout.localhost:80', headers);
    return choice.kind === 'target' ? choice.target.endpoint.instanceId : choice.kind;
  });
}

test('the split is exact and instances of each revision take turns', () => {
  const routes = new LiveRoutes(new Counters());
  routes.apply(table(1, 5));
  const chosen = choices(routes, 1000);
  const of = (instanceId: string) => chosen.filter((choice) => choice === instanceId).length;
  assert.deepEqual(['r1-0', 'r1-1', 'r2-0', 'r2-1'].map(of), [475, 475, 25, 25]);
});

test('a match does not cost the weights their exactness', () => {
  const routes = new LiveRoutes(new Counters());
  routes.apply(table(1, 10, 1));
  const chosen: string[] = [];
  for (let request = 0; request < 100; request += 1) {
    assert.deepEqual(choices(routes, 1, { 'x-canary': 'true' }), ['r2-0']);
    chosen.push(...choices(routes, 1));
  }
  assert.equal(chosen.filter((choice) => choice === 'r2-0').length, 10);
});

test('a share is kept over tables pushed for every request, and an older table is ignored', () => {
  const routes = new LiveRoutes(new Counters());
  const chosen: string[] = [];
  for (let version = 1; version <= 1000; version += 1) {
    routes.apply(table(version, 1, 1));
    chosen.push(...choices(routes, 1));
  }
  assert.equal(chosen.filter((choice) => choice === 'r2-0').length, 10);
  routes.apply(table(999, 100, 1));
  assert.equal(routes.table?.version, 1000);
});

test('unknown hosts and revisions without instances are told apart', () => {
  const counters = new Counters();
  const routes = new LiveRoutes(counters);
  assert.equal(routes.choose('checkout.localhost', {}).kind, 'unknown-host');
  routes.apply(table(1, 0, 0));
  assert.equal(routes.choose(undefined, {}).kind, 'unknown-host');
  const choice = routes.choose('checkout.localhost', {});
  assert.equal(choice.kind, 'no-endpoints');
  if (choice.kind === 'no-endpoints') assert.equal(choice.counter.instanceId, '');
});

test('origins are those of the table, IPv6 addresses in brackets', () => {
  const routes = new LiveRoutes(new Counters());
  routes.apply(table(1, 0));
  assert.deepEqual([...routes.origins()].sort(), ['http://[::1]:80', 'http://a:80']);
  routes.apply(table(2, 0, 0));
  assert.equal(routes.origins().size, 0);
});
