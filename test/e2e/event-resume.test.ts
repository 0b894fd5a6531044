/** The stream of events goes on by its last id, also at the next server. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startWorld, type World } from './world.fixture.ts';

/** What the stream says until `enough`. */
async function streamed(world: World, lastId: string, enough: RegExp): Promise<string> {
  const headers = { 'last-event-id': lastId };
  const signal = AbortSignal.timeout(120_000);
  const answer = await world.request('/v1/events?follow=true', { headers, signal });
  assert.match(answer.headers.get('content-type') ?? '', /^text\/event-stream/);
  let text = '';
  assert.ok(answer.body !== null);
  for await (const chunk of answer.body) {
    text += Buffer.from(chunk).toString('utf8');
    if (enough.test(text)) return text;
  }
  throw new Error(`the stream ended: ${text}`);
}

test('a stream goes on after its last id at the next server, and is told of one that no entry has', async () => {
  await using world = await startWorld();
  const last = (await world.events()).at(-1);
  assert.ok(last !== undefined && last.index > 0);
  await world.killServer();
  await world.up();
  const text = await streamed(world, String(last.index - 1), /^id: \d+$/m);
  assert.equal(/^id: (\d+)$/m.exec(text)?.[1], String(last.index));
  assert.doesNotMatch(text, /event: reset/);
  const reset = await streamed(world, '999999', /\n\n/);
  assert.match(reset, /^event: reset\n/);
  assert.match(reset, /no entry of this id/);
});
