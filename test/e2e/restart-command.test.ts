/** `tidegate restart`: every instance is replaced, and nobody notices. */
import assert from 'node:assert/strict';
import { get } from 'node:http';
import { test } from 'node:test';

import { release } from './release.fixture.ts';
import { startWorld, waitFor, type World } from './world.fixture.ts';

/** A busy machine is no reason to be unready. */
const health = {
  ready: '{ http: /readyz, timeout: 30s, failureThreshold: 10 }',
  stopGrace: '20s',
  startTimeout: '60s',
};

async function idsOf(world: World): Promise<readonly string[]> {
  return (await world.service('pay')).status.instances.map(({ id }) => id).toSorted();
}

/** What is shown of instances may be as old as a look at them. */
function onlyNew(world: World, before: readonly string[]): Promise<unknown> {
  return waitFor(`none of ${before.join(', ')}`, async () => {
    const now = await idsOf(world);
    return now.length === before.length && !now.some((id) => before.includes(id));
  });
}

/** Requests one after the other, each on a connection of its own, until stopped; gives what was not 200. */
function newConnections(world: World): { readonly stop: () => Promise<readonly unknown[]> } {
  const wrong: unknown[] = [];
  const loop = { isOn: true };
  const visit = (): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const options = { agent: false, headers: { host: 'pay.localhost' } };
      const request = get(world.gatewayUrl, options, (response) => {
        response.on('error', reject).on('end', () => resolve(response.statusCode));
        response.resume();
      });
      request.on('error', reject);
    });
  const all = (async () => {
    while (loop.isOn) {
      const status = await visit().catch((error: unknown) => String(error));
      if (status !== 200) wrong.push(status);
    }
  })();
  const stop = async (): Promise<readonly unknown[]> => {
    loop.isOn = false;
    await all;
    return wrong;
  };
  return { stop };
}

test('a restart replaces all instances under load without a failed request, and is in the ledger', async () => {
  await using world = await startWorld();
  const text = release({ version: 'v1', instances: 3, health, timeout: '30s' });
  await world.applyAndWait(
    text.replace('spec:\n', 'spec:\n  disruptionBudget: { maxUnavailable: 0 }\n'),
  );
  const before = await idsOf(world);
  await using load = world.load({ service: 'pay', rps: 100 });
  const fresh = newConnections(world);
  const least = { ready: 3 };
  const watching = { isOn: true };
  const watched = (async () => {
    while (watching.isOn) {
      const { instances } = (await world.service('pay')).status;
      const ready = instances.filter(({ state }) => state === 'ready').length;
      least.ready = Math.min(least.ready, ready);
    }
  })();
  const command = ['restart', 'pay', '--reason', 'new certificates', '--output', 'json'];
  const ran = await world.must(...command, '--timeout', '120s');
  watching.isOn = false;
  await watched;
  const said = JSON.parse(ran.stdout) as Record<string, unknown>;
  assert.deepEqual([said['phase'], said['doneCount'], said['totalCount']], ['done', 3, 3]);
  assert.deepEqual(await fresh.stop(), []);
  const { errors, requests, byError, byStatus } = await load.stop();
  assert.equal(errors, 0, JSON.stringify({ requests, byError, byStatus }));
  await onlyNew(world, before);
  assert.equal(least.ready, 3, 'fewer were ready than are wanted');
  const decisions = (await world.events()).map(({ decision }) => decision);
  assert.equal(decisions.filter((each) => each === 'restart').length, 1);
  assert.equal(decisions.filter((each) => each === 'restarted').length, 1);
  await world.verifyLedger();
});

test('a restart that an aborted one leaves behind is over, and the instances are as many as before', async () => {
  await using world = await startWorld();
  await world.applyAndWait(release({ version: 'v1', instances: 2, health, timeout: '30s' }));
  await world.must('restart', 'pay', '--no-wait');
  const second = await world.run(['restart', 'pay']);
  // It may be through already: then this one is the next.
  if (second.code !== 0) assert.match(second.stderr, /a restart is under way since/);
  await world.run(['rollout', 'abort', 'pay', '--reason', 'not now']);
  await waitFor('two ready instances', async () => {
    const { instances, restart } = (await world.service('pay')).status;
    const isOver = restart !== undefined && restart.phase !== 'running';
    return isOver && instances.length === 2 && instances.every(({ state }) => state === 'ready');
  });
  assert.equal((await world.visit('pay')).status, 200);
});

test('a restart goes on when the server is killed in it', async () => {
  await using world = await startWorld();
  await world.applyAndWait(release({ version: 'v1', instances: 3, health, timeout: '30s' }));
  const before = await idsOf(world);
  await using load = world.load({ service: 'pay', rps: 50 });
  await world.must('restart', 'pay', '--no-wait');
  await world.killServer();
  await world.up();
  await waitFor('the end of the restart', async () => {
    return (await world.service('pay')).status.restart?.phase === 'done';
  });
  const { errors, requests, byError, byStatus } = await load.stop();
  assert.equal(errors, 0, JSON.stringify({ requests, byError, byStatus }));
  await onlyNew(world, before);
});
