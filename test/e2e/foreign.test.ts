import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { projectFolder, rolloutEnd, startWorld, waitFor } from './world.fixture.ts';

test('a server that nobody here wrote is released from one published version to another', async () => {
  const folder = join(projectFolder, 'examples', 'foreign');
  await using world = await startWorld();
  await world.must('apply', '--wait', '--timeout', '170s', '-f', join(folder, 'release-a.yaml'));
  await using load = world.load({ service: 'site', rps: 400 });
  const before = (await world.service('site')).status.stable;
  assert.equal(before?.version, '2.0.2');

  await world.must('apply', '-f', join(folder, 'release-b.yaml'));
  const followed = await world.run(['rollout', 'status', 'site', '--timeout', '170s']);
  assert.equal(followed.code, 0, followed.stdout + followed.stderr);
  const end = await rolloutEnd(world, 'site');
  assert.deepEqual([end.outcome, end.toVersion], ['promoted', '3.0.1']);
  await waitFor('the end of the old version', async () => {
    const { instances } = (await world.service('site')).status;
    return instances.every((each) => each.revisionId === end.toRevisionId);
  });
  const { errors, requests, byError, byStatus } = await load.stop();
  assert.equal(errors, 0, JSON.stringify({ requests, byError, byStatus }));
  assert.equal((await world.visit('site')).status, 200);
  await world.verifyLedger();
});
