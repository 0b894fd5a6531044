import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { PercentTurns } from './percent-turns.ts';

for (const [percent, turns, want] of [
  [0, 1000, 0],
  [0.1, 1000, 1],
  [12.5, 80, 10],
  [50, 7, 3],
  [99.9, 1000, 999],
  [100, 3, 3],
] as const) {
  test(`${percent} % of ${turns} turns are ${want}`, () => {
    const counter = new PercentTurns(percent);
    const taken = Array.from({ length: turns }, () => counter.next()).filter(Boolean);
    assert.equal(taken.length, want);
  });
}

test('any turns in a row are off by less than 1, over changes of the percentage too', () => {
  const change = fc.record({
    permille: fc.integer({ min: 0, max: 1000 }),
    turns: fc.integer({ min: 0, max: 60 }),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
      let counter: PercentTurns | null = null;
      let error = 0;
      for (const { permille, turns } of changes) {
        counter = new PercentTurns(permille / 10, counter);
        for (let turn = 0; turn < turns; turn += 1) {
          error += permille - (counter.next() ? 1000 : 0);
          assert.ok(error >= 0 && error < 1000, `off by ${error / 1000}`);
        }
      }
    }),
    { seed: 20261121, numRuns: 500 },
  );
});
