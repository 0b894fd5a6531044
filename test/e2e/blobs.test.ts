/** What a rollout's gate saw, and what its candidate last said, are kept beside the ledger; a full quota is told and stops nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { release } from './release.fixture.ts';
import { startWorld, waitFor, type World } from './world.fixture.ts';

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
