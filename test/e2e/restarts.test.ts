/** Gateway, server and instances go and come back: users notice as little as can be, and nothing is forgotten. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { release } from './release.fixture.ts';
import { kill, rolloutEnd, startWorld, waitFor } from './world.fixture.ts';

test('a killed gateway is back at once with the share it had', async () => {
  await using world = await startWorld();
  await world.applyAndWait(release({ version: 'v1' }));
  const steps = ['{ weight: 30%, gate: false, approval: true }', '100%'];
  await world.apply(release({ version: 'v2', steps }));
  assert.equal((await world.run(['rollout', 'status', 'pay', '--timeout', '170s'])).code, 4);
  const { gateway } = await world.status();
  kill(gateway.pid ?? assert.fail('no gateway'));
  await waitFor('an answer of the new gateway', async () => {
    return (await world.visit('pay')).status === 200;
  });
  let candidates = 0;
  for (let number = 0; number < 100; number += 1) {
    const { status, version } = await world.visit('pay');
    assert.equal(status, 200);
    if (version === 'v2') candidates += 1;
  }
  assert.ok(Math.abs(candidates - 30) <= 1, `${candidates} of 100 to the candidate`);
  const after = await waitFor('the server to see it', async () => {
    const { gateway: now } = await world.status();
    return now.restarts === 1 && now.isReachable && now.pid !== gateway.pid ? now : null;
  });
  assert.equal(after.url, gateway.url);
  const told = await waitFor('the entries about the gateway', async () => {
    const found = (await world.events()).filter(({ sentence }) => sentence.startsWith('gateway '));
    return found.length === 2 ? found : null;
  });
  assert.match(told[0]?.sentence ?? '', new RegExp(`^gateway ${gateway.pid} has died`));
  await world.must('rollout', 'promote', 'pay');
  await rolloutEnd(world, 'pay');
});

test('server and instances are replaced under load without a lost request', async () => {
  await using world = await startWorld();
  const chain = (version: string): string =>
    [
      release({ name: 'payments', version, instances: 2, steps: ['100%'], timeout: '30s' }),
      release({
        name: 'checkout',
        version,
        instances: 2,
        steps: ['100%'],
        timeout: '30s',
        command: ['node', 'checkout.js'],
        dependsOn: ['payments'],
      }),
    ].join('---\n');
  await world.applyAndWait(chain('v1'));
  await using load = world.load({ service: 'checkout', rps: 50 });
  await world.must('down', '--keep-instances');
  assert.equal((await world.visit('checkout')).status, 200, 'traffic flows without a server');
  await world.up();
  await world.apply(chain('v2'));
  for (const name of ['payments', 'checkout']) {
    assert.equal((await rolloutEnd(world, name)).outcome, 'promoted');
  }
  await waitFor('the end of every old instance', async () => {
    const all = await Promise.all(['payments', 'checkout'].map((name) => world.service(name)));
    return all.every(({ status }) => status.instances.length === 2);
  });
  const { errors, requests, byError, byStatus } = await load.stop();
  assert.equal(errors, 0, JSON.stringify({ requests, byError, byStatus }));
  assert.equal((await world.visit('checkout')).version, 'v2');
});

test('a server ended by down finds everything as it was applied when it is started again', async () => {
  await using world = await startWorld();
  await world.applyAndWait(release({ version: 'v1' }));
  const steps = ['{ weight: 30%, gate: false, approval: true }', '100%'];
  await world.apply(release({ version: 'v2', steps }));
  assert.equal((await world.run(['rollout', 'status', 'pay', '--timeout', '170s'])).code, 4);
  await world.down();
  assert.deepEqual(world.processes(), []);
  const away = await world.run(['status']);
  assert.deepEqual([away.code, away.stdout], [1, '']);
  assert.match(away.stderr, /^error: no server runs for .*\n {2}help: start it: tidegate up/);
  await world.up();
  await waitFor('both revisions', async () => {
    const { instances } = (await world.service('pay')).status;
    return instances.length === 2 && instances.every((each) => each.state === 'ready');
  });
  const { rollout } = (await world.service('pay')).status;
  assert.deepEqual([rollout?.id, rollout?.wantedSharePercent], ['pay-2', 30]);
  await world.must('rollout', 'promote', 'pay');
  assert.equal((await rolloutEnd(world, 'pay')).outcome, 'promoted');
  await world.verifyLedger();
});
