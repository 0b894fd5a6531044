import assert from 'node:assert/strict';
import { test } from 'node:test';

import { settle } from './hand-clock.fixture.ts';
import { Inbox } from './inbox.ts';

const { signal } = new AbortController();

test('items come out in the order they went in', async () => {
  const inbox = new Inbox<number>(3);
  for (const item of [1, 2, 3]) assert.equal(inbox.put(item), true);
  assert.deepEqual(
    [await inbox.take(signal), await inbox.take(signal), await inbox.take(signal)],
    [1, 2, 3],
  );
});

test('what is over the bound is refused, and there is room again after a take', async () => {
  const inbox = new Inbox<string>(2);
  assert.deepEqual([inbox.put('a'), inbox.put('b'), inbox.put('c')], [true, true, false]);
  assert.equal(inbox.size, 2);
  assert.equal(await inbox.take(signal), 'a');
  assert.equal(inbox.put('c'), true);
  assert.deepEqual([await inbox.take(signal), await inbox.take(signal)], ['b', 'c']);
});

test('a take waits for an item', async () => {
  const inbox = new Inbox<string>(1);
  let taken: string | null = null;
  void inbox.take(signal).then((item) => (taken = item));
  await settle();
  assert.equal(taken, null);
  inbox.put('a');
  await settle();
  assert.equal(taken, 'a');
});

test('an abort ends a take with its reason and loses no item', async () => {
  const inbox = new Inbox<string>(1);
  const abort = new AbortController();
  const taking = inbox.take(abort.signal);
  abort.abort(new Error('enough'));
  await assert.rejects(taking, /enough/);
  inbox.put('a');
  await assert.rejects(inbox.take(abort.signal), /enough/);
  assert.equal(await inbox.take(signal), 'a');
});
