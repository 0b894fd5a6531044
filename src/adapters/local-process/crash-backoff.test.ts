import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoffMs, crashesAfter } from './crash-backoff.ts';
import { LOCAL_PROCESS_DEFAULTS } from './settings.ts';

test('the back-off doubles from 1 s up to 30 s', () => {
  const waits = [1, 2, 3, 4, 5, 6, 7, 2_000].map((row) => backoffMs(row, LOCAL_PROCESS_DEFAULTS));
  assert.deepEqual(waits, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
});

test('a life of 60 s ends a row of crashes, a shorter one does not', () => {
  assert.equal(crashesAfter(5, 59_999, LOCAL_PROCESS_DEFAULTS), 6);
  assert.equal(crashesAfter(5, 60_000, LOCAL_PROCESS_DEFAULTS), 1);
});
