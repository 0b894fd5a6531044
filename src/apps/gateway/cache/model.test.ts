import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runModel } from './model.fixture.ts';

test('over random requests, invalidations and rollouts no answer is stale or crossed', () => {
  const { served, mistakes } = runModel(20_261_121, 500);
  assert.deepEqual(mistakes.slice(0, 3), []);
  assert.ok(served > 1000, `${served} answers were looked at`);
});

test('the model finds a cache that leaves something out', () => {
  for (const plant of ['purges', 'unsafe requests', 'revisions'] as const) {
    assert.ok(runModel(7, 100, plant).mistakes.length > 0, plant);
  }
});
