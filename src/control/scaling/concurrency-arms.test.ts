import assert from 'node:assert/strict';
import { test } from 'node:test';
import { revisionOf } from '../../domain/release/release.fixture.ts';
import type { Revision } from '../../domain/release/revision.ts';
import { wantedInstances } from '../../domain/release/instance-counts.ts';
import { stableOf } from '../../domain/release/service-state.ts';
import {
  type ConcurrencyScaling,
  usualConcurrencyScaling,
} from '../../domain/scaling/concurrency.ts';
import { MemoryInstanceMetrics } from '../../adapters/memory/memory-instance-metrics.ts';
import { MemoryUsage } from '../../adapters/memory/memory-usage.ts';
import { InstanceScaler } from './instance-scaler.ts';
import { LoopWorld } from '../loop/loop.fixture.ts';

/** 7 requests under way an instance are aimed at. */
const concurrency = { ...usualConcurrencyScaling, min: 1, max: 12, perInstance: 10 };

/** One instance at rest that follows what is under way. */
async function counted(scaling: ConcurrencyScaling = concurrency) {
  const world = new LoopWorld();
  const running = await world.open();
  const revision: Revision = { ...revisionOf(1), instances: 1, concurrency: scaling };
  await running.apply(1, { revision });
  await world.clock.pass(1_000);
  assert.equal(running.phase, 'promoted');
  const abort = new AbortController();
  const { clock, router } = world;
  const usage = new MemoryUsage(clock);
  const gauges = new MemoryInstanceMetrics();
  const parts = { loop: running.loop, usage, router, gauges, clock, isHeard: () => true };
  const scaler = new InstanceScaler(parts);
  const done = scaler.run(abort.signal);
  return {
    world,
    running,
    scaler,
    ordered: (): number => {
      const state = running.loop.service('web');
      const stable = state === null ? null : stableOf(state);
      return state === null || stable === null ? 0 : wantedInstances(state, stable);
    },
    /** So many under way in all, dealt out to whoever is ready. */
    hold: async (requests: number, durationMs: number): Promise<void> => {
      for (let passedMs = 0; passedMs < durationMs; passedMs += 200) {
        const ready = running.loop.instances.filter(({ state }) => state === 'ready');
        router.underWay = new Map(ready.map(({ id }) => [id, requests / ready.length]));
        await clock.pass(200);
      }
    },
    stop: async (): Promise<void> => {
      abort.abort(new Error('over'));
      await done;
      await running.stop();
    },
  };
}

test('a burst takes one instance to twelve within seconds, and the panic gives none back while it lasts', async () => {
  const { world, scaler, ordered, hold, stop } = await counted();
  await hold(84, 8_000);
  assert.equal(ordered(), 12);
  const look = scaler.lookOf(revisionOf(1).id);
  assert.match(
    look?.sentence ?? '',
    /requests under way over 60 s, .* over 6 s, target 7 an instance/,
  );
  assert.ok(world.sentences.some((each) => /^scale: .* to 12 instances: .*panic/.test(each)));
  await hold(0, 30_000);
  assert.equal(ordered(), 12);
  await hold(0, 120_000);
  assert.equal(ordered(), 1);
  await stop();
});

test('while nobody tells what is under way the number stays, and a whole window follows', async () => {
  const { world, ordered, hold, stop } = await counted();
  await hold(84, 8_000);
  world.router.underWay = null;
  await world.clock.pass(300_000);
  assert.equal(ordered(), 12);
  await hold(0, 55_000);
  assert.equal(ordered(), 12);
  await hold(0, 60_000);
  assert.equal(ordered(), 1);
  await stop();
});

const wake = { timeoutMs: 30_000, requestsMax: 100 };
const toZero = { ...concurrency, min: 0, scaleToZeroGraceMs: 30_000, wake };

/** Requests that wait for a first instance, told at once. */
function waits(world: LoopWorld, requests: number): void {
  world.router.underWay = requests === 0 ? new Map() : new Map([[revisionOf(1).id, requests]]);
  world.router.onUnderWay();
}

test('nobody asks for a window and a while: none is left; the first request orders one at once', async () => {
  const { world, ordered, hold, stop } = await counted(toZero);
  await hold(0, 50_000);
  assert.equal(ordered(), 1);
  await hold(0, 20_000);
  assert.equal(ordered(), 0);
  assert.deepEqual(world.endpoints(), []);
  const backends = world.router.table?.routes.flatMap((route) => route.backends) ?? [];
  assert.deepEqual(backends[0]?.wake, wake);

  waits(world, 1);
  await world.clock.pass(1);
  assert.equal(ordered(), 1, 'no look is waited for');
  await world.clock.pass(500);
  assert.equal(world.endpoints().length, 1);
  assert.match(world.sentences.at(-1) ?? '', /from 0 to 1 instances: 1 request waits/);
  // It was served before anybody looked at what is under way.
  waits(world, 0);
  await hold(0, 80_000);
  assert.equal(ordered(), 1, 'a whole window and a while again');
  await hold(0, 30_000);
  assert.equal(ordered(), 0);
  await stop();
});

test('many that wait get many instances at once, and those that wait keep what was started for them', async () => {
  const { world, ordered, hold, stop } = await counted(toZero);
  await hold(0, 105_000);
  assert.equal(ordered(), 0);
  waits(world, 20);
  await world.clock.pass(1);
  assert.equal(ordered(), 3);
  await stop();
});

test('a loop that is over is not asked again and again', async () => {
  const { world, running, hold, stop } = await counted(toZero);
  await hold(0, 105_000);
  await running.stop();
  // Each order is refused at once; asked anew in the same turn it would never end.
  waits(world, 1);
  await world.clock.pass(1_000);
  await stop();
});

test('who begins to wait while another order is on its way is not forgotten', async () => {
  const { world, ordered, hold, stop } = await counted(toZero);
  await hold(0, 105_000);
  assert.equal(ordered(), 0);
  world.store.block();
  waits(world, 1);
  await world.clock.pass(1);
  waits(world, 20);
  await world.clock.pass(1);
  world.store.release();
  await world.clock.pass(1);
  assert.equal(ordered(), 3);
  await stop();
});

test('requests too short to be seen under way keep an instance', async () => {
  const { world, ordered, hold, stop } = await counted(toZero);
  for (let second = 0; second < 200; second += 5) {
    world.router.serve('web', 1, () => ({ statusClass: 1, latencyBucket: 10 }));
    await hold(0, 5_000);
  }
  assert.equal(ordered(), 1);
  await stop();
});
