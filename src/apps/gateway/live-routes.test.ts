import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Route, RouteTable } from '../../domain/traffic/routing/route-table.ts';
import { type Counter, Counters } from './counters.ts';
import { LiveRoutes, type RoutedRequest } from './live-routes.ts';

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

const key = [1, 2] as const;

function asked(request: Partial<RoutedRequest> = {}): RoutedRequest {
  return { method: 'GET', headers: {}, socket: { remoteAddress: '10.0.0.1' }, ...request };
}

function choices(routes: LiveRoutes, count: number, headers = {}): string[] {
  return Array.from({ length: count }, () => {
    const choice = routes.choose('checkout.localhost:80', '/', asked({ headers }), 0);
    return choice.kind === 'target' ? choice.target.endpoint.instanceId : choice.kind;
  });
}

test('the split is exact and instances of each revision take turns', () => {
  const routes = new LiveRoutes(new Counters(), key);
  routes.apply(table(1, 5));
  const chosen = choices(routes, 1000);
  const of = (instanceId: string) => chosen.filter((choice) => choice === instanceId).length;
  assert.deepEqual(['r1-0', 'r1-1', 'r2-0', 'r2-1'].map(of), [475, 475, 25, 25]);
});

test('a match does not cost the weights their exactness', () => {
  const routes = new LiveRoutes(new Counters(), key);
  routes.apply(table(1, 10, 1));
  const chosen: string[] = [];
  for (let request = 0; request < 100; request += 1) {
    assert.deepEqual(choices(routes, 1, { 'x-canary': 'true' }), ['r2-0']);
    chosen.push(...choices(routes, 1));
  }
  assert.equal(chosen.filter((choice) => choice === 'r2-0').length, 10);
});

test('a share is kept over tables pushed for every request, and an older table is ignored', () => {
  const routes = new LiveRoutes(new Counters(), key);
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
  const routes = new LiveRoutes(counters, key);
  assert.equal(routes.choose('checkout.localhost', '/', asked(), 0).kind, 'unknown-host');
  routes.apply(table(1, 0, 0));
  assert.equal(routes.choose(undefined, '/', asked(), 0).kind, 'unknown-host');
  const choice = routes.choose('checkout.localhost', '/', asked(), 0);
  assert.equal(choice.kind, 'no-endpoints');
  if (choice.kind === 'no-endpoints') assert.equal(choice.counter.instanceId, '');
});

test('origins are those of the table, IPv6 addresses in brackets', () => {
  const routes = new LiveRoutes(new Counters(), key);
  routes.apply(table(1, 0));
  assert.deepEqual([...routes.origins()].sort(), ['http://[::1]:80', 'http://a:80']);
  routes.apply(table(2, 0, 0));
  assert.equal(routes.origins().size, 0);
});

function counted(change: Partial<Route>, weight = 50) {
  const counters = new Counters();
  const routes = new LiveRoutes(counters, key);
  const [route] = table(1, weight, 1).routes;
  assert.ok(route !== undefined);
  routes.apply({ version: 1, routes: [{ ...route, ...change }] });
  const ask = (request: Partial<RoutedRequest>, path = '/', nowMs = 0): Counter => {
    const choice = routes.choose('checkout.localhost', path, asked(request), nowMs);
    assert.ok(choice.kind === 'target');
    return choice.target.counter;
  };
  return { counters, ask };
}

const strata = [
  { name: 'orders', path: '/orders', method: 'POST', header: null },
  { name: 'bots', path: null, method: null, header: { name: 'x-kind', value: 'bot' } },
];

test('each stratum has a counter of its own, made with its first request', () => {
  const { counters, ask } = counted({ strata }, 0);
  const at = (request: Partial<RoutedRequest>, path: string) => ask(request, path).stratum;
  assert.equal([...counters.all()].length, 0);
  assert.equal(at({ method: 'POST' }, '/orders/7?x=1'), 'orders');
  assert.equal(at({ method: 'POST', headers: { 'x-kind': 'bot' } }, '/orders'), 'orders');
  assert.equal(at({ headers: { 'x-kind': 'bot' } }, '/orders'), 'bots');
  assert.equal(at({}, '/orders'), 'other');
  assert.equal(at({ method: 'POST' }, '/ordersx'), 'other');
  assert.equal([...counters.all()].length, 3);
  assert.equal(counted({}).ask({}).stratum, null);
});

test('matched requests and retries are told apart, and neither has a stratum', () => {
  const { ask } = counted({ strata });
  const retry = ask({ headers: { 'x-envoy-attempt-count': '2' } });
  assert.deepEqual([retry.setAside, retry.isMatched, retry.stratum], ['retry', false, null]);
  const matched = ask({ headers: { 'x-canary': 'true', 'x-envoy-attempt-count': '2' } });
  assert.deepEqual([matched.setAside, matched.isMatched, matched.stratum], [null, true, null]);
});

test('retries do not take the turns of first attempts', () => {
  const { ask } = counted({});
  const first: string[] = [];
  for (let call = 0; call < 100; call += 1) {
    first.push(ask({}).revisionId);
    ask({ headers: { 'grpc-previous-rpc-attempts': '1' } });
  }
  assert.equal(first.filter((revisionId) => revisionId === 'r2').length, 50);
});

test('a client has one vote in its window, by address or by header', () => {
  const votes = (rule: Route['oneVotePer']) => {
    assert.ok(rule !== undefined);
    const { ask } = counted({ oneVotePer: rule }, 0);
    const from = (remoteAddress: string, user?: string) => ({
      socket: { remoteAddress },
      headers: user === undefined ? {} : { 'x-user': user },
    });
    return [
      ask(from('10.0.0.1', 'ann'), '/', 1000).setAside,
      ask(from('10.0.0.1', 'ben'), '/', 1001).setAside,
      ask(from('10.0.0.2', 'ann'), '/', 1002).setAside,
      ask(from('10.0.0.1', 'ann'), '/', 5999).setAside,
      ask(from('10.0.0.1', 'ann'), '/', 6000).setAside,
      ask(from('10.0.0.3'), '/', 6000).setAside,
      ask(from('10.0.0.3'), '/', 6000).setAside,
    ];
  };
  const again = 'same-client';
  const byAddress = votes({ client: { kind: 'address' }, windowMs: 5000 });
  assert.deepEqual(byAddress, [null, again, null, again, null, null, again]);
  const byHeader = votes({ client: { kind: 'header', name: 'x-user' }, windowMs: 5000 });
  assert.deepEqual(byHeader, [null, null, again, again, null, null, again]);
});

/** `checkout` with r2 standing by. */
function withStandby(version: number): RouteTable {
  const { routes } = table(version, 0);
  return { version, routes: routes.map((each) => ({ ...each, previewRevisionId: 'r2' })) };
}

function previewed(routes: LiveRoutes, host = 'preview.checkout.localhost'): string {
  const choice = routes.choose(host, '/', asked(), 0);
  return choice.kind === 'target' ? choice.target.revisionId : choice.kind;
}

test('a preview host reaches the standby alone, is counted as matched, and is there as long as the standby is', () => {
  const counters = new Counters();
  const routes = new LiveRoutes(counters, key);
  routes.apply(table(1, 0));
  assert.equal(previewed(routes), 'unknown-host');
  routes.apply(withStandby(2));
  assert.equal(previewed(routes), 'r2');
  assert.equal(previewed(routes, 'Preview.Checkout.localhost:7400'), 'r2');
  const choice = routes.choose('preview.checkout.localhost', '/', asked(), 0);
  assert.equal(choice.kind, 'target');
  assert.equal(choice.target.counter.isMatched, true);
  // Users are not touched by it.
  assert.deepEqual(new Set(choices(routes, 100)), new Set(['r1-0', 'r1-1']));
  // The switch ends it, and leaves nobody without instances.
  routes.apply(table(3, 100));
  assert.equal(previewed(routes), 'unknown-host');
  assert.deepEqual(new Set(choices(routes, 100)), new Set(['r2-0', 'r2-1']));
});

test('a service of that host goes before a preview', () => {
  const routes = new LiveRoutes(new Counters(), key);
  const { routes: both } = withStandby(1);
  const own = table(1, 0).routes.map((each) => ({
    ...each,
    service: 'other',
    host: 'preview.checkout.localhost',
  }));
  routes.apply({ version: 1, routes: [...both, ...own] });
  assert.equal(previewed(routes), 'r1');
});
