import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { ConstantSchedule } from './schedule.ts';
import { dueCount, intendedOffsetMs, scheduledTotal } from './schedule.ts';

function constant(requestsPerSecond: number, durationMs: number | null = null): ConstantSchedule {
  return { kind: 'constant', requestsPerSecond, durationMs };
}

test('a request starts at its index divided by the rate', () => {
  const rows: [rate: number, index: number, wantMs: number][] = [
    [800, 0, 0],
    [800, 1, 1.25],
    [800, 4, 5],
    [800, 800, 1000],
    [0.5, 1, 2000],
    [1500, 3, 2],
  ];
  for (const [rate, index, wantMs] of rows) {
    assert.equal(intendedOffsetMs(constant(rate), index), wantMs, `${index} at ${rate}/s`);
  }
});

test('a request is due at its moment and not before', () => {
  const rows: [rate: number, durationMs: number | null, elapsedMs: number, want: number][] = [
    [800, null, -0.001, 0],
    [800, null, 0, 1],
    [800, null, 1.249, 1],
    [800, null, 1.25, 2],
    [800, null, 10_000, 8001],
    [800, 1000, 999.9, 800],
    [800, 1000, 5000, 800],
    [3, 1000, 1000 / 3, 2],
  ];
  for (const [rate, durationMs, elapsedMs, want] of rows) {
    const got = dueCount(constant(rate, durationMs), elapsedMs);
    assert.equal(got, want, `${rate}/s, ${durationMs} ms, at ${elapsedMs} ms`);
  }
});

test('the end of the run is excluded from its total', () => {
  const rows: [rate: number, durationMs: number | null, want: number | null][] = [
    [800, 10_000, 8000],
    [10, 100, 1],
    [10, 101, 2],
    [10, 99, 1],
    [0.1, 1000, 1],
    [800, 0, 0],
    [800, null, null],
  ];
  for (const [rate, durationMs, want] of rows) {
    assert.equal(
      scheduledTotal(constant(rate, durationMs)),
      want,
      `${rate}/s for ${durationMs} ms`,
    );
  }
});

test('due count and intended start agree exactly at any rate and time', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.01, max: 100_000, noNaN: true }),
      fc.double({ min: 0, max: 3_600_000, noNaN: true }),
      (rate, elapsedMs) => {
        const schedule = constant(rate);
        const due = dueCount(schedule, elapsedMs);
        assert.ok(intendedOffsetMs(schedule, due - 1) <= elapsedMs);
        assert.ok(intendedOffsetMs(schedule, due) > elapsedMs);
      },
    ),
    { seed: 2026, numRuns: 2000 },
  );
});
