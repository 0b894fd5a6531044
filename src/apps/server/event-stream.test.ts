import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { EventView } from '../../api/wire.ts';
import { EventFeed } from './event-feed.ts';
import { eventStream, type EventStreamParts, resumedMax } from './event-stream.ts';

function eventOf(index: number, service = 'pay'): EventView {
  const at = '2026-01-01T00:00:00Z';
  const none = { rolloutId: null, decision: null, weightPercent: null, by: null };
  return { index, at, type: 'decision', service, ...none, severity: 'info', sentence: `${index}` };
}

function streamOf(
  feed: EventFeed,
  { size, ...more }: Partial<EventStreamParts> & { readonly size: () => number },
): EventStreamParts {
  return {
    feed,
    size,
    past: async function* (fromIndex) {
      for (let index = fromIndex; index < size(); index++) yield eventOf(index);
    },
    isWanted: () => true,
    drop: () => assert.fail('nobody is dropped'),
    ...more,
  };
}

/** Its next piece that is not empty. */
async function next(stream: AsyncGenerator<string>): Promise<string | null> {
  for (;;) {
    const { done, value } = await stream.next();
    if (done === true) return null;
    if (value !== '') return value;
  }
}

const idOf = (text: string | null): string => /^id: (\d+)$/m.exec(text ?? '')?.[1] ?? String(text);

test('past entries come first and new ones after them, none twice', async () => {
  const feed = new EventFeed();
  const { signal } = new AbortController();
  const start = { fromIndex: 1, isResumed: true };
  const stream = eventStream(streamOf(feed, { size: () => 3 }), start, signal);
  assert.equal(idOf(await next(stream)), '1');
  feed.publish(eventOf(2));
  feed.publish(eventOf(3));
  assert.deepEqual([idOf(await next(stream)), idOf(await next(stream))], ['2', '3']);
  await stream.return(undefined);
});

test('an id that is of no entry, or of long ago, is told by a reset, and what comes follows', async () => {
  const rows = [
    { size: 5, fromIndex: 6, isResumed: true, says: /no entry of this id/ },
    { size: resumedMax + 5, fromIndex: 4, isResumed: true, says: /10000 entries came since/ },
  ];
  for (const { size, says, ...start } of rows) {
    const feed = new EventFeed();
    const { signal } = new AbortController();
    const stream = eventStream(streamOf(feed, { size: () => size }), start, signal);
    const reset = await next(stream);
    assert.match(reset ?? '', /^event: reset\n/);
    assert.match(reset ?? '', says);
    assert.equal(idOf(reset), String(size - 1));
    feed.publish(eventOf(size));
    assert.equal(idOf(await next(stream)), String(size));
    await stream.return(undefined);
  }
  const { signal } = new AbortController();
  const parts = streamOf(new EventFeed(), { size: () => resumedMax + 5 });
  const asked = eventStream(parts, { fromIndex: 0, isResumed: false }, signal);
  assert.equal(idOf(await next(asked)), '0', 'who asks for all gets all');
  await asked.return(undefined);
});

test('a reader that is too slow gets no more than the bound, an end, and is cut off if it takes not even that', async () => {
  const feed = new EventFeed();
  const { signal } = new AbortController();
  const dropped = Promise.withResolvers<void>();
  const parts = streamOf(feed, {
    size: () => 1,
    waitingMax: 3,
    dropAfterMs: 1,
    drop: () => dropped.resolve(),
  });
  const stream = eventStream(parts, { fromIndex: 0, isResumed: false }, signal);
  assert.equal(idOf(await next(stream)), '0');
  for (let index = 1; index <= 10; index++) feed.publish(eventOf(index));
  await dropped.promise;
  assert.match((await next(stream)) ?? '', /^event: end\n/);
  assert.equal(await next(stream), null);
});

test('silence is broken by comments, and the end of the caller ends the stream', async () => {
  const ended = new AbortController();
  const parts = streamOf(new EventFeed(), { size: () => 0, keepAliveMs: 5 });
  const stream = eventStream(parts, { fromIndex: 0, isResumed: false }, ended.signal);
  assert.equal(await next(stream), ': still here\n\n');
  assert.equal(await next(stream), ': still here\n\n');
  ended.abort();
  const last = await next(stream);
  assert.ok(last === null || last.startsWith(':'));
  assert.equal(await next(stream), null);
});
