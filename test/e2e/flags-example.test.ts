/** The files of examples/flags, applied one after the other as its README says. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { projectFolder, startWorld, waitFor } from './world.fixture.ts';

test('the example turns its flag with a step, and an undo takes traffic and flag back', async () => {
  await using world = await startWorld();
  const file = (name: string): string => join(projectFolder, 'examples/flags', `${name}.yaml`);
  await world.must('apply', '--wait', '--timeout', '170s', '-f', file('greeting-v1'));
  const variantOf = async (role: string) => {
    const { flags = [] } = (await world.service('greeting')).status;
    return flags.find((flag) => flag.role === role)?.variant;
  };
  assert.equal(await variantOf('stable'), 'off');
  await world.must('apply', '-f', file('greeting-v2'));
  await waitFor('the first step', async () => {
    const { rollout } = (await world.service('greeting')).status;
    return rollout?.phase === 'judging';
  });
  assert.deepEqual([await variantOf('stable'), await variantOf('candidate')], ['off', 'off']);
  await world.must('rollout', 'promote', 'greeting', '--full');
  await waitFor('the bake', async () => {
    return (await world.service('greeting')).status.rollout?.phase === 'baking';
  });
  assert.equal(await variantOf('candidate'), 'on');
  assert.deepEqual(await world.visit('greeting'), { status: 200, version: 'v2' });
  await world.must('rollout', 'undo', 'greeting');
  await waitFor('the way back', async () => {
    return (await world.service('greeting')).status.rollout?.phase === 'rolled-back';
  });
  assert.deepEqual([await variantOf('stable'), await variantOf('candidate')], ['off', undefined]);
  assert.deepEqual(await world.visit('greeting'), { status: 200, version: 'v1' });
});
