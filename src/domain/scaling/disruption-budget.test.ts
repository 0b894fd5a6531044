import assert from 'node:assert/strict';
import { test } from 'node:test';
import { availableAtLeast } from './disruption-budget.ts';

const count = (value: number) => ({ kind: 'count', count: value }) as const;
const percent = (value: number) => ({ kind: 'percent', percent: value }) as const;
const rows = [
  { kind: 'min-available', amount: count(2), wanted: 3, least: 2 },
  { kind: 'min-available', amount: count(0), wanted: 3, least: 0 },
  // More than there are to be would hold up everything for good.
  { kind: 'min-available', amount: count(5), wanted: 3, least: 3 },
  { kind: 'min-available', amount: percent(50), wanted: 7, least: 4 },
  { kind: 'min-available', amount: percent(100), wanted: 7, least: 7 },
  { kind: 'min-available', amount: percent(30), wanted: 10, least: 3 },
  { kind: 'max-unavailable', amount: count(1), wanted: 3, least: 2 },
  { kind: 'max-unavailable', amount: count(5), wanted: 3, least: 0 },
  { kind: 'max-unavailable', amount: count(0), wanted: 3, least: 3 },
  { kind: 'max-unavailable', amount: percent(50), wanted: 7, least: 3 },
  { kind: 'max-unavailable', amount: percent(25), wanted: 4, least: 3 },
] as const;
for (const { kind, amount, wanted, least } of rows) {
  test(`${kind} ${JSON.stringify(amount)} of ${wanted} leaves ${least}`, () => {
    assert.equal(availableAtLeast({ kind, amount }, wanted), least);
  });
}
