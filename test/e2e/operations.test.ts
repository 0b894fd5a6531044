/** A person's hand on a rollout, by the real command line: what each command says, its exit code, and what it does. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { release, type ReleaseWish } from './release.fixture.ts';
import { rolloutEnd, startWorld, waitFor, type World } from './world.fixture.ts';

/** Steps that a person leads through, without a gate. */
const byHand = ['{ weight: 5%, gate: false, approval: true }', '100%'];

describe('through the command line', { concurrency: true }, () => {
  let world: World;

  before(async () => {
    world = await startWorld();
    const names = ['approved', 'held', 'aborted', 'matched', 'exact', 'deleted'];
    const files = names.map((name) => release({ name, version: 'v1' }));
    await world.applyAndWait(files.join('---\n'));
  });

  after(() => world[Symbol.asyncDispose]());

  test('a step with approval waits with exit code 4 until it is promoted, and undo goes back', async () => {
    await begin('approved', { bake: '0s' });
    const waiting = await world.run(['rollout', 'status', 'approved', '--timeout', '170s']);
    assert.equal(waiting.code, 4, waiting.stdout + waiting.stderr);
    assert.match(
      waiting.stdout,
      /approved: step 1 of 2 at 5 %.*: waiting for approval for .*: "tidegate rollout promote approved"\n$/,
    );
    const promoted = await world.must('rollout', 'promote', 'approved', '--reason', 'looks good');
    assert.match(
      promoted.stdout,
      /^service\/approved: raising to 100 %: promoted by \S+ \("looks good"\)\n$/,
    );
    assert.equal((await rolloutEnd(world, 'approved')).outcome, 'promoted');
    assert.equal((await world.run(['rollout', 'status', 'approved'])).code, 0);
    assert.deepEqual(await versionsSeen('approved', 20), { v2: 20 });

    const undone = await world.must('rollout', 'undo', 'approved', '--to', 'v1');
    assert.match(
      undone.stdout,
      /^service\/approved: approved-3 started: approved v2 .* -> approved v1 .*, 100 %\n$/,
    );
    assert.equal((await world.run(['rollout', 'status', 'approved', '--timeout', '170s'])).code, 0);
    const end = await rolloutEnd(world, 'approved');
    assert.equal(end.kind, 'undo');
    assert.equal(end.toVersion, 'v1');
    assert.deepEqual(await versionsSeen('approved', 20), { v1: 20 });
  });

  test('a pause holds a rollout that could go on, and resume lets it', async () => {
    // Without a request the gate cannot say anything, so the step lasts until it was paused.
    await begin('held', { steps: ['20%', '100%'], bake: '0s' });
    await inForce('held', 20);
    const paused = await world.must('rollout', 'pause', 'held', '--reason', 'lunch');
    assert.match(paused.stdout, /^service\/held: paused by \S+ \("lunch"\)\n$/);
    const status = await world.run(['rollout', 'status', 'held']);
    assert.equal(status.code, 4, status.stdout);
    assert.match(status.stdout, /^held: paused by \S+ \("lunch"\) for .*; step 1 of 2 at 20 %/);
    const again = await world.run(['rollout', 'pause', 'held']);
    assert.deepEqual(
      [again.code, again.stderr],
      [1, 'error: cannot pause: held-2 is paused already\n'],
    );
    await using load = world.load({ service: 'held', rps: 300 });
    const seen = await waitFor('the gate to pass', async () => {
      const { rollout } = (await world.service('held')).status;
      return rollout?.gate?.verdict === 'pass' ? rollout : null;
    });
    assert.equal(seen.wantedSharePercent, 20);
    await world.must('rollout', 'resume', 'held');
    assert.equal((await rolloutEnd(world, 'held')).outcome, 'promoted');
    assert.equal((await load.stop()).errors, 0);
  });

  test('an abort takes all traffic back with exit code 1, and retry starts the same revision again', async () => {
    await begin('aborted', { faults: { IGNORE_SIGTERM: 'true', LEAK_PORT: 'true' } });
    await inForce('aborted', 5);
    const abort = await world.must('rollout', 'abort', 'aborted', '--reason', 'wrong build');
    assert.match(
      abort.stdout,
      /^service\/aborted: going back to aborted v1 \(\w+\): aborted by \S+ \("wrong build"\)\n$/,
    );
    const end = await rolloutEnd(world, 'aborted');
    assert.equal(end.cause?.kind, 'aborted');
    const status = await world.run(['rollout', 'status', 'aborted']);
    assert.equal(status.code, 1);
    assert.match(status.stdout, /^aborted: rolled back aborted v2 \(\w+\): aborted by/);
    assert.deepEqual(await versionsSeen('aborted', 40), { v1: 40 });
    // It ignores SIGTERM and left a child on its port, so that only SIGKILL to the whole group ends it.
    const candidates = async () =>
      (await world.service('aborted')).status.instances.filter(
        (each) => each.revisionId === end.toRevisionId,
      );
    await waitFor(
      'the end of a candidate that ignores SIGTERM',
      async () => (await candidates()).length === 0,
    );
    assert.equal((await world.run(['rollout', 'abort', 'aborted'])).code, 1);

    const retried = await world.must('rollout', 'retry', 'aborted');
    assert.match(retried.stdout, /^service\/aborted: aborted-3 started: /);
    await inForce('aborted', 5);
    await world.must('rollout', 'abort', 'aborted');
    const ends = await waitFor('three ended rollouts', async () => {
      const past = await world.history('aborted');
      return past.length === 3 ? past : null;
    });
    assert.deepEqual(
      ends.map((each) => each.outcome),
      ['promoted', 'rolled-back', 'rolled-back'],
    );
    const listed = await world.must('rollout', 'history', 'aborted');
    assert.match(listed.stdout, /aborted-2 .*rolled-back .*wrong build/);
  });

  test('a matching header reaches the candidate at a weight of 0.1 % as well', async () => {
    const match = 'match: { header: x-canary, value: "true" }';
    await begin('matched', {
      steps: [`{ weight: 0.1%, gate: false, approval: true, ${match} }`, '100%'],
    });
    await inForce('matched', 0.1);
    assert.deepEqual(await versionsSeen('matched', 50, { 'x-canary': 'true' }), { v2: 50 });
    assert.deepEqual(await versionsSeen('matched', 50, { 'x-canary': 'false' }), { v1: 50 });
    await world.must('rollout', 'abort', 'matched');
    await rolloutEnd(world, 'matched');
    assert.deepEqual(await versionsSeen('matched', 20, { 'x-canary': 'true' }), { v1: 20 });
  });

  test('1,000 requests at 95:5 are 950 and 50, at most one off', async () => {
    await begin('exact', {});
    await inForce('exact', 5);
    const { v1 = 0, v2 = 0 } = await versionsSeen('exact', 1_000);
    assert.equal(v1 + v2, 1_000);
    assert.ok(Math.abs(v2 - 50) <= 1, `${v2} of 1,000 went to the candidate`);
  });

  test('delete ends a service, its rollout and its instances', async () => {
    await begin('deleted', {});
    await inForce('deleted', 5);
    const { instances } = (await world.service('deleted')).status;
    assert.equal(instances.length, 2);
    const deleted = await world.must('delete', 'deleted', '--reason', 'moved');
    assert.match(deleted.stdout, /^service\/deleted: deleted deleted by \S+ \("moved"\)\n$/);
    await waitFor('the end of its processes', () => {
      const alive = world.processes();
      return instances.every((each) => each.pid === null || !alive.includes(each.pid));
    });
    const gone = await world.run(['describe', 'deleted']);
    assert.deepEqual([gone.code, gone.stderr], [1, 'error: there is no service "deleted"\n']);
    assert.equal((await world.visit('deleted')).status, 404);
    // Applied again, it begins anew.
    await world.applyAndWait(release({ name: 'deleted', version: 'v3' }));
    assert.deepEqual(await versionsSeen('deleted', 5), { v3: 5 });
  });

  async function begin(name: string, wish: Omit<ReleaseWish, 'name' | 'version'>): Promise<void> {
    const applied = await world.apply(release({ name, version: 'v2', steps: byHand, ...wish }));
    assert.match(
      applied.stdout,
      new RegExp(`^service/${name} started: ${name}-2 started: ${name} v1 `),
    );
  }

  function inForce(name: string, weightPercent: number): Promise<unknown> {
    return waitFor(`${weightPercent} % of ${name} in force`, async () => {
      const { rollout } = (await world.service(name)).status;
      const isThere = rollout?.phase === 'judging' || rollout?.phase === 'waiting';
      return isThere && rollout.wantedSharePercent === weightPercent;
    });
  }

  /** Which version answered how many of so many requests, one after the other. */
  async function versionsSeen(
    name: string,
    count: number,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Record<string, number>> {
    const seen: Record<string, number> = {};
    for (let number = 0; number < count; number += 1) {
      const { status, version } = await world.visit(name, headers);
      assert.equal(status, 200);
      seen[version] = (seen[version] ?? 0) + 1;
    }
    return seen;
  }
});
