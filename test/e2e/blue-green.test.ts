/**
 * Blue-green on real processes behind the real gateway: the standby is reached by those who ask for it and by nobody else, is
 * checked, gets all traffic in one switch, and gives it back in one; no request of a user is lost by any of it.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import type { LoadProcess } from '../../src/adapters/load/load-process.ts';
import { release as releaseOf, type ReleaseWish } from './release.fixture.ts';
import { rolloutEnd, startWorld, waitFor, type World } from './world.fixture.ts';

const isV2 = `{ name: version, contains: '"version":"v2"', timeout: 30s }`;
const isReady = '{ name: ready, path: /readyz, timeout: 30s }';

const slowly = { timeoutMs: 300_000 };

function release(wish: ReleaseWish): string {
  return releaseOf({
    instances: 3,
    timeout: '60s',
    health: { startTimeout: '60s', stopGrace: '30s' },
    ...wish,
  });
}

describe('a blue-green release', { concurrency: false }, () => {
  let world: World;

  before(async () => {
    world = await startWorld();
    await world.applyAndWait(release({ version: 'v1' }));
  });

  after(async () => {
    await world.verifyLedger();
    await world[Symbol.asyncDispose]();
  });

  async function atPhase(phase: string): Promise<void> {
    await waitFor(
      `pay to be ${phase}`,
      async () => {
        return (await world.service('pay')).status.rollout?.phase === phase;
      },
      slowly,
    );
  }

  async function servesAlone(version: string): Promise<void> {
    for (let each = 0; each < 10; each += 1) {
      assert.deepEqual(await world.visit('pay'), { status: 200, version });
    }
  }

  test('stands by, is switched to by a person, and is undone within its bake, without a lost request', async () => {
    const load: LoadProcess = world.load({ service: 'pay', rps: 50 });
    try {
      const blueGreen = `{ standby: 1, warmUp: { requests: 5 }, checks: [${isV2}], approval: true }`;
      await world.apply(release({ version: 'v2', blueGreen, bake: '10m' }));
      await atPhase('waiting');
      const { status } = await world.service('pay');
      assert.equal(status.rollout?.kind, 'blue-green');
      assert.match(status.sentence, /waiting for approval/);
      await servesAlone('v1');
      assert.deepEqual(await world.visit('preview.pay'), { status: 200, version: 'v2' });
      const asked = { 'x-tidegate-preview': 'standby' };
      assert.deepEqual(await world.visit('pay', asked), { status: 200, version: 'v2' });
      const other = { 'x-tidegate-preview': 'other' };
      assert.deepEqual(await world.visit('pay', other), { status: 200, version: 'v1' });

      await world.must('rollout', 'promote', 'pay');
      await atPhase('baking');
      await servesAlone('v2');
      assert.equal((await world.visit('preview.pay')).status, 404);

      await world.must('rollout', 'undo', 'pay', '--reason', 'orders look odd');
      const end = await rolloutEnd(world, 'pay', slowly);
      assert.equal(end.outcome, 'rolled-back');
      assert.match(end.cause?.sentence ?? '', /undone by .* within the bake/);
      await servesAlone('v1');
    } finally {
      const { byStatus, byError, requests } = await load.stop();
      await load[Symbol.asyncDispose]();
      assert.deepEqual({ byStatus, byError }, { byStatus: { '200': requests }, byError: {} });
    }
  });

  test('that fails a check never has a user', async () => {
    const blueGreen = `{ checks: [${isReady}, { name: home, timeout: 30s }] }`;
    const faults = { FAIL_PERCENT: '100' };
    await world.apply(release({ version: 'v3', blueGreen, faults }));
    const end = await rolloutEnd(world, 'pay', slowly);
    assert.equal(end.cause?.kind, 'checks-failed');
    assert.match(end.cause.sentence, /check home had 500 to GET \/, not 200/);
    assert.equal((await world.visit('preview.pay')).status, 404);
    await servesAlone('v1');
  });

  test('that breaks its objective after the switch goes back by itself', async () => {
    const load: LoadProcess = world.load({ service: 'pay', rps: 100 });
    try {
      const blueGreen = `{ checks: [${isReady}] }`;
      const faults = { FAIL_PERCENT: '60' };
      const objectives = '[{ name: availability, success: 99% }]';
      await world.apply(release({ version: 'v4', blueGreen, faults, objectives, bake: '10m' }));
      const end = await rolloutEnd(world, 'pay', slowly);
      assert.equal(end.cause?.kind, 'bake-failed');
      assert.match(end.cause.sentence, /requests failed at 100 %/);
      await servesAlone('v1');
    } finally {
      await load.stop();
      await load[Symbol.asyncDispose]();
    }
  });

  test('is promoted when its bake is over, and the old revision is gone', async () => {
    const blueGreen = `{ checks: [${isReady}] }`;
    await world.apply(release({ version: 'v5', blueGreen, bake: '1s' }));
    const end = await rolloutEnd(world, 'pay', slowly);
    assert.equal(end.outcome, 'promoted');
    await servesAlone('v5');
    await waitFor('the old instances to be gone', async () => {
      const { status } = await world.service('pay');
      return status.instances.every(({ revisionId }) => revisionId === status.stable?.id);
    });
    const { stdout } = await world.must('replay', end.id);
    assert.match(stdout, /same/);
  });
});
