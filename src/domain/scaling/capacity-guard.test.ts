import assert from 'node:assert/strict';
import { test } from 'node:test';
import { instancesFor, shortages } from './capacity-guard.ts';

const look = {
  load: 2500,
  perInstance: 1000,
  stableReady: 3,
  candidateReady: 1,
  candidatePercent: 40,
};

test('a step goes on when the candidate carries its share and stable all of it', () => {
  assert.deepEqual(shortages(look), []);
});

test('it waits for stable, which must be able to take all back, whatever its share is now', () => {
  const less = { ...look, stableReady: 2, candidatePercent: 1 };
  assert.deepEqual(shortages(less), [{ arm: 'stable', ready: 2, needed: 3 }]);
});

test('it waits for the candidate', () => {
  const more = { ...look, candidatePercent: 50 };
  assert.deepEqual(shortages(more), [{ arm: 'candidate', ready: 1, needed: 2 }]);
});

test('without load nobody is needed; any load needs one; sums of parts are no reason for one more', () => {
  assert.deepEqual(shortages({ ...look, load: 0, stableReady: 0, candidateReady: 0 }), []);
  assert.equal(instancesFor(0.001, 1000), 1);
  assert.equal(instancesFor(3 * 0.7, 0.7), 3);
});
