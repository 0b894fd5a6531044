import assert from 'node:assert/strict';
import { test } from 'node:test';

import { plan, revisionOf, stepOf } from '../../domain/release/release.fixture.ts';
import { LedgerError } from '../../ports/ledger-store.ts';
import { PlatformError } from '../../ports/platform.ts';
import { settle } from './hand-clock.fixture.ts';
import { LoopWorld } from './loop.fixture.ts';
import { ledgerOf, listed, readerOf } from '../replay/recorded-ledger.fixture.ts';
import { replayRollout } from '../replay/replay.ts';

const full = new LedgerError('full', 'the disk is full', { retryable: true });

test('a canary goes from its file to promotion, and the old revision is stopped last', async () => {
  const world = new LoopWorld();
  const running = await world.open();
  await running.promoteFirst(1);
  assert.equal(world.weightOf(1), 100);
  await running.beginCanary(2);
  assert.deepEqual([world.weightOf(1), world.weightOf(2)], [90, 10]);
  await world.serve(6_000);
  assert.equal(running.phase, 'baking');
  assert.deepEqual([world.weightOf(1), world.weightOf(2)], [null, 100]);
  assert.equal(world.machine.instances.size, 4);
  await world.serve(6_000);
  assert.equal(running.phase, 'promoted');
  const left = [...world.machine.instances.values()].map(({ revision }) => revision.id);
  assert.deepEqual(left, [revisionOf(2).id, revisionOf(2).id]);
  await running.stop();
});

test('what stable did while nothing was decided begins the next rollout, and its replay', async () => {
  const world = new LoopWorld();
  const running = await world.open();
  await running.promoteFirst(1);
  await world.serve(2_000);
  await running.beginCanary(2);
  const { gate } = running.loop.service('web')?.rollout ?? {};
  assert.ok((gate?.beforeAfter?.older?.count.requests ?? 0) >= 4_000);
  assert.ok((running.loop.stableSeen('web', world.clock.nowMs())?.count.requests ?? 0) >= 4_000);
  assert.equal(running.loop.stableSeen('other', 0), null);
  await running.stop();
  const { entries, blobs } = await ledgerOf(world);
  const replay = await replayRollout('web-2', listed(entries), readerOf(blobs));
  assert.equal(replay?.firstDifference, null);
});

test('a dead candidate is back within a second of traffic, and then stopped', async () => {
  const world = new LoopWorld();
  const running = await world.open();
  await running.promoteFirst(1);
  await running.beginCanary(2);
  await world.serve(1_000, [2]);
  assert.equal(running.phase, 'rolled-back');
  assert.deepEqual([world.weightOf(1), world.weightOf(2)], [100, null]);
  assert.equal(world.machine.instances.size, 2);
  await running.stop();
});

test('C2: nothing is done and nothing answered before the record is durable', async () => {
  const world = new LoopWorld();
  const running = await world.open();
  world.store.block();
  let answers = 0;
  const applying = running.apply(1).then(() => (answers += 1));
  await world.clock.pass(10_000);
  assert.equal(answers, 0);
  assert.equal(world.machine.instances.size, 0);
  assert.deepEqual(world.sentences, []);
  world.store.release();
  await applying;
  await settle();
  assert.equal(world.machine.instances.size, 2);
  assert.equal(world.sentences.length, 1);
  await running.stop();
});

test('C2: a full ledger is waited out, told of, and acted on once it takes the record', async () => {
  const world = new LoopWorld();
  const running = await world.open();
  world.store.error = full;
  const applying = running.apply(1);
  await world.clock.pass(1_200);
  assert.deepEqual(world.troubles, [full.message, full.message, full.message]);
  assert.equal(world.machine.instances.size, 0);
  world.store.error = null;
  await world.clock.pass(500);
  await applying;
  assert.equal(world.troubles.at(-1), null);
  assert.equal(world.machine.instances.size, 2);
  await running.stop();
});

test('C3: the way back does not wait for a full ledger, and nothing else passes it', async () => {
  const world = new LoopWorld();
  const running = await world.open();
  await running.promoteFirst(1);
  await running.beginCanary(2);
  const kept = world.sentences.length;
  world.store.error = full;
  await world.serve(1_000, [2]);
  assert.deepEqual([world.weightOf(1), world.weightOf(2)], [100, null]);
  assert.equal(world.machine.instances.size, 4);
  assert.equal(world.sentences.length, kept);
  world.store.error = null;
  await world.clock.pass(1_000);
  assert.equal(running.phase, 'rolled-back');
  assert.equal(world.machine.instances.size, 2);
  const decisions = world.sentences.slice(kept).map((each) => each.split(':')[0]);
  assert.deepEqual(decisions, ['roll-back', 'rolled-back']);
  await running.stop();
});

test('C3: parking does not wait for a full ledger either', async () => {
  const world = new LoopWorld();
  const running = await world.open();
  await running.promoteFirst(1);
  const gate = { ...plan.gate, incidentMs: 5_000 };
  await running.apply(2, { plan: { ...plan, gate } });
  await world.clock.pass(300);
  assert.equal(running.phase, 'judging');
  const kept = world.sentences.length;
  world.store.error = full;
  await world.serve(1_000, [2]);
  assert.equal(running.phase, 'parked');
  assert.deepEqual([world.weightOf(1), world.weightOf(2)], [100, null]);
  assert.equal(world.sentences.length, kept);
  world.store.error = null;
  await world.clock.pass(1_000);
  assert.match(world.sentences[kept] ?? '', /^park: parking web v2/);
  await running.stop();
});

test('an instance that has all the errors is replaced by the loop, and the version goes on', async () => {
  const world = new LoopWorld();
  const running = await world.open();
  await running.promoteFirst(1);
  const gate = { ...plan.gate, replaceWithinMs: 20_000, soakMs: 3_000 };
  const steps = [stepOf(10), stepOf(100)];
  await running.apply(2, { plan: { ...plan, gate, steps, bakeMs: 0 } });
  await world.clock.pass(300);
  const bad = `${revisionOf(2).id}-1`;
  await world.serve(12_000, [], [bad]);
  assert.equal(running.phase, 'promoted');
  assert.deepEqual(
    [...world.machine.instances.keys()],
    [`${revisionOf(2).id}-2`, `${revisionOf(2).id}-3`],
  );
  const told = world.sentences.map((each) => each.split(':')[0]);
  assert.ok(told.includes('replace') && !told.includes('roll-back'), told.join(' '));
  await running.stop();
});

test('a ledger that is broken for good ends the loop with that error', async () => {
  const world = new LoopWorld();
  const running = await world.open();
  world.store.error = new LedgerError('corrupt', 'bad page 7', { retryable: false });
  const applying = running.apply(1);
  await assert.rejects(running.done, /bad page 7/);
  await assert.rejects(applying, /the loop has stopped/);
  await assert.rejects(running.apply(2), /the loop has stopped/);
  assert.equal(world.clock.sleeping, 0);
});

test('the router gets the endpoints that are ready, at the next look', async () => {
  const world = new LoopWorld();
  const running = await world.open();
  await running.promoteFirst(1);
  const both = [1, 2].map((number) => `${revisionOf(1).id}-${number}`);
  assert.deepEqual(world.endpoints(), both);
  const version = world.router.table?.version;
  await world.clock.pass(1_000);
  assert.equal(world.router.table?.version, version);
  world.machine.script(revisionOf(1).id, { readyAfterMs: null });
  await world.clock.pass(100);
  assert.deepEqual(world.endpoints(), []);
  world.machine.script(revisionOf(1).id, { readyAfterMs: 0 });
  world.router.plan({ kind: 'fails' });
  await world.clock.pass(200);
  assert.deepEqual(world.endpoints(), both);
  await running.stop();
});

test('a platform that cannot be seen for a moment does not end the loop', async () => {
  const world = new LoopWorld();
  const { platform } = world;
  let isBlind = false;
  const blind = new PlatformError('state-unreadable', 'try again', { retryable: true });
  world.platform = {
    ensure: (...call) => platform.ensure(...call),
    replace: (...call) => platform.replace(...call),
    stop: (...call) => platform.stop(...call),
    logs: (...call) => platform.logs(...call),
    observe: async (signal) => (isBlind ? Promise.reject(blind) : platform.observe(signal)),
  };
  const running = await world.open();
  await running.apply(1);
  isBlind = true;
  await world.clock.pass(1_000);
  assert.equal(running.phase, 'starting');
  isBlind = false;
  await world.clock.pass(300);
  assert.equal(running.phase, 'promoted');
  await running.stop();
});

test('a wish of which nobody waits for the answer is refused to the caller and still done', async () => {
  const world = new LoopWorld();
  const running = await world.open();
  await running.promoteFirst(1);
  world.store.block();
  const abort = new AbortController();
  const event = {
    kind: 'operate',
    action: { kind: 'delete' },
    by: { who: 'bob', why: null },
  } as const;
  const submitted = running.loop.submit('web', event, abort.signal);
  await settle();
  abort.abort(new Error('the caller hung up'));
  await assert.rejects(submitted, /hung up/);
  world.store.release();
  await world.clock.pass(500);
  assert.equal(running.loop.service('web')?.isDeleted, true);
  await assert.rejects(running.loop.submit('web', event, abort.signal), /hung up/);
  await running.stop();
});

test('a flood of samples behind a slow ledger leaves room for people', async () => {
  const world = new LoopWorld();
  const running = await world.open();
  await running.promoteFirst(1);
  await running.beginCanary(2);
  world.store.block();
  const pausing = running.operate('pause');
  await settle();
  for (let n = 0; n < 11_000; n++) world.router.serve('web', 1);
  const resuming = running.operate('resume');
  const aborting = running.operate('abort');
  world.store.release();
  await world.clock.pass(100);
  assert.equal((await pausing).record?.decision, 'pause');
  assert.equal((await resuming).record?.decision, 'resume');
  assert.equal((await aborting).record?.decision, 'roll-back');
  await running.stop();
});

test('a shutdown leaves no timer, no subscription and everything where it was', async () => {
  const world = new LoopWorld();
  const running = await world.open();
  await running.promoteFirst(1);
  await running.beginCanary(2);
  world.machine.script(revisionOf(3).id, { ensureFailures: Infinity });
  world.router.plan({ kind: 'slow', durationMs: 60_000 });
  await running.operate('promote');
  await world.clock.pass(300);
  const { table } = world.router;
  await running.stop();
  assert.equal(world.clock.sleeping, 0);
  assert.equal(world.router.table, table);
  assert.equal(world.machine.instances.size, 4);
  const { totals } = running.loop.service('web')?.rollout ?? {};
  world.router.serve('web', 100);
  assert.deepEqual(running.loop.service('web')?.rollout?.totals, totals);
  await assert.rejects(running.apply(3), /the loop has stopped/);
});

test('a loop that is stopped before its first look ends quietly', async () => {
  const world = new LoopWorld();
  const running = await world.open();
  await running.stop();
  assert.equal(world.clock.sleeping, 0);
});

test('after a restart a canary goes on from its step', async () => {
  const world = new LoopWorld();
  const first = await world.open();
  await first.promoteFirst(1);
  await first.beginCanary(2);
  await world.serve(500);
  await first.stop();
  world.router.observerReturned();
  await world.clock.pass(60_000);
  const second = await world.open();
  await settle();
  const recovery = /^recover: the control loop is back: web-2 goes on: step 1 of 3 at 10 %/;
  assert.ok(world.sentences.some((each) => recovery.test(each)));
  assert.deepEqual([world.weightOf(1), world.weightOf(2)], [90, 10]);
  await world.serve(12_000);
  assert.equal(second.phase, 'promoted');
  await second.stop();
});

test('a loop that died before acting acts after its restart', async () => {
  const world = new LoopWorld();
  const first = await world.open();
  await first.promoteFirst(1);
  world.machine.script(revisionOf(2).id, { ensureTakesMs: 5_000 });
  await first.apply(2);
  await first.stop();
  assert.equal(world.machine.instances.size, 2);
  // Longer than a start may take: the candidate gets its whole time again.
  await world.clock.pass(600_000);
  const second = await world.open();
  await world.clock.pass(6_000);
  assert.equal(second.phase, 'judging');
  assert.equal(world.machine.instances.size, 4);
  await second.stop();
});

test('a way back that was cut short is finished after the restart', async () => {
  const world = new LoopWorld();
  const first = await world.open();
  await first.promoteFirst(1);
  await first.beginCanary(2);
  world.router.plan({ kind: 'slow', durationMs: 60_000 });
  await first.operate('abort');
  await settle();
  await first.stop();
  assert.equal(world.weightOf(2), 10);
  const second = await world.open();
  await world.clock.pass(500);
  assert.equal(second.phase, 'rolled-back');
  assert.deepEqual([world.weightOf(1), world.weightOf(2)], [100, null]);
  assert.equal(world.machine.instances.size, 2);
  await second.stop();
});

test('a deleted service that is applied at once is there again', async () => {
  const world = new LoopWorld();
  const running = await world.open();
  await running.promoteFirst(1);
  world.router.plan({ kind: 'slow', durationMs: 150 });
  await running.operate('delete');
  await running.apply(1);
  await world.clock.pass(2_000);
  assert.equal(running.phase, 'promoted');
  assert.equal(world.weightOf(1), 100);
  assert.equal(world.endpoints().length, 2);
  await running.stop();
});
