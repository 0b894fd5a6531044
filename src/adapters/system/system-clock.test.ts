import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SystemClock } from './system-clock.ts';

const never = new AbortController().signal;

test('time is an integer near the wall clock', () => {
  const clock = new SystemClock();
  const nowMs = clock.nowMs();
  assert.ok(Number.isInteger(nowMs));
  assert.ok(Math.abs(nowMs - Date.now()) < 1_000, `${nowMs}`);
});

test('time goes on while the wall clock is set back', (context) => {
  const clock = new SystemClock();
  const beforeMs = clock.nowMs();
  const real = Date.now.bind(Date);
  context.mock.method(Date, 'now', () => real() - 3_600_000);
  assert.ok(clock.nowMs() >= beforeMs);
  assert.ok(clock.nowMs() - beforeMs < 1_000);
});

test('time starts at the last recorded time when the wall clock is behind it', () => {
  const recordedMs = Date.now() + 60_000;
  const nowMs = new SystemClock({ notBeforeMs: recordedMs + 0.5 }).nowMs();
  assert.ok(nowMs > recordedMs, `${nowMs}`);
  assert.ok(Number.isInteger(nowMs));
});

test('time starts at the wall clock when the last recorded time is behind it', () => {
  const beforeMs = Date.now();
  assert.ok(new SystemClock({ notBeforeMs: beforeMs - 60_000 }).nowMs() >= beforeMs);
});

test('sleep lasts at least as long as asked', async () => {
  const clock = new SystemClock();
  const startedMs = performance.now();
  await clock.sleep(20, never);
  assert.ok(performance.now() - startedMs >= 20);
});

test('sleep rejects with the reason of the signal, before and during', async () => {
  const clock = new SystemClock();
  const reason = new Error('enough');
  await assert.rejects(clock.sleep(10_000, AbortSignal.abort(reason)), reason);
  const controller = new AbortController();
  const sleeping = clock.sleep(10_000_000_000, controller.signal);
  controller.abort(reason);
  await assert.rejects(sleeping, reason);
});
