import assert from 'node:assert/strict';
import { test } from 'node:test';

import { neighbourhood } from './neighbourhood.ts';

const edges = [
  { from: 'web', to: 'checkout' },
  { from: 'checkout', to: 'payments' },
  { from: 'payments', to: 'ledger' },
  { from: 'search', to: 'index' },
];

const rows: readonly (readonly [string, number, readonly string[]])[] = [
  ['checkout', 0, ['checkout']],
  ['checkout', 1, ['checkout', 'web', 'payments']],
  ['checkout', 2, ['checkout', 'web', 'payments', 'ledger']],
  ['web', 1, ['web', 'checkout']],
  ['alone', 3, ['alone']],
];

for (const [name, hops, want] of rows) {
  test(`${hops} hops around ${name}`, () => {
    assert.deepEqual(neighbourhood(edges, name, hops), want);
  });
}

test('a cycle ends, and a wheel of 10,000 spokes is walked once', () => {
  const cycle = [
    { from: 'a', to: 'b' },
    { from: 'b', to: 'a' },
  ];
  assert.deepEqual(neighbourhood(cycle, 'a', 100), ['a', 'b']);
  const wheel = Array.from({ length: 10_000 }, (_, index) => ({ from: 'hub', to: `s${index}` }));
  assert.equal(neighbourhood(wheel, 's1', 2).length, 10_001);
});
