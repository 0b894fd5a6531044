import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyAttacks } from './tokens.fixture.ts';

test('no trouble with the keys of an issuer lets a token through that must not be taken', async () => {
  const told = (await keyAttacks()).map(({ name, verdict }) => `${name}: ${verdict}`);
  assert.deepEqual(told, [
    'keys that never come: unknown',
    'keys that are no JSON: unknown',
    'no keys in the answer: unknown',
    'an answer 500: unknown',
    'a place that sends on: unknown',
    'a key that was taken back: invalid',
    'nobody there: unknown',
  ]);
});
