import assert from 'node:assert/strict';
import { test } from 'node:test';
import { revisionOf } from '../../domain/release/release.fixture.ts';
import { usualConcurrencyScaling } from '../../domain/scaling/concurrency.ts';
import type { Instance } from '../../ports/platform.ts';
import { LoopWorld } from '../loop/loop.fixture.ts';
import { wakeRules } from './wake-rules.ts';

const wake = { timeoutMs: 30_000, requestsMax: 100 };
const concurrency = { ...usualConcurrencyScaling, min: 0, wake };

const rows: readonly (readonly [
  string,
  readonly (readonly [Instance['state'], number])[],
  boolean,
])[] = [
  ['none is there', [], false],
  ['it has ended once', [['backing-off', 1]], false],
  ['it has ended three times', [['backing-off', 3]], true],
  ['it has ended three times and starts', [['starting', 3]], false],
  [
    'one of two starts for the first time',
    [
      ['backing-off', 5],
      ['starting', 0],
    ],
    false,
  ],
];

test('requests are kept for a revision that may sleep, unless its instances end again and again', async () => {
  const world = new LoopWorld();
  const running = await world.open();
  const revision = { ...revisionOf(1), instances: 1, concurrency };
  await running.apply(1, { revision });
  await world.clock.pass(1_000);
  const [instance] = running.loop.instances;
  assert.ok(instance);
  for (const [name, states, isFailing] of rows) {
    const instances = states.map(([state, restarts]) => ({ ...instance, state, restarts }));
    const want = isFailing ? { ...wake, isFailing } : wake;
    const rules = wakeRules(running.loop.services, instances);
    assert.deepEqual([...rules], [[revision.id, want]], name);
  }
  await running.stop();
});

test('nobody waits for a revision that always has instances', async () => {
  const world = new LoopWorld();
  const running = await world.open();
  await running.promoteFirst(1);
  assert.equal(wakeRules(running.loop.services, running.loop.instances).size, 0);
  await running.stop();
});
