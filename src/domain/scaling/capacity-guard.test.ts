import assert from 'node:assert/strict';
import { test } from 'node:test';
import { instancesFor, neededFor, shortageOf } from './capacity-guard.ts';

const requests = { metric: 'requestsPerSecond', load: 2500, perInstance: 1000 };
const cores = { metric: 'cpu', load: 2, perInstance: 0.5 };
const stable = { needs: [requests], shareRatio: 1, ready: 3, max: 10 };

test('a step goes on when an arm carries its share', () => {
  assert.equal(shortageOf(stable), null);
  assert.equal(shortageOf({ ...stable, shareRatio: 0.4, ready: 1 }), null);
});

test('it waits for an arm that has too few, and names the metric that needs most', () => {
  const less = { ...stable, ready: 2 };
  assert.deepEqual(shortageOf(less), { ready: 2, needed: 3, by: requests });
  const both = { ...stable, needs: [requests, cores], ready: 2 };
  assert.deepEqual(shortageOf(both), { ready: 2, needed: 4, by: cores });
  const half = { ...stable, shareRatio: 0.5, ready: 1 };
  assert.deepEqual(shortageOf(half), { ready: 1, needed: 2, by: requests });
});

test('it does not wait for more than there may be', () => {
  assert.equal(shortageOf({ ...stable, ready: 2, max: 2 }), null);
  assert.equal(shortageOf({ ...stable, ready: 1, max: 2 })?.needed, 2);
});

test('without load nobody is needed; any load needs one; sums of parts are no reason for one more', () => {
  assert.equal(shortageOf({ ...stable, needs: [{ ...requests, load: 0 }], ready: 0 }), null);
  assert.equal(neededFor([], 1), 0);
  assert.equal(neededFor([requests, cores], 0.5), 2);
  assert.equal(instancesFor(0.001, 1000), 1);
  assert.equal(instancesFor(3 * 0.7, 0.7), 3);
});
