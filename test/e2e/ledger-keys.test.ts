/** The ledger's keys change while a server runs, and what was signed with each stays valid for its entries only. */
import assert from 'node:assert/strict';
import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { release } from './release.fixture.ts';
import { projectFolder, startWorld, type World } from './world.fixture.ts';

test('keys are rotated while the server runs, a crash in the middle is ended by the next start, and auditors see it', async () => {
  await using world = await startWorld();
  await world.applyAndWait(release({ version: 'v1' }));
  const oldPolicy = (await world.must('ledger', 'keys')).stdout;
  await world.must('ledger', 'checkpoint');
  await cp(join(world.stateFolder, 'keys'), join(world.folder, 'old-keys'), { recursive: true });
  const rotated = await world.must('ledger', 'keys', 'rotate', '--reason', 'once a year');
  const policy = (await world.must('ledger', 'keys')).stdout;
  assert.notEqual(policy, oldPolicy);
  for (const line of policy.split('\n').filter((each) => each.startsWith('log '))) {
    assert.ok(rotated.stdout.includes(line), line);
  }
  await world.applyAndWait(
    release({ version: 'v2', steps: ['{ weight: 50%, gate: false }', '100%'] }),
  );
  assert.equal(await audit(world, 'first', policy), 0);
  assert.equal(await audit(world, 'first', oldPolicy), 1, 'the old keys sign no checkpoint now');

  const list = await keyList(world);
  assert.deepEqual(
    list.map(({ isInUse }) => isInUse),
    [false, true],
  );
  const [ended, inUse] = list;
  assert.equal(ended?.validToIndex, (inUse?.validFromIndex ?? 0) - 1);
  const again = await world.run(['ledger', 'keys', 'revoke', ended?.keyId ?? '', '--reason', 'x']);
  assert.equal(again.code, 1, again.stdout + again.stderr);
  assert.match(again.stderr, /ended with entry/);

  // As a crash between the entry and the files leaves it: the old files, and the next ones in their folder.
  await world.must('down', '--keep-instances');
  const keys = join(world.stateFolder, 'keys');
  await cp(keys, join(world.folder, 'next-keys'), { recursive: true });
  await cp(join(world.folder, 'next-keys'), join(keys, 'next'), { recursive: true });
  await cp(join(world.folder, 'old-keys'), keys, { recursive: true });
  await world.up();
  assert.deepEqual(await keyList(world), list);
  assert.equal((await readdir(keys)).includes('next'), false);
  assert.equal((await world.must('ledger', 'keys')).stdout, policy);
  await world.must('ledger', 'keys', 'revoke', inUse?.keyId ?? '', '--reason', 'a copy was lost');
  assert.equal(await audit(world, 'second', (await world.must('ledger', 'keys')).stdout), 0);
  await world.must('verify');
});

interface KeyRow {
  readonly keyId: string;
  readonly validFromIndex: number;
  readonly validToIndex: number | null;
  readonly isInUse: boolean;
}

async function keyList(world: World): Promise<readonly KeyRow[]> {
  const { stdout } = await world.must('ledger', 'keys', 'list', '-o', 'json');
  return JSON.parse(stdout) as readonly KeyRow[];
}

/** The exit code of the auditor's program, for the ledger as it is now. */
async function audit(world: World, name: string, policy: string): Promise<number | null> {
  await world.must('ledger', 'checkpoint');
  await world.must('ledger', 'export', name);
  await writeFile(join(world.folder, 'policy.tlog'), policy);
  assert.ok((await readFile(join(world.folder, 'policy.tlog'), 'utf8')).includes('quorum none'));
  const verifier = join(projectFolder, 'bin', 'tidegate-verify.js');
  return (await world.runNode([verifier, name, '--policy', 'policy.tlog'])).code;
}
