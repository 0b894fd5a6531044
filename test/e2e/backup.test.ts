/** A state folder that is lost while a rollout is under way comes back from a backup, and the service goes on. */
import assert from 'node:assert/strict';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { openSqliteLedgerReader } from '../../src/adapters/sqlite/sqlite-ledger-store.ts';
import { release } from './release.fixture.ts';
import { startWorld, type World } from './world.fixture.ts';

test('a backup taken during a rollout restores the ledger to the byte, and the rollout goes on', async () => {
  await using world = await startWorld();
  const signal = AbortSignal.timeout(240_000);
  await world.applyAndWait(release({ version: 'v1' }));
  const steps = ['{ weight: 30%, gate: false, approval: true }', '100%'];
  await world.apply(release({ version: 'v2', steps }));
  const waiting = await world.run(['rollout', 'status', 'pay', '--timeout', '170s']);
  assert.equal(waiting.code, 4, waiting.stdout + waiting.stderr);

  const backup = join(world.folder, 'backup');
  const keys = join(world.folder, 'keys');
  await world.must('backup', backup, '--keys-to', keys);
  const { entries } = JSON.parse(
    await output(world, ['restore', backup, '--check', '-o', 'json']),
  ) as {
    entries: number;
  };
  const before = await leavesOf(world.stateFolder, entries, signal);
  await world.must('down');

  const lost = `${world.stateFolder}.lost`;
  await rename(world.stateFolder, lost);
  // What the server recorded after the backup is in the folder that was moved away: the backup is older than that.
  const older = await world.run(['restore', backup, '--keys-from', keys, '--anchor', lost]);
  const wasNewer = (await leavesOf(lost, Infinity, signal)).length > entries;
  assert.ok(older.code === 0 || (wasNewer && /would be lost/.test(older.stderr)), older.stderr);
  await rm(world.stateFolder, { recursive: true, force: true });
  await world.must('restore', backup, '--keys-from', keys);
  assert.deepEqual(await leavesOf(world.stateFolder, Infinity, signal), before);

  await world.must(...world.upArguments);
  const again = await world.run(['rollout', 'status', 'pay', '--timeout', '170s']);
  assert.equal(again.code, 4, again.stdout + again.stderr);
  await world.must('rollout', 'promote', 'pay', '--reason', 'it is back');
  await world.must('rollout', 'status', 'pay', '--timeout', '2m');
  await world.must('verify');
});

async function output(world: World, argv: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await world.run([...argv]);
  assert.equal(code, 0, stderr);
  return stdout;
}

async function leavesOf(stateFolder: string, most: number, signal: AbortSignal) {
  await using ledger = await openSqliteLedgerReader(stateFolder, signal);
  const leaves: (readonly [string, string])[] = [];
  for await (const { stream, leaf } of ledger.read({ fromIndex: 0, stream: null }, signal)) {
    if (leaves.length === most) break;
    leaves.push([stream, Buffer.from(leaf).toString('latin1')]);
  }
  return leaves;
}
