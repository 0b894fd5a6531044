/** A server notices that its ledger was put back to an older state, by the checkpoint it keeps beside it. */
import assert from 'node:assert/strict';
import { copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { openSqliteLedgerReader } from '../../src/adapters/sqlite/sqlite-ledger-store.ts';
import { release } from './release.fixture.ts';
import { startWorld } from './world.fixture.ts';

test('a start on a ledger that was put back is refused and writes nothing; without what it remembers it would not notice', async () => {
  await using world = await startWorld();
  const path = join(world.stateFolder, 'ledger.db');
  const older = join(world.folder, 'older.db');
  await world.applyAndWait(release({ version: 'v1' }));
  await world.down();
  await copyFile(path, older);
  await world.up();
  await world.applyAndWait(release({ version: 'v1', name: 'second' }));
  await world.must('ledger', 'checkpoint');
  await world.down();

  for (const suffix of ['-wal', '-shm']) await rm(`${path}${suffix}`, { force: true });
  await copyFile(older, path);
  const before = await sizeOf(world.stateFolder);
  const refused = await world.run(world.upArguments);
  assert.notEqual(refused.code, 0);
  assert.match(refused.stderr, /cannot go on from a ledger that was put back: it has \d+ entries/);
  assert.match(refused.stderr, /newest-checkpoint is a checkpoint over \d+.*would be lost/s);
  assert.match(refused.stderr, /tidegate restore the newest backup.*--new-origin REASON/s);
  assert.equal(await sizeOf(world.stateFolder), before);

  await rm(join(world.stateFolder, 'newest-checkpoint'));
  await world.up();
  assert.ok((await sizeOf(world.stateFolder)) >= before);
});

async function sizeOf(stateFolder: string): Promise<number> {
  const signal = AbortSignal.timeout(60_000);
  await using ledger = await openSqliteLedgerReader(stateFolder, signal);
  return (await ledger.head(signal)).size;
}
