import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Traffic } from '../../domain/release/effect.ts';
import { routesOf } from './route-table.ts';

const traffic: Traffic = {
  service: 'web',
  host: 'web.localhost',
  requestTimeoutMs: 1000,
  shares: [{ revisionId: 'web-1', weightPercent: 100 }],
  match: null,
  matchRevisionId: null,
};

test('how requests are counted goes with the route, and only where it is asked for', () => {
  const strata = [{ name: 'posts', path: null, method: 'POST', header: null }];
  const oneVotePer = { client: { kind: 'address' }, windowMs: 10_000 } as const;
  const [counted] = routesOf([{ ...traffic, strata, oneVotePer }], []);
  assert.deepEqual([counted?.strata, counted?.oneVotePer], [strata, oneVotePer]);
  const [plain] = routesOf([traffic], []);
  assert.ok(plain !== undefined && !('strata' in plain) && !('oneVotePer' in plain));
});

test('rules, key and matches go with the route, and only where they are asked for', () => {
  const match = {
    path: { type: 'Exact', value: '/new' },
    method: null,
    headers: [],
    queryParams: [],
    cookies: [],
  } as const;
  const rules = [{ name: 'all', matches: [] }];
  const sticky = { key: { kind: 'address' }, seed: 'web-2' } as const;
  const wanted = { ...traffic, matches: [match], matchRevisionId: 'web-1', rules, sticky };
  const [routed] = routesOf([wanted], []);
  assert.deepEqual([routed?.rules, routed?.sticky], [rules, sticky]);
  assert.deepEqual(routed?.matches, [{ match, revisionId: 'web-1' }]);
  const [plain] = routesOf([traffic], []);
  assert.ok(plain !== undefined && !('rules' in plain) && !('sticky' in plain));
});
