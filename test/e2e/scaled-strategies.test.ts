/** Strategies over services whose number follows their load, awake and asleep: the number stays within its bounds, and nobody loses a request. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import type { ServiceView } from '../../src/api/wire.ts';
import { release, type ReleaseWish } from './release.fixture.ts';
import { rolloutEnd, startWorld, waitFor, type World } from './world.fixture.ts';

/** Many starts one after the other, on a machine that may be busy. */
const slowly = { timeoutMs: 300_000 };
const most = 3;

/** A load of 30 requests/s that take half a second each wants all three. */
const byConcurrency: Partial<ReleaseWish> = {
  scale: `{ min: 1, max: ${most}, on: { concurrency: 4 } }`,
  faults: { DELAY_MS: '500' },
  timeout: '60s',
};
/** At 60 requests/s it wants all three. */
const byRequests: Partial<ReleaseWish> = {
  scale: `{ min: 1, max: ${most}, on: { requestsPerSecond: 15 } }`,
  timeout: '60s',
};
/** Sleeps some 6 s after the last request. */
const toZero: Partial<ReleaseWish> = {
  scale: `{ min: 0, max: ${most}, on: { concurrency: 100 }, window: 6s, toZero: { retentionPeriod: 0s, wakeTimeout: 10m } }`,
  timeout: '60s',
};
const rolling = 'strategy: rolling';
const blueGreen = '{ approval: true }';

test('a service that follows its requests under way is rolled at the size it has', async () => {
  await using world = await startWorld();
  await world.applyAndWait(release({ version: 'v1', ...byConcurrency }));
  await using load = world.load({ service: 'pay', rps: 30, connections: 64 });
  await readyOf(world, most);
  await using seen = watchCounts(world);
  await world.apply(release({ version: 'v2', ...byConcurrency, rollout: rolling, bake: '1s' }));
  assert.equal((await rolloutEnd(world, 'pay', slowly)).outcome, 'promoted');
  await readyOf(world, most);
  const { errors, byError } = await load.stop();
  assert.equal(errors, 0, JSON.stringify(byError));
  // Those that go are there until what they have is answered.
  assert.ok(seen.most <= 2 * most, `${seen.most} instances at once`);
});

test('a standby has what all of the load asks for before it is switched to', async () => {
  await using world = await startWorld();
  await world.applyAndWait(release({ version: 'v1', ...byRequests }));
  await using load = world.load({ service: 'pay', rps: 60 });
  await readyOf(world, most);
  await using seen = watchCounts(world);
  await world.apply(release({ version: 'v2', ...byRequests, blueGreen, bake: '10m' }));
  await atPhase(world, 'waiting');
  await world.must('rollout', 'promote', 'pay');
  await atPhase(world, 'baking');
  await readyOf(world, most, 1);
  await world.must('rollout', 'undo', 'pay');
  assert.equal((await rolloutEnd(world, 'pay', slowly)).outcome, 'rolled-back');
  const { errors, byError } = await load.stop();
  assert.equal(errors, 0, JSON.stringify(byError));
  assert.ok(seen.most <= 2 * most, `${seen.most} instances at once`);
});

test('a service that sleeps is rolled without being woken, and who asks meanwhile is answered', async () => {
  await using world = await startWorld();
  await world.applyAndWait(release({ version: 'v1', ...toZero }));
  await asleep(world);
  await using seen = watchCounts(world);
  await world.apply(release({ version: 'v2', ...toZero, rollout: rolling, bake: '1s' }));
  const answers = await Promise.all(Array.from({ length: 8 }, () => world.visit('pay')));
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
  assert.equal((await rolloutEnd(world, 'pay', slowly)).outcome, 'promoted');
  assert.deepEqual(await world.visit('pay'), { status: 200, version: 'v2' });
  assert.ok(seen.most <= most, `${seen.most} instances at once`);
  await asleep(world);
});

test('a service that sleeps is switched, and an undo goes back to what sleeps and is woken', async () => {
  await using world = await startWorld();
  await world.applyAndWait(release({ version: 'v1', ...toZero }));
  await asleep(world);
  await world.apply(release({ version: 'v2', ...toZero, blueGreen, bake: '10m' }));
  await atPhase(world, 'waiting');
  await world.must('rollout', 'promote', 'pay');
  await atPhase(world, 'baking');
  assert.deepEqual(await world.visit('pay'), { status: 200, version: 'v2' });
  await world.must('rollout', 'undo', 'pay');
  assert.equal((await rolloutEnd(world, 'pay', slowly)).outcome, 'rolled-back');
  assert.deepEqual(await world.visit('pay'), { status: 200, version: 'v1' });
});

interface Watch extends AsyncDisposable {
  /** Most instances that were not on their way out at once. */
  readonly most: number;
}

function watchCounts(world: World): Watch {
  const ending = new AbortController();
  let highest = 0;
  const looking = (async () => {
    while (!ending.signal.aborted) {
      const { status } = await world.service('pay');
      highest = Math.max(highest, staying(status));
      await sleep(50);
    }
  })();
  // A world that has ended is told by the test itself.
  looking.catch(() => {});
  return {
    get most() {
      return highest;
    },
    [Symbol.asyncDispose]: async () => {
      ending.abort();
      await looking;
    },
  };
}

function staying({ instances }: ServiceView['status']): number {
  return instances.filter(({ state }) => state !== 'stopping').length;
}

/** Of the arm that scales, or the candidate beside stable. */
async function readyOf(world: World, ready: number, arm = 0): Promise<void> {
  const isSo = async (): Promise<boolean> => {
    const { scaling = [] } = (await world.service('pay')).status;
    return (scaling[arm] ?? scaling[0])?.ready === ready;
  };
  await waitFor(`${ready} ready instances`, isSo, slowly);
}

async function atPhase(world: World, phase: string): Promise<void> {
  const isSo = async () => (await world.service('pay')).status.rollout?.phase === phase;
  await waitFor(`pay to be ${phase}`, isSo, slowly);
}

async function asleep(world: World): Promise<void> {
  const isSo = async (): Promise<boolean> => {
    const { status } = await world.service('pay');
    const [first] = status.scaling ?? [];
    return status.instances.length === 0 && first?.asleepSince !== undefined;
  };
  await waitFor('sleep', isSo, slowly);
}
