/** What a rollout's gate saw, and what its candidate last said, are kept beside the ledger; a full quota is told and stops nothing. */
import assert from 'node:assert/strict';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { blobPath } from '../../src/domain/evidence/blob-event.ts';
import { release } from './release.fixture.ts';
import { projectFolder, type Ran, startWorld, waitFor, type World } from './world.fixture.ts';

interface Listed {
  readonly name: string;
  readonly condition: string;
  readonly sha256: string;
  readonly rolloutId: string | null;
}

test('samples and logs of a rollout that went back are there by digest, and with no room an entry says so', async () => {
  await using world = await startWorld();
  await world.applyAndWait(release({ version: 'v1' }));
  await rolledBack(world, 'v2');
  const kept = await blobsOf(world, 'pay-2', 2);
  assert.deepEqual(
    kept.map(({ name, condition }) => [name.replace(/-.*\./, '.'), condition]),
    [
      ['logs.ndjson', 'stored'],
      ['samples.ndjson', 'stored'],
    ],
  );
  const samples = kept.find(({ name }) => name.startsWith('samples'));
  assert.ok(samples !== undefined);
  const got = await world.run(['ledger', 'blob', 'get', samples.sha256]);
  assert.equal(got.code, 0, got.stderr);
  for (const line of got.stdout.trim().split('\n')) {
    assert.equal((JSON.parse(line) as { service: string }).service, 'pay');
  }
  await world.must('replay', 'pay-2');
  await auditorsCompareBlobs(world, samples.sha256);

  // No room at all: the next rollout goes back as fast, and entries say what is not there.
  await world.must('down', '--keep-instances');
  await world.must(...world.upArguments, '--blob-quota', '0MiB');
  await rolledBack(world, 'v3');
  const refused = await blobsOf(world, 'pay-3', 2);
  assert.deepEqual(
    refused.map(({ condition }) => condition),
    ['not-stored', 'not-stored'],
  );
  await world.must('replay', 'pay-3');
  await world.must('verify');
});

/** From the export alone, by a policy that requires blobs; a changed byte and a blob taken away are found. */
async function auditorsCompareBlobs(world: World, sha256: string): Promise<void> {
  await world.must('ledger', 'checkpoint');
  const exported = await world.must('ledger', 'export', 'audit', '--with-blobs');
  assert.match(exported.stderr, /, 2 blobs, 2 of them new\)/);
  const { stdout } = await world.must('ledger', 'keys');
  await writeFile(join(world.folder, 'policy.tlog'), `${stdout}#tidegate require-blobs\n`);
  const verified = (): Promise<Ran> => {
    const verifier = join(projectFolder, 'bin', 'tidegate-verify.js');
    return world.runNode([verifier, 'audit', '--policy', 'policy.tlog']);
  };
  const whole = await verified();
  assert.equal(whole.code, 0, whole.stdout + whole.stderr);
  assert.match(whole.stdout, /blobs: 2 of 2 are here with the bytes/);
  const path = join(world.folder, 'audit', 'blobs', blobPath(sha256));
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  const bytes = await readFile(path);
  await writeFile(path, bytes.subarray(0, -8));
  const changed = await verified();
  assert.equal(changed.code, 1);
  assert.match(changed.stdout, /NOT VALID[^]*blobs: 1 of 2 [^]*1 HAVE OTHER BYTES/);
  await rm(path);
  const taken = await verified();
  assert.equal(taken.code, 1);
  assert.match(taken.stdout, /it is missing, and the policy requires it/);
}

async function rolledBack(world: World, version: string): Promise<void> {
  await using load = world.load({ service: 'pay', rps: 100 });
  await world.apply(release({ version, faults: { FAIL_PERCENT: '100' } }));
  const { code, stdout } = await world.run(['rollout', 'status', 'pay', '--timeout', '2m']);
  assert.equal(code, 1, stdout);
  await load.stop();
}

/** Waits until so many of the rollout are spoken of. */
async function blobsOf(world: World, rolloutId: string, count: number): Promise<readonly Listed[]> {
  let found: readonly Listed[] = [];
  await waitFor(`${count} blobs of ${rolloutId}`, async () => {
    const { stdout } = await world.run(['ledger', 'blob', 'list', '-o', 'json']);
    const { items } = JSON.parse(stdout) as { items: readonly Listed[] };
    found = items.filter((each) => each.rolloutId === rolloutId);
    return found.length >= count;
  });
  return found.toSorted((one, other) => (one.name < other.name ? -1 : 1));
}
