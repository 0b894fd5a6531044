import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClientVotes } from './client-votes.ts';

const key = [7, 11] as const;
const again = 'same-client';

test('a window begins with a vote and lasts as long as it was to last', () => {
  const votes = new ClientVotes(key, 64);
  const rows = [
    [1000, null],
    [1000, again],
    [10_999, again],
    [11_000, null],
    [20_999, again],
    [21_000, null],
  ] as const;
  for (const [nowMs, want] of rows) assert.equal(votes.cast('a', 0, nowMs, 10_000), want);
});

test('services keep their clients apart', () => {
  const votes = new ClientVotes(key, 64);
  const [web, api] = [votes.saltOf('web'), votes.saltOf('api')];
  assert.notEqual(web, api);
  assert.equal(votes.cast('a', web, 0, 1000), null);
  assert.equal(votes.cast('a', api, 0, 1000), null);
  assert.equal(votes.cast('a', web, 0, 1000), again);
});

test('more clients than there is room for have no vote until windows end', () => {
  const votes = new ClientVotes(key, 64);
  const cast = (nowMs: number) =>
    Array.from({ length: 200 }, (_, client) => votes.cast(`client-${client}`, 0, nowMs, 1000));
  const first = cast(0);
  const voted = first.filter((each) => each === null).length;
  assert.ok(voted >= 48 && voted <= 64, `${voted} of 64 slots`);
  assert.equal(first.filter((each) => each === 'too-many-clients').length, 200 - voted);
  const second = cast(999);
  assert.equal(second.filter((each) => each === null).length, 0);
  assert.equal(second.filter((each) => each === again).length, voted);
  assert.equal(cast(1000).filter((each) => each === null).length, voted);
});

test('8,000 clients in a window all have their vote in a table as large as the gateway has', () => {
  const votes = new ClientVotes(key);
  for (let client = 0; client < 8000; client += 1) {
    assert.equal(votes.cast(`10.0.${client >> 8}.${client & 255}`, 0, 0, 10_000), null);
  }
});
