/**
 * A rollout whose callers stay with a version by a cookie, and whose candidate gets copies of stable's requests beside its
 * share: from the file to what the instances see and describe says.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { release } from './release.fixture.ts';
import { rolloutEnd, startWorld, waitFor, type World } from './world.fixture.ts';

let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world[Symbol.asyncDispose]());

function withTraffic(text: string): string {
  const traffic = 'timeout: 30s, sticky: { cookie: sid }';
  const sticky = text.replace('timeout: 30s', traffic);
  assert.notEqual(sticky, text);
  return sticky;
}

test('callers stay with a version, and copies reach the candidate without being requests', async () => {
  const steps = ['{ weight: 50%, mirror: 100%, approval: true }', '100%'];
  await world.applyAndWait(withTraffic(release({ version: 'v1' })));
  await world.apply(withTraffic(release({ version: 'v2', steps })));
  const seen = new Map<string, string>();
  const waiting = await waitFor('copies to be counted', async () => {
    for (let user = 0; user < 20; user += 1) {
      const cookie = `sid=user-${user}`;
      const { status, version } = await world.visit('pay', { cookie });
      assert.equal(status, 200);
      // Before the split is in force all are with v1; who has moved stays.
      if (seen.get(cookie) === 'v2') assert.equal(version, 'v2', cookie);
      seen.set(cookie, version);
    }
    const service = await world.service('pay');
    const rollout = service.status.rollout;
    return (rollout?.shadow?.requests ?? 0) > 50 ? rollout : null;
  });
  assert.deepEqual(new Set(seen.values()), new Set(['v1', 'v2']));
  const { shadow, totals } = waiting;
  assert.ok(shadow !== undefined);
  assert.equal(shadow.failures, 0);
  assert.ok(shadow.p95Ms !== null);
  assert.ok(totals.candidate.requests > 0 && totals.stable.requests > 0);
  const described = await world.must('describe', 'pay');
  assert.match(described.stdout, /Sticky by: +cookie sid/);
  assert.match(described.stdout, /Copies: +0 of [\d,]+ failed, p95 .*; no evidence/);
  await world.must('rollout', 'abort', 'pay');
  const end = await rolloutEnd(world, 'pay');
  assert.equal(end.outcome, 'rolled-back');
  for (const [cookie] of seen) assert.equal((await world.visit('pay', { cookie })).version, 'v1');
});

test('a step at 0 % has copies alone: no user meets the candidate before it is promoted', async () => {
  const name = 'quiet';
  const steps = ['{ weight: 0%, mirror: 100%, gate: false, approval: true }', '100%'];
  await world.applyAndWait(release({ name, version: 'v1' }));
  await world.apply(release({ name, version: 'v2', steps, bake: '0s' }));
  const waiting = await waitFor('copies to be counted', async () => {
    for (let user = 0; user < 20; user += 1) {
      assert.deepEqual(await world.visit(name), { status: 200, version: 'v1' });
    }
    const { rollout } = (await world.service(name)).status;
    const isCopied = (rollout?.shadow?.requests ?? 0) > 50;
    return isCopied && rollout?.phase === 'waiting' ? rollout : null;
  });
  assert.equal(waiting.shadow?.failures, 0);
  assert.equal(waiting.totals.candidate.requests, 0);
  const described = await world.must('describe', name);
  assert.match(described.stdout, /Copies: +0 of [\d,]+ failed, p95 .*; no evidence/);
  await world.must('rollout', 'promote', name);
  assert.equal((await rolloutEnd(world, name)).outcome, 'promoted');
  assert.deepEqual(await world.visit(name), { status: 200, version: 'v2' });
  await world.verifyLedger();
  const replayed = await world.must('replay', `${name}-2`);
  assert.match(replayed.stdout, /: (\d+) of \1 decisions are the same/);
});
