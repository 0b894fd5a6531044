import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gateWords, objectiveWords } from './plan-words.ts';

const usual = {
  falseRollbackRatio: 0.001,
  falsePromotionRatio: 0.01,
  worseByRatio: 0.0025,
  soakMs: 30_000,
  atMostMs: 600_000,
};

test('a gate is shown as a release file writes it, without what is not set', () => {
  assert.deepEqual(gateWords(usual), {
    falseRollback: '0.1%',
    falsePromotion: '1%',
    worseBy: '0.25pp',
    soak: '30s',
    atMost: '10m',
  });
  const more = gateWords({
    ...usual,
    worseByRatio: 0.0007,
    soakMs: 0,
    atMostMs: 5_430_250,
    slowerByRatio: 0.2,
    incidentMs: 1500,
    replaceWithinMs: 30_000,
    onTimeLimit: 'widen',
    beforeAfter: 'hold',
    oneVotePer: { client: { kind: 'address' }, windowMs: 10_000 },
    metrics: [{ name: 'declined', kind: 'ratio', weight: 0.25 }],
  });
  assert.deepEqual(
    [more['worseBy'], more['soak'], more['atMost'], more['slowerBy'], more['incident']],
    ['0.07pp', '0s', '1h30m30s250ms', '20%', '1s500ms'],
  );
  assert.deepEqual(
    [more['replaceWithin'], more['onTimeLimit'], more['beforeAfter'], more['oneVotePer']],
    ['30s', 'widen', 'hold', '10s'],
  );
  assert.equal(more['metrics'], 'declined');
});

test('objectives are shown with their name and goal', () => {
  assert.equal(
    objectiveWords({ kind: 'success', name: 'availability', ratioMin: 0.999 }),
    'availability: success 99.9%',
  );
  assert.equal(
    objectiveWords({ kind: 'latency', name: 'speed', quantile: 0.95, limitMs: 500 }),
    'speed: p95 500ms',
  );
});
