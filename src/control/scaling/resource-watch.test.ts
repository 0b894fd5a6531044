import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryUsage } from '../../adapters/memory/memory-usage.ts';
import { revisionOf } from '../../domain/release/release.fixture.ts';
import { LoopWorld } from '../loop/loop.fixture.ts';
import type { Instance, OutOfMemory } from '../../ports/platform.ts';
import { ResourceWatch } from './resource-watch.ts';

const mebibyte = 2 ** 20;

/** A stable service of two instances, watched. */
async function watched() {
  const world = new LoopWorld();
  const running = await world.open();
  await running.promoteFirst(1);
  const abort = new AbortController();
  const usage = new MemoryUsage(world.clock);
  const ends = new Map<string, OutOfMemory>();
  const loop = {
    get services() {
      return running.loop.services;
    },
    get instances() {
      return running.loop.instances.map((each): Instance => {
        const outOfMemory = ends.get(each.id);
        return outOfMemory === undefined ? each : { ...each, outOfMemory };
      });
    },
  };
  const watch = new ResourceWatch({ loop, usage, clock: world.clock });
  const done = watch.run(abort.signal);
  return {
    world,
    running,
    watch,
    /** By instance: ends at its limit that the platform tells of from now on. */
    ends,
    /** All instances of the revision use so much from now on. */
    use: (number: number, cores: number, mebibytes: number): void => {
      for (const { id, revisionId } of running.loop.instances) {
        if (revisionId !== revisionOf(number).id) continue;
        usage.script(id, { cores, memoryBytes: mebibytes * mebibyte });
      }
    },
    stop: async (): Promise<void> => {
      abort.abort(new Error('over'));
      await done;
      await running.stop();
    },
  };
}

test('what instances use is known after 15 s, and recommended with a margin between the bounds', async () => {
  const { world, watch, use, stop } = await watched();
  const { id } = revisionOf(1);
  use(1, 0.4, 300);
  await world.clock.pass(5_000);
  assert.equal(watch.lookOf(id), null);
  await world.clock.pass(15_000);
  const look = watch.lookOf(id);
  assert.ok(Math.abs((look?.used.cpuCores ?? 0) - 0.4) < 0.01);
  assert.equal(look?.used.memoryBytes, 300 * mebibyte);
  assert.equal(look?.samples, 2);
  const target = look?.recommendation.target;
  assert.ok(target !== undefined && target.cpuCores > 0.4 && target.cpuCores < 0.55);
  assert.ok(target.memoryBytes > 300 * mebibyte && target.memoryBytes < 400 * mebibyte);
  await world.clock.pass(600_000);
  assert.ok((watch.lookOf(id)?.samples ?? 0) >= 18, 'one a minute and instance');
  await stop();
});

test('a candidate is seen by itself, and what has left is forgotten', async () => {
  const { world, running, watch, use, stop } = await watched();
  use(1, 0.4, 300);
  await running.beginCanary(2);
  use(2, 0.05, 900);
  await world.clock.pass(20_000);
  assert.equal(watch.lookOf(revisionOf(2).id)?.used.memoryBytes, 900 * mebibyte);
  assert.equal(watch.lookOf(revisionOf(2).id)?.recommendation.target.cpuCores, 0.1);
  assert.equal(watch.lookOf(revisionOf(1).id)?.used.memoryBytes, 300 * mebibyte);
  await running.operate('abort');
  await world.clock.pass(20_000);
  assert.equal(watch.lookOf(revisionOf(2).id), null);
  await stop();
});

test('an instance that was ended at its limit raises what is recommended, once for each end', async () => {
  const { world, running, watch, ends, use, stop } = await watched();
  const { id } = revisionOf(1);
  use(1, 0.4, 200);
  await world.clock.pass(20_000);
  const target = () => watch.lookOf(id)?.recommendation.target.memoryBytes ?? 0;
  const before = target();
  const [first] = running.loop.instances;
  assert.ok(first !== undefined && before < 300 * mebibyte);
  const outOfMemory = { count: 1, atMs: world.clock.nowMs(), memoryBytes: 400 * mebibyte };
  ends.set(first.id, outOfMemory);
  await world.clock.pass(10_000);
  const raised = target();
  // A fifth or 100 MiB more than it was let, and 15 % on top of that.
  assert.ok(raised > 1.15 * 480 * mebibyte && raised < 1.15 * 560 * mebibyte, `${raised}`);
  await world.clock.pass(10_000);
  assert.equal(target(), raised);
  await stop();
});
