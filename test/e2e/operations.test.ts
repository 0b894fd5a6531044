import assert from 'node:assert/strict';
import { test } from 'node:test';

import { release } from './release.fixture.ts';
import { rolloutEnd, startWorld, waitFor } from './world.fixture.ts';

test('a healthy release is promoted, and the command line ends with 0', async () => {
  await using world = await startWorld();
  await world.applyAndWait(release({ version: 'v1' }));
  await using load = world.load({ service: 'pay', rps: 300 });
  await world.apply(release({ version: 'v2' }));
  const followed = await world.run(['rollout', 'status', 'pay', '--timeout', '30s']);
  assert.equal(followed.code, 0, followed.stdout + followed.stderr);
  console.log(followed);
  console.log((await world.run(['status'])).stdout, (await world.run(['events'])).stdout);
  const end = await rolloutEnd(world, 'pay');
  assert.equal(end.outcome, 'promoted');
  const result = await load.stop();
  console.log({ ...result, series: [] });
  assert.equal(result.errors, 0);
  await world.verifyLedger();
  void waitFor;
});
