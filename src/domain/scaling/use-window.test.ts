import assert from 'node:assert/strict';
import { test } from 'node:test';
import { coresOf, memoryOf, type UseWindow, withReading } from './use-window.ts';

/** Readings of one process, as seconds since its start and CPU seconds. */
function windowOf(...readings: readonly (readonly [number, number])[]): UseWindow | null {
  let window: UseWindow | null = null;
  for (const [seconds, cpuSeconds] of readings) {
    const reading = { atMs: seconds * 1000, cpuSeconds, memoryBytes: 1000 * seconds };
    window = withReading(window, 0, reading, 10_000);
  }
  return window;
}

const rows: readonly (readonly [string, readonly (readonly [number, number])[], number | null])[] =
  [
    ['one reading says nothing', [[1, 3]], null],
    [
      'nor do two of nearly the same time',
      [
        [1, 3],
        [2.4, 4],
      ],
      null,
    ],
    [
      'half a core',
      [
        [1, 3],
        [3, 4],
      ],
      0.5,
    ],
    [
      'what is older than the window is forgotten',
      [
        [0, 0],
        [5, 50],
        [10, 50],
        [15, 60],
      ],
      1,
    ],
    [
      'a child that nobody waited for takes its time away',
      [
        [1, 3],
        [3, 2],
      ],
      0,
    ],
  ];

for (const [name, readings, cores] of rows) {
  test(name, () => {
    const window = windowOf(...readings);
    assert.ok(window);
    assert.equal(coresOf(window), cores);
  });
}

test('memory is that of the newest reading', () => {
  const window = windowOf([1, 3], [2, 3]);
  assert.ok(window);
  assert.equal(memoryOf(window), 2000);
});

test('another process begins anew', () => {
  const reading = { atMs: 9_000, cpuSeconds: 0.1, memoryBytes: 1 };
  const window = withReading(windowOf([1, 3], [3, 4]), 8_500, reading, 10_000);
  assert.deepEqual(window, { startedAtMs: 8_500, readings: [reading] });
});
