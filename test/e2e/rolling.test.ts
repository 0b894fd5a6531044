/**
 * Rolling and recreate on real processes behind the real gateway: no request of a user is lost while instance by instance the
 * versions change places, forth and back, and two recreated versions never run at the same time.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import type { LoadProcess } from '../../src/adapters/load/load-process.ts';
import { release as releaseOf, type ReleaseWish } from './release.fixture.ts';
import { rolloutEnd, startWorld, waitFor, type World } from './world.fixture.ts';

/** Many starts one after the other, on a machine that may be busy. */
const slowly = { timeoutMs: 300_000 };

function release(wish: ReleaseWish): string {
  return releaseOf({
    instances: 3,
    timeout: '60s',
    health: { startTimeout: '60s', stopGrace: '30s' },
    ...wish,
  });
}

describe('a release that is rolled', { concurrency: false }, () => {
  let world: World;
  let load: LoadProcess;

  before(async () => {
    world = await startWorld();
    await world.applyAndWait(release({ version: 'v1' }));
    load = world.load({ service: 'pay', rps: 60 });
  });

  after(async () => {
    await load[Symbol.asyncDispose]();
    await world.verifyLedger();
    await world[Symbol.asyncDispose]();
  });

  async function servesAlone(version: string): Promise<void> {
    for (let each = 0; each < 10; each += 1) {
      assert.deepEqual(await world.visit('pay'), { status: 200, version });
    }
  }

  const rolling = 'strategy: rolling';

  test('replaces all its instances', async () => {
    await world.apply(release({ version: 'v2', rollout: rolling, bake: '1s' }));
    const end = await rolloutEnd(world, 'pay', slowly);
    assert.equal(end.outcome, 'promoted');
    assert.equal(end.kind, 'rolling');
    await servesAlone('v2');
    const events = await world.events();
    const moves = events.filter(({ sentence }) => /from \d to \d;/.test(sentence));
    // 25 % of 3 are one more and none fewer: three come one by one.
    assert.ok(moves.length >= 3, `${moves.length} moves`);
    const { stdout } = await world.must('replay', end.id);
    assert.match(stdout, /same/);
  });

  test('that never becomes ready goes back, and nothing that serves was stopped', async () => {
    const faults = { READY: 'false' };
    const rollout = `${rolling}\n    rolling: { progressDeadline: 3s }`;
    const wish = { version: 'v3', faults, rollout };
    await world.apply(release(wish));
    const end = await rolloutEnd(world, 'pay', slowly);
    assert.equal(end.cause?.kind, 'not-ready');
    assert.match(end.cause.sentence, /no instance came or went for .* 0 of 3 instances of v3/);
    await servesAlone('v2');
  });

  test('is undone within its bake', async () => {
    await world.apply(release({ version: 'v4', rollout: rolling, bake: '10m' }));
    await waitFor(
      'pay to bake',
      async () => {
        return (await world.service('pay')).status.rollout?.phase === 'baking';
      },
      slowly,
    );
    await servesAlone('v4');
    await world.must('rollout', 'undo', 'pay');
    const end = await rolloutEnd(world, 'pay', slowly);
    assert.equal(end.outcome, 'rolled-back');
    await servesAlone('v2');
    const { status } = await world.service('pay');
    await waitFor('the instances of v4 to be gone', async () => {
      const { instances } = (await world.service('pay')).status;
      return (
        instances.length === 3 &&
        instances.every(({ revisionId }) => revisionId === status.stable?.id)
      );
    });
  });

  test('has lost no request by any of that', async () => {
    const { byStatus, byError, requests } = await load.stop();
    assert.deepEqual({ byStatus, byError }, { byStatus: { '200': requests }, byError: {} });
  });

  test('recreated, runs by itself alone', async () => {
    await world.apply(release({ version: 'v5', rollout: 'strategy: recreate', bake: '1s' }));
    const looking = new AbortController();
    const versions: number[] = [];
    const look = (async () => {
      while (!looking.signal.aborted) {
        const { instances } = (await world.service('pay')).status;
        versions.push(new Set(instances.map(({ revisionId }) => revisionId)).size);
        await sleep(20);
      }
    })();
    const end = await rolloutEnd(world, 'pay', slowly);
    looking.abort();
    await look;
    assert.equal(end.outcome, 'promoted');
    assert.ok(Math.max(...versions) <= 1, versions.join(' '));
    await servesAlone('v5');
  });
});
