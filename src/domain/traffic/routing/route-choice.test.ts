import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostOf, matchedRevision, nextInTurn, readyRevisionMatches } from './route-choice.ts';
import type { Route } from './route-table.ts';

for (const [authority, want] of [
  ['checkout.localhost', 'checkout.localhost'],
  ['Checkout.LocalHost:8080', 'checkout.localhost'],
  ['checkout.localhost.', 'checkout.localhost'],
  ['checkout.localhost.:80', 'checkout.localhost'],
  ['127.0.0.1:80', '127.0.0.1'],
  ['[::1]:8080', '[::1]'],
  ['', null],
  [':80', null],
  ['a b', null],
  ['a,b', null],
  ['a:port', null],
  ['a/b', null],
  ['user@a', null],
  ['a'.repeat(262), null],
  [undefined, null],
] as const) {
  test(`host of ${JSON.stringify(authority)?.slice(0, 40)} is ${want}`, () => {
    assert.equal(hostOf(authority), want);
  });
}

const route: Route = {
  service: 'checkout',
  host: 'checkout.localhost',
  requestTimeoutMs: 1000,
  backends: [
    { revisionId: 'v1', weightPercent: 100, endpoints: [] },
    { revisionId: 'v2', weightPercent: 0, endpoints: [] },
  ],
  matches: [
    { header: { name: 'x-canary', value: 'true' }, revisionId: 'v2' },
    { header: { name: 'x-canary', value: 'false' }, revisionId: 'v1' },
  ],
};

for (const [headers, want] of [
  [{}, null],
  [{ 'x-canary': 'true' }, 'v2'],
  [{ 'x-canary': 'false' }, 'v1'],
  [{ 'x-canary': 'True' }, null],
  [{ 'x-canary': ['no', 'true'] }, 'v2'],
  [{ 'x-other': 'true' }, null],
] as const) {
  test(`headers ${JSON.stringify(headers)} match ${want}`, () => {
    const matches = readyRevisionMatches(route.matches);
    assert.equal(matchedRevision(matches, '/', { headers }), want);
  });
}

test('endpoints take turns, and none gives -1', () => {
  assert.equal(nextInTurn(-1, 0), -1);
  assert.deepEqual(
    [nextInTurn(-1, 3), nextInTurn(0, 3), nextInTurn(2, 3), nextInTurn(7, 3)],
    [0, 1, 0, 2],
  );
});
