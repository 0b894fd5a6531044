import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UnderWayMeter } from './under-way-meter.ts';

/** Looks each 200 ms; what the meter gave. */
function look(...seen: readonly (ReadonlyMap<string, number> | null)[]) {
  const meter = new UnderWayMeter();
  return seen.flatMap((underWay, at) => meter.look(underWay, 1_000 + at * 200) ?? []);
}

const of = (requests: number) => new Map([['a', requests]]);

test('a second is the mean of its looks; an instance that is not told has none', () => {
  const seconds = look(of(6), of(6), of(6), new Map(), new Map(), new Map([['b', 6]]), of(5));
  assert.deepEqual(seconds, [
    {
      atMs: 2_000,
      means: new Map([
        ['a', 3],
        ['b', 1],
      ]),
    },
  ]);
});

test('of a second in which nobody knew nothing is known, and one look is enough', () => {
  const unknown = look(null, null, null, null, null, null);
  assert.deepEqual(unknown, [{ atMs: 2_000, means: null }]);
  const once = look(null, of(4), null, null, null, null);
  assert.deepEqual(once, [{ atMs: 2_000, means: of(4) }]);
});
