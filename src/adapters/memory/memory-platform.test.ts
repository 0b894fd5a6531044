import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Revision } from '../../domain/release/revision.ts';
import type { Clock } from '../../ports/clock.ts';
import { platformContract, type PlatformHarness } from '../../ports/platform.contract.ts';
import { MemoryMachine, MemoryPlatform } from './memory-platform.ts';
import type { PlatformScript } from './platform-script.ts';

const never = new AbortController().signal;

/** Time that moves only by `pass`. */
class HandClock implements Clock {
  #nowMs = 1_000_000;
  #sleepers: { readonly atMs: number; readonly wake: () => void }[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  sleep(durationMs: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    return new Promise((resolve) => {
      this.#sleepers.push({ atMs: this.#nowMs + durationMs, wake: resolve });
    });
  }

  pass(durationMs: number): void {
    this.#nowMs += durationMs;
    const due = this.#sleepers.filter((sleeper) => sleeper.atMs <= this.#nowMs);
    this.#sleepers = this.#sleepers.filter((sleeper) => sleeper.atMs > this.#nowMs);
    for (const sleeper of due) sleeper.wake();
  }
}

let revisionCount = 0;

function newRevision(): Revision {
  revisionCount += 1;
  return {
    id: `shop-${revisionCount.toString(16).padStart(10, '0')}`,
    digest: '0'.repeat(64),
    service: 'shop',
    version: null,
    command: ['shop'],
    workingDirectory: '/',
    env: {},
    health: { readyPath: '/readyz', livePath: null, stopGraceMs: 30_000, startTimeoutMs: 300 },
    instances: 1,
  };
}

function world(): { clock: HandClock; machine: MemoryMachine; platform: MemoryPlatform } {
  const clock = new HandClock();
  const machine = new MemoryMachine();
  return { clock, machine, platform: new MemoryPlatform({ clock, machine }) };
}

const behaviours: Readonly<Record<string, Partial<PlatformScript>>> = {
  healthy: { readyAfterMs: 50 },
  'never-ready': { readyAfterMs: null },
  crashing: { crashAfterMs: 100 },
  'slow-stopping': { stopTakesMs: 200 },
};

platformContract('MemoryPlatform', async (): Promise<PlatformHarness> => {
  const { clock, machine } = world();
  return {
    open: async () => new MemoryPlatform({ clock, machine }),
    revision: (behaviour) => {
      const revision = newRevision();
      machine.script(revision.id, behaviours[behaviour] ?? {});
      return revision;
    },
    pass: async (durationMs) => {
      clock.pass(durationMs);
      // Lets everything that was woken run on.
      await new Promise((resolve) => setImmediate(resolve));
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
});

test('an instance is ready exactly when its script says, and not a millisecond before', async () => {
  const { clock, machine, platform } = world();
  const revision = newRevision();
  machine.script(revision.id, { readyAfterMs: 250 });
  await platform.ensure(revision, 1, never);
  clock.pass(249);
  assert.equal((await platform.observe(never))[0]?.state, 'starting');
  clock.pass(1);
  assert.equal((await platform.observe(never))[0]?.state, 'ready');
});

test('crashes and restarts happen at their times, however seldom one looks', async () => {
  const rows = [
    { atMs: 99, state: 'ready', restarts: 0 },
    { atMs: 100, state: 'backing-off', restarts: 1 },
    { atMs: 1_099, state: 'backing-off', restarts: 1 },
    { atMs: 1_100, state: 'ready', restarts: 1 },
    { atMs: 1_200, state: 'backing-off', restarts: 2 },
    // 100 + 1,000 + 100 + 2,000 + 100 + 4,000 + 50
    { atMs: 7_350, state: 'ready', restarts: 3 },
    { atMs: 1_000_000, state: 'ready', restarts: 4 },
  ];
  for (const { atMs, state, restarts } of rows) {
    const { clock, machine, platform } = world();
    const revision = newRevision();
    machine.script(revision.id, { crashAfterMs: 100, crashesMax: 4 });
    await platform.ensure(revision, 1, never);
    clock.pass(atMs);
    const [instance] = await platform.observe(never);
    assert.deepEqual([instance?.state, instance?.restarts], [state, restarts], `at ${atMs} ms`);
  }
});

test('ensure fails as often as scripted, does nothing then, and succeeds after', async () => {
  const { machine, platform } = world();
  const revision = newRevision();
  machine.script(revision.id, { ensureFailures: 2 });
  for (let call = 0; call < 2; call += 1) {
    await assert.rejects(platform.ensure(revision, 1, never), {
      name: 'PlatformError',
      retryable: true,
    });
    assert.deepEqual(await platform.observe(never), []);
  }
  await platform.ensure(revision, 1, never);
  assert.equal((await platform.observe(never)).length, 1);
});

test('a slow ensure takes its time', async () => {
  const { clock, machine, platform } = world();
  const revision = newRevision();
  machine.script(revision.id, { ensureTakesMs: 500 });
  const ensuring = platform.ensure(revision, 1, never);
  clock.pass(499);
  assert.deepEqual(await platform.observe(never), []);
  clock.pass(1);
  await ensuring;
  assert.equal((await platform.observe(never)).length, 1);
});
