import assert from 'node:assert/strict';
import test from 'node:test';
import * as fc from 'fast-check';
import { formatDuration, readDuration } from './duration.ts';
import { readPercent, readRatio } from './percentage.ts';

const seed = 20_261_120;
const bounds = { minMs: 0, maxMs: 3_600_000_000, usualUnit: 's' } as const;

function msOf(text: string): number | null {
  const reading = readDuration(text, bounds);
  return reading.kind === 'read' ? reading.value : null;
}

test('durations are read in milliseconds', () => {
  const rows: readonly (readonly [string, number | null])[] = [
    ['250ms', 250],
    ['30s', 30_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['1m30s', 90_000],
    ['1h1m1s1ms', 3_661_001],
    ['1.5s', 1500],
    ['1.001s', 1001],
    ['0.1s', 100],
    ['0s', 0],
    ['0.5ms', null],
    ['30', null],
    ['30 s', null],
    ['30S', null],
    ['1s1m', null],
    ['1s1s', null],
    ['.5s', null],
    ['1e3s', null],
    ['', null],
    [`${'9'.repeat(50)}s`, null],
  ];
  for (const [text, want] of rows) assert.equal(msOf(text), want, text);
});

test('what is written as a duration is read back', () => {
  const durations = fc.integer({ min: 0, max: bounds.maxMs });
  fc.assert(
    fc.property(durations, (durationMs) =>
      assert.equal(msOf(formatDuration(durationMs)), durationMs),
    ),
    { seed },
  );
});

test('a percentage is the very number written, as Percent and as Ratio', () => {
  const share = { unit: '%', minPercent: 0, maxPercent: 100, examplePercent: 5 } as const;
  const points = { ...share, unit: 'pp' } as const;
  const rows = [
    ['0.1%', share, 0.1, 0.001],
    ['1.1%', share, 1.1, 0.011],
    ['99.9 %', share, 99.9, 0.999],
    ['100%', share, 100, 1],
    ['0.25pp', points, 0.25, 0.0025],
    ['0.25%', points, 0.25, 0.0025],
    ['0%', share, 0, 0],
  ] as const;
  for (const [text, limits, percent, ratio] of rows) {
    assert.deepEqual(readPercent(text, limits), { kind: 'read', value: percent }, text);
    assert.deepEqual(readRatio(text, limits), { kind: 'read', value: ratio }, text);
  }
  for (const text of ['5', '5pp', '5  %', '%', '-5%', '+5%', '1e1%', '100.1%', '.5%', '٥%', '']) {
    assert.notEqual(readPercent(text, share).kind, 'read', text);
  }
});
