import assert from 'node:assert/strict';
import { test } from 'node:test';
import { everyPath, type RequestHeaders } from '../../domain/traffic/routing/request-match.ts';
import type { Route } from '../../domain/traffic/routing/route-table.ts';
import { Counters } from './counters.ts';
import { type Choice, LiveRoutes } from './live-routes.ts';

const endpoint = { host: '::1', port: 80 };
const route: Route = {
  service: 'shop',
  host: 'shop.localhost',
  requestTimeoutMs: 700,
  backends: [
    { revisionId: 'r1', weightPercent: 90, endpoints: [{ instanceId: 'r1-0', ...endpoint }] },
    { revisionId: 'r2', weightPercent: 10, endpoints: [{ instanceId: 'r2-0', ...endpoint }] },
  ],
  matches: [],
};
const get = { method: 'GET', headers: {}, socket: { remoteAddress: '10.0.0.1' } };

function live(change: Partial<Route>): LiveRoutes {
  const routes = new LiveRoutes(new Counters(), [1, 2]);
  routes.apply({ version: 1, routes: [{ ...route, ...change }] });
  return routes;
}

function choose(routes: LiveRoutes, path: string, headers: RequestHeaders = {}): Choice {
  return routes.choose('shop.localhost', path, { ...get, headers }, 0);
}

function revision(routes: LiveRoutes, headers: RequestHeaders): string {
  const choice = choose(routes, '/', headers);
  return choice.kind === 'target' ? choice.target.revisionId : choice.kind;
}

test('a key stays with its revision, and requests without one are split exactly all the same', () => {
  const key = { kind: 'cookie', name: 'sid' } as const;
  const routes = live({ sticky: { key, seed: 'shop-1' } });
  const without: string[] = [];
  const first = new Map<string, string>();
  for (let request = 0; request < 1000; request += 1) {
    const sid = `sid=${request % 50}`;
    const got = revision(routes, { cookie: sid });
    assert.equal(first.get(sid) ?? got, got);
    first.set(sid, got);
    without.push(revision(routes, { cookie: 'other=1' }));
  }
  assert.equal(without.filter((each) => each === 'r2').length, 100);
  assert.ok(new Set(first.values()).size === 2, 'both revisions have some of 50 keys');
});

test('a match goes before a key', () => {
  const sticky = { key: { kind: 'address' }, seed: 's' } as const;
  const byPath = { path: { type: 'Exact', value: '/new' }, method: null } as const;
  const match = { ...byPath, headers: [], queryParams: [], cookies: [] };
  const routes = live({ sticky, matches: [{ match, revisionId: 'r2' }] });
  const others = new Set<string>();
  for (let request = 0; request < 20; request += 1) {
    others.add(revision(routes, {}));
    const choice = choose(routes, '/new?x=1');
    assert.ok(choice.kind === 'target' && choice.target.revisionId === 'r2');
    assert.equal(choice.target.counter.isMatched, true);
  }
  assert.equal(others.size, 1, 'one address stays where it is');
});

test('the rule that has a request gives its timeouts, and no rule costs nothing', () => {
  const path = { type: 'PathPrefix', value: '/slow' } as const;
  const match = { path, method: null, headers: [], queryParams: [], cookies: [] };
  const routes = live({
    rules: [
      { name: 'all', matches: [{ ...match, path: everyPath }] },
      { name: 'slow', matches: [match], timeouts: { requestMs: 5000, idleMs: 100 } },
    ],
  });
  const slow = choose(routes, '/slow/report');
  assert.ok(slow.kind === 'target');
  assert.deepEqual([slow.requestTimeoutMs, slow.treatment?.timeouts?.idleMs], [5000, 100]);
  const plain = choose(routes, '/slower');
  assert.ok(plain.kind === 'target');
  assert.deepEqual([plain.requestTimeoutMs, plain.treatment], [700, null]);
});
