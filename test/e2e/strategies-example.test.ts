/** The files of examples/strategies, applied one after the other as its README says. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { projectFolder, rolloutEnd, startWorld, waitFor } from './world.fixture.ts';

const slowly = { timeoutMs: 300_000 };

test('the example releases one page by blue-green, undoes it, rolls it and recreates it', async () => {
  await using world = await startWorld();
  const apply = async (name: string): Promise<void> => {
    await world.must('apply', '-f', join(projectFolder, 'examples/strategies', `${name}.yaml`));
  };
  const ends = async (outcome: string): Promise<void> => {
    const end = await rolloutEnd(world, 'page', slowly);
    assert.equal(end.outcome, outcome, end.cause?.sentence);
  };
  await apply('page-v1');
  await ends('promoted');
  await apply('page-v2-blue-green');
  const phaseOf = async () => (await world.service('page')).status.rollout?.phase;
  await waitFor('the bake', async () => (await phaseOf()) === 'baking', slowly);
  assert.deepEqual(await world.visit('page'), { status: 200, version: 'v2' });
  await world.must('rollout', 'undo', 'page');
  await ends('rolled-back');
  assert.deepEqual(await world.visit('page'), { status: 200, version: 'v1' });
  await apply('page-v3-rolling');
  await ends('promoted');
  assert.deepEqual(await world.visit('page'), { status: 200, version: 'v3' });
  await apply('page-v4-recreate');
  await ends('promoted');
  assert.deepEqual(await world.visit('page'), { status: 200, version: 'v4' });
  const { stdout } = await world.must('describe', 'page');
  assert.match(stdout, /Strategy: +recreate: all of the old stop before the new ones start/);
});
