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

test('routers that tell each other their votes give a client one', () => {
  const [here, there, third] = [1, 2, 3].map(() => new ClientVotes(key, 64));
  assert.ok(here && there && third);
  assert.equal(here.cast('before anybody asks', 0, 0, 1000), null);
  assert.deepEqual(here.takeNews(), []);
  assert.equal(here.cast('a', 5, 100, 1000), null);
  assert.equal(here.cast('b', 5, 100, 1000), null);
  assert.equal(here.cast('a', 5, 100, 1000), again);
  const news = here.takeNews();
  assert.equal(news.length, 4);
  assert.deepEqual(here.takeNews(), []);
  // Its clock is another one, and the window ends when the first vote's does.
  there.learn(news, 50_000);
  assert.equal(there.cast('a', 5, 50_500, 1000), again);
  assert.equal(there.cast('b', 5, 50_999, 1000), again);
  assert.equal(there.cast('a', 5, 51_000, 1000), null);
  assert.equal(there.cast('a', 6, 50_500, 1000), null);
  // What was learnt is not told on, and one that was not told gives a vote of its own.
  assert.deepEqual(there.takeNews(), []);
  assert.equal(third.cast('a', 5, 100, 1000), null);
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
