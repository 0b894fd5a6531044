/** The server is killed while users send requests and a rollout is under way. */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';

import { release } from './release.fixture.ts';
import { rolloutEnd, startWorld } from './world.fixture.ts';

test('a server killed at random moments of a rollout loses no request, no entry, and the rollout', async (context) => {
  const seed = Number(process.env['TIDEGATE_SEED'] ?? randomInt(1_000_000));
  context.diagnostic(`TIDEGATE_SEED=${seed}`);
  const random = randomOf(seed);
  await using world = await startWorld();
  await world.applyAndWait(release({ version: 'v1', instances: 2, timeout: '30s' }));
  await using load = world.load({ service: 'pay', rps: 200 });
  const kills = 3;
  // The follower is one process from the first kill to the end: it waits for a server that is away.
  await world.apply(
    release({ version: 'v2', instances: 2, timeout: '30s', gate: { worseBy: '5pp' } }),
  );
  const hasBegun = Promise.withResolvers<void>();
  const follower = world.run(['rollout', 'status', 'pay', '--timeout', '170s'], {
    onOutput: () => hasBegun.resolve(),
  });
  await hasBegun.promise;
  for (let number = 0; number < kills; number += 1) {
    await sleep(random() * 1_000);
    await world.killServer();
    await world.up();
  }
  const end = await rolloutEnd(world, 'pay', { rolloutId: 'pay-2', timeoutMs: 150_000 });
  assert.equal(end.outcome, 'promoted', end.cause?.sentence);
  const followed = await follower;
  assert.equal(followed.code, 0, followed.stdout + followed.stderr);
  const { errors, requests, byError, byStatus } = await load.stop();
  assert.equal(errors, 0, JSON.stringify({ requests, byError, byStatus }));
  await world.verifyLedger();
  const recoveries = (await world.events()).filter((each) => each.decision === 'recover');
  assert.equal(recoveries.length, kills, 'each start says that it is back');
  const replayed = await world.must('replay', 'pay-2');
  assert.match(replayed.stdout, /^pay-2: [\d,]+ events .*: (\d+) of \1 decisions are the same/);
  const { instances } = (await world.service('pay')).status;
  assert.equal(instances.length, 2, 'no instance was started twice or left behind');
});

test('a bad candidate goes back though the server is killed in between', async () => {
  await using world = await startWorld();
  await world.applyAndWait(release({ version: 'v1' }));
  await using load = world.load({ service: 'pay', rps: 100 });
  await world.apply(release({ version: 'v2', faults: { FAIL_PERCENT: '100', READY_AFTER: '1' } }));
  await world.killServer();
  // Ready by now, but without anyone to say so it gets no request.
  await sleep(1_200);
  await world.up();
  const end = await rolloutEnd(world, 'pay', { rolloutId: 'pay-2' });
  assert.deepEqual([end.outcome, end.cause?.kind], ['rolled-back', 'gate-failed']);
  const { errors, requests } = await load.stop();
  // Three seconds of its share at most, also where the server is slow to start and to judge.
  assert.ok(errors <= 60, `${errors} of ${requests} requests failed`);
  await world.verifyLedger();
  // Any policy that would go back at least as soon has seen the same requests, with and without the server.
  const policy = join(world.folder, 'policy.yaml');
  const gate = '{ falseRollback: 1%, worseBy: 5pp, soak: 1s }';
  const head = 'apiVersion: tidegate.dev/v1\nkind: Policy\nmetadata: { name: keen }\n';
  await writeFile(policy, `${head}spec: { rollout: { gate: ${gate} } }\n`);
  const ledger = join(world.folder, 'ledger.jsonl');
  await world.must('verify', '--save', ledger, '--with-inputs');
  const back = /^pay-2 +rolled back \(gate-failed\) .* rolled back .*$/m;
  const asked = await world.must('backtest', '--policy', policy);
  const offline = await world.must('backtest', '--policy', policy, '--ledger', ledger);
  assert.match(asked.stdout, back);
  assert.equal(offline.stdout, asked.stdout);
});

/** A linear congruential generator (constants of Numerical Recipes, 2nd edition, 7.1): enough to choose moments. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(1_664_525, state) + 1_013_904_223) >>> 0;
    return state / 4_294_967_296;
  };
}
