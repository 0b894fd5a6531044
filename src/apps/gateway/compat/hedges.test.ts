import assert from 'node:assert/strict';
import { test } from 'node:test';
import { everyPath } from '../../../domain/traffic/routing/request-match.ts';
import type { Route } from '../../../domain/traffic/routing/route-table.ts';
import { usualRetries } from '../../../domain/traffic/resilience/traffic-policy.ts';
import { HedgeNotice } from './hedges.ts';

const hedged = { ...usualRetries, hedgeAfterMs: 100 };

function route(service: string, more: Partial<Route>): Route {
  const host = `${service}.localhost`;
  return { service, host, requestTimeoutMs: 1000, backends: [], matches: [], ...more };
}

test('a service whose requests are not hedged by this engine is told of once', () => {
  const told: string[] = [];
  const notice = new HedgeNotice((message) => told.push(message));
  const match = { path: everyPath, method: null, headers: [], queryParams: [], cookies: [] };
  const routes = [
    route('plain', { policy: { retries: usualRetries } }),
    route('by-service', { policy: { retries: hedged } }),
    route('by-rule', { rules: [{ name: 'slow', matches: [match], retries: hedged }] }),
  ];
  notice.tell({ version: 1, routes: routes.slice(0, 1) });
  assert.deepEqual(told, []);
  notice.tell({ version: 2, routes });
  notice.tell({ version: 3, routes });
  assert.deepEqual(told, [
    'the engine compat hedges no requests, so retries.hedgeAfter of by-service, by-rule has no effect: use --engine fast',
  ]);
});
