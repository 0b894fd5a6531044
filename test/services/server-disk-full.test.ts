/** The disk of the state folder fills up while a candidate harms users. Needs to mount a small tmpfs (root). */
import assert from 'node:assert/strict';
import { rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { release } from '../e2e/release.fixture.ts';
import { startWorld, rolloutEnd, waitFor } from '../e2e/world.fixture.ts';
import { smallDisk } from './small-disk.fixture.ts';

test('a full disk holds no way back, is told, and costs no entry once there is room', async (context) => {
  await using disk = await smallDisk('8m');
  if (disk.refusal !== null) {
    context.skip(`cannot mount a small tmpfs here (needs root): ${disk.refusal}`);
    return;
  }
  await using world = await startWorld({ stateFolder: join(disk.path, 'state') });
  await world.applyAndWait(release({ version: 'v1' }));
  // Healthy at first, so that its step is in force when the disk is full.
  const faults = { FAIL_AFTER: '6' };
  await world.apply(
    release({ version: 'v2', faults, gate: { soak: '30s' }, steps: ['20%', '100%'] }),
  );
  await waitFor('the first step', async () => {
    return (await world.service('pay')).status.rollout?.phase === 'judging';
  });
  const filler = join(disk.path, 'filler');
  await fill(disk.path, filler);
  const before = await world.events();

  await using load = world.load({ service: 'pay', rps: 100 });
  const notReady = await waitFor('the server to say that it cannot record', async () => {
    const answer = await world.request('/readyz', { headers: { authorization: '' } });
    const text = await answer.text();
    return answer.status === 503 ? text : null;
  });
  assert.match(notReady, /disk is full|full/);
  // The way back did not wait for the entry that could not be written (C3 of the control loop).
  const answers = await waitFor('all traffic on stable again', async () => {
    const seen = await Promise.all(Array.from({ length: 20 }, () => world.visit('pay')));
    return seen.every(({ version, status }) => version === 'v1' && status === 200) ? seen : null;
  });
  assert.equal(answers.length, 20);
  const status = await world.run(['status']);
  assert.match(
    status.stdout,
    /\nnothing can be recorded: cannot append to the ledger: .*full.*; free space/,
  );
  assert.equal((await world.events()).length, before.length, 'nothing could be written');

  await rm(filler);
  const end = await rolloutEnd(world, 'pay', { rolloutId: 'pay-2' });
  assert.deepEqual([end.outcome, end.cause?.kind], ['rolled-back', 'gate-failed']);
  await waitFor('the server to be ready again', async () => {
    return (await world.request('/readyz')).status === 200;
  });
  const { errors, requests } = await load.stop();
  assert.ok(errors <= 100, `${errors} of ${requests} requests failed`);
  const after = await world.events();
  assert.deepEqual(after.slice(0, before.length), before, 'no entry was lost');
  await world.apply(release({ version: 'v3', steps: ['{ weight: 50%, gate: false }', '100%'] }));
  assert.equal((await rolloutEnd(world, 'pay', { rolloutId: 'pay-3' })).outcome, 'promoted');
  await world.verifyLedger();
  // The world's end shows that a full disk keeps no process from being stopped.
  await fill(disk.path, filler);
});

/** Takes all the space that is left, to the last block. */
async function fill(folder: string, path: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  await writeFile(path, Buffer.alloc(bavail * bsize));
  assert.equal((await statfs(folder)).bavail, 0);
}
