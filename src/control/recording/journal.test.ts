import assert from 'node:assert/strict';
import { test } from 'node:test';
import { zstdCompressSync } from 'node:zlib';

import { firstRollout, play, specOf } from '../../domain/release/release.fixture.ts';
import { packEvents, packState, unpackEvents, unpackState } from './journal.ts';

test('events and states come back as they were', () => {
  const events = firstRollout();
  assert.deepEqual(unpackEvents(packEvents(events)), events);
  const { state } = play(events);
  assert.deepEqual(unpackState(packState(state)), state);
});

test('no events, line breaks and other scripts survive', () => {
  assert.deepEqual(unpackEvents(packEvents([])), []);
  const by = { who: 'ana\nbob \u2028 \u{1f6a2} "x"', why: null };
  const event = { kind: 'apply', atMs: 1, spec: specOf(1), by } as const;
  assert.deepEqual(unpackEvents(packEvents([event, event])), [event, event]);
});

test('thousands of events stay small and come back', () => {
  const events = Array.from({ length: 5_000 }, (_, atMs) => ({ kind: 'tick', atMs }) as const);
  const bytes = packEvents(events);
  assert.ok(bytes.length < 40_000, `${bytes.length}`);
  assert.deepEqual(unpackEvents(bytes), events);
});

test('bytes that are no journal, or far too many, are refused', () => {
  assert.throws(() => unpackEvents(new Uint8Array([1, 2, 3])));
  assert.throws(() => unpackState(zstdCompressSync('{"cut')), SyntaxError);
  const bomb = zstdCompressSync(Buffer.alloc(64 * 1024 * 1024 + 1));
  assert.ok(bomb.length < 10_000);
  assert.throws(() => unpackState(bomb), /larger than/);
});
