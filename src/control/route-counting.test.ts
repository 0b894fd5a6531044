import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Traffic } from '../domain/release/effect.ts';
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
