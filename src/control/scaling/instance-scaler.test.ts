import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryInstanceMetrics } from '../../adapters/memory/memory-instance-metrics.ts';
import { MemoryUsage } from '../../adapters/memory/memory-usage.ts';
import { revisionOf } from '../../domain/release/release.fixture.ts';
import { wantedInstances } from '../../domain/release/instance-counts.ts';
import type { Revision } from '../../domain/release/revision.ts';
import { stableOf } from '../../domain/release/service-state.ts';
import { usualHorizontalScaling } from '../../domain/scaling/horizontal.ts';
import { InstanceScaler } from './instance-scaler.ts';
import { LoopWorld, type RunningLoop } from '../loop/loop.fixture.ts';

const scale = { ...usualHorizontalScaling, min: 2, max: 6 };
const byRequests = {
  ...scale,
  targets: scale.targets.filter(({ metric }) => metric === 'requestsPerSecond'),
};

interface Scaled {
  readonly world: LoopWorld;
  readonly running: RunningLoop;
  readonly usage: MemoryUsage;
  readonly gauges: MemoryInstanceMetrics;
  readonly scaler: InstanceScaler;
  heard: boolean;
  stop(): Promise<void>;
}

/** A service of two instances at rest that follows its load, watched. */
async function scaled(change: Partial<Revision> = {}): Promise<Scaled> {
  const world = new LoopWorld();
  const running = await world.open();
  const revision = { ...revisionOf(1), scale, ...change };
  await running.apply(1, { revision });
  await world.clock.pass(1_000);
  assert.equal(running.phase, 'promoted');
  return watched(world, running);
}

function watched(world: LoopWorld, running: RunningLoop): Scaled {
  const usage = new MemoryUsage(world.clock);
  const { clock, router } = world;
  const abort = new AbortController();
  const gauges = new MemoryInstanceMetrics();
  const parts = { loop: running.loop, usage, router, gauges, clock };
  const scaler = new InstanceScaler({ ...parts, isHeard: () => subject.heard });
  const done = scaler.run(abort.signal);
  const subject: Scaled = {
    world,
    running,
    usage,
    gauges,
    scaler,
    heard: true,
    stop: async () => {
      abort.abort(new Error('over'));
      await done;
      await running.stop();
    },
  };
  return subject;
}

/** All instances compute so much from now on; those that come later do nothing. */
function compute({ running, usage }: Scaled, cores: number): void {
  for (const { id } of running.loop.instances) usage.script(id, { cores, memoryBytes: 1e6 });
}

function ordered({ running }: Scaled): number {
  const state = running.loop.service('web');
  const stable = state === null ? null : stableOf(state);
  return state === null || stable === null ? 0 : wantedInstances(state, stable);
}

function running(subject: Scaled): number {
  return subject.running.loop.instances.filter(({ state }) => state === 'ready').length;
}

test('CPU above its target starts instances within seconds, and each change is recorded with its reason', async () => {
  const subject = await scaled();
  compute(subject, 1.2);
  await subject.world.clock.pass(10_000);
  assert.equal(ordered(subject), 4);
  assert.equal(running(subject), 4);
  const said = subject.world.sentences.filter((each) => each.startsWith('scale: '));
  assert.equal(said.length, 1);
  assert.match(said[0] ?? '', /from 2 to 4 instances: cpu 120 % an instance, target 70 %/);
  await subject.stop();
});

test('requests count by instance, and come down after five calm minutes', async () => {
  const subject = await scaled({ scale: byRequests });
  const { world } = subject;
  await world.serve(20_000);
  assert.equal(ordered(subject), 4, '4,000 requests/s at 1,000 an instance');
  await world.clock.pass(280_000);
  assert.equal(ordered(subject), 4, 'the window is not over');
  await world.clock.pass(60_000);
  assert.equal(ordered(subject), 2);
  assert.equal(running(subject), 2);
  await subject.stop();
});

test('a metric that is not known may ask for nothing, and lets nobody go', async () => {
  const subject = await scaled();
  await subject.world.serve(20_000);
  assert.equal(ordered(subject), 4);
  await subject.world.clock.pass(900_000);
  assert.equal(ordered(subject), 4, 'nobody has told of CPU and memory');
  await subject.stop();
});

test('a metric of the service is asked for where it is published', async () => {
  const series = { name: 'jobs_waiting', labels: {} };
  const gauge = { path: '/metrics', series };
  const target = { metric: 'queue', perInstance: 30, setsUnreadyAside: false, gauge };
  const subject = await scaled({ scale: { ...scale, targets: [target] } });
  for (const { id } of subject.running.loop.instances) {
    subject.gauges.show(id, new Map([['jobs_waiting', 60]]));
  }
  await subject.world.clock.pass(3_000);
  assert.equal(ordered(subject), 4);
  const [metric] = subject.scaler.lookOf(revisionOf(1).id)?.metrics ?? [];
  assert.deepEqual([metric?.metric, metric?.target], ['queue', 30]);
  await subject.stop();
});

test('while the router is not heard no request is no sign of calm', async () => {
  const subject = await scaled({ scale: byRequests });
  await subject.world.serve(20_000);
  subject.heard = false;
  await subject.world.clock.pass(900_000);
  assert.equal(ordered(subject), 4);
  await subject.stop();
});

test('what CPU is requested is what a percentage is of', async () => {
  const subject = await scaled({ requests: { cpuCores: 0.25 } });
  compute(subject, 0.25);
  await subject.world.clock.pass(10_000);
  assert.equal(ordered(subject), 3);
  const look = subject.scaler.lookOf(revisionOf(1).id);
  assert.match(look?.sentence ?? '', /^cpu /);
  await subject.stop();
});

test('after a restart the number stays, and goes down only after a whole window', async () => {
  const before = await scaled({ scale: byRequests });
  await before.world.serve(20_000);
  assert.equal(ordered(before), 4);
  await before.stop();
  const after = watched(before.world, await before.world.open());
  await before.world.clock.pass(280_000);
  assert.equal(ordered(after), 4);
  assert.equal(running(after), 4);
  await before.world.clock.pass(60_000);
  assert.equal(ordered(after), 2);
  await after.stop();
});

test('a service without `scale` is left alone however busy it is', async () => {
  const world = new LoopWorld();
  const loop = await world.open();
  await loop.promoteFirst(1);
  const subject = watched(world, loop);
  compute(subject, 4);
  await world.serve(20_000);
  assert.equal(ordered(subject), 2);
  assert.equal(subject.scaler.lookOf(revisionOf(1).id), null);
  await subject.stop();
});
