/** Limits where no cgroup holds them, on every machine. What the kernel does with one: test/services/limits-cgroup.test.ts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Instance } from '../../../ports/platform.ts';
import { cgroupMount, openCgroupPlace } from './cgroup-place.ts';
import { cpuWeight } from './instance-cgroup.ts';
import { never, Place, untilOnly } from '../local-process.fixture.ts';

const mebibyte = 2 ** 20;
/** A Node process has some 50 MiB before it does anything. */
const limits = { memoryBytes: 200 * mebibyte };
const slow = { readyPath: '/readyz', livePath: null, stopGraceMs: 5_000, startTimeoutMs: 300_000 };

/** Nothing is started again while the test looks. */
const longBackoff = { backoffFirstMs: 600_000, backoffMaxMs: 600_000 };

const isReady = ({ state }: Instance): boolean => state === 'ready';
const wasEnded = ({ outOfMemory }: Instance): boolean => outOfMemory !== undefined;

async function eat({ endpoint }: Instance): Promise<void> {
  await (await fetch(`http://127.0.0.1:${endpoint?.port}/eat`)).text();
}

test('an instance over its memory limit is ended at once, named OOMKilled, and waits for its next start', async () => {
  await using place = await Place.make();
  const said: string[] = [];
  const settings = { ...place.options().settings, ...longBackoff };
  const onTrouble = (text: string) => said.push(text);
  await using platform = await place.open({ settings, onTrouble });
  await platform.ensure(place.revision('hungry', { limits, health: slow }), 1, never);
  const ended = await untilOnly(platform, wasEnded);
  assert.deepEqual([ended.state, ended.restarts], ['backing-off', 1]);
  assert.match(
    ended.reason ?? '',
    /^OOMKilled \(exit code 137\) after \d+\.\d s: it had \d+ MiB, its memory limit is 200 MiB, enforced by watching$/,
  );
  assert.ok((ended.outOfMemory?.memoryBytes ?? 0) > limits.memoryBytes);
  assert.equal(said.length, 1);
  assert.match(said[0] ?? '', /not all limits .* memory: cgroups are turned off/);
});

test('it is started again each time, and what the kernel was not given is said once', async () => {
  await using place = await Place.make();
  const said: string[] = [];
  await using platform = await place.open({ onTrouble: (text) => said.push(text) });
  await platform.ensure(place.revision('hungry', { limits, health: slow }), 1, never);
  const again = await untilOnly(platform, ({ outOfMemory }) => (outOfMemory?.count ?? 0) > 1);
  assert.ok(again.restarts >= 2);
  assert.equal(said.length, 1);
});

test('one below its limit is left alone, and says how it is held', async () => {
  await using place = await Place.make();
  await using platform = await place.open();
  const revision = place.revision('healthy', {
    limits: { memoryBytes: 2_000 * mebibyte, cpuCores: 0.5 },
    health: slow,
  });
  await platform.ensure(revision, 1, never);
  const only = await untilOnly(platform, isReady);
  assert.deepEqual(only.limits, {
    memory: { bytes: 2_000 * mebibyte, enforcedBy: 'watching' },
    cpu: { cores: 0.5, enforcedBy: 'nobody' },
    trouble: 'memory and cpu: cgroups are turned off (--cgroup off)',
  });
  assert.deepEqual([only.restarts, only.outOfMemory], [0, undefined]);
});

test('without limits nothing is held and nothing is said', async () => {
  await using place = await Place.make();
  const said: string[] = [];
  await using platform = await place.open({ onTrouble: (text) => said.push(text) });
  await platform.ensure(place.revision('healthy', { health: slow }), 1, never);
  assert.equal((await untilOnly(platform, isReady)).limits, undefined);
  assert.deepEqual(said, []);
});

test('an instance that is met again is still held to its limit, and its ends are still known after that', async () => {
  await using place = await Place.make();
  const revision = place.revision('healthy', { limits, health: slow });
  const settings = { ...place.options().settings, ...longBackoff };
  {
    await using platform = await place.open({ settings });
    await platform.ensure(revision, 1, never);
    await untilOnly(platform, isReady);
  }
  {
    await using platform = await place.open({ settings });
    const met = await untilOnly(platform, isReady);
    assert.equal(met.limits?.memory?.enforcedBy, 'watching');
    await eat(met);
    assert.match((await untilOnly(platform, wasEnded)).reason ?? '', /^OOMKilled/);
  }
  await using platform = await place.open({ settings });
  assert.equal((await untilOnly(platform, wasEnded)).outOfMemory?.count, 1);
});

test('a folder that is no cgroup gives none, with the reason', async () => {
  await using place = await Place.make();
  const found = openCgroupPlace({ folder: place.folder }, place.folder);
  assert.equal(found.folder, null);
  assert.match(found.missing.memory ?? '', /is no cgroup v2 that can be read; give --cgroup/);
});

const mounts: readonly (readonly [string, string, ReturnType<typeof cgroupMount>])[] = [
  [
    'the hierarchy of v2 alone',
    '26 22 0:23 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate',
    { folder: '/sys/fs/cgroup', isReadOnly: false },
  ],
  [
    'v2 beside v1',
    '31 29 0:27 / /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory\n32 29 0:28 / /sys/fs/cgroup/unified rw shared:1 - cgroup2 cgroup2 rw',
    { folder: '/sys/fs/cgroup/unified', isReadOnly: false },
  ],
  [
    'as a container has it',
    '26 22 0:23 / /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw',
    { folder: '/sys/fs/cgroup', isReadOnly: true },
  ],
  [
    'a folder with a space',
    String.raw`26 22 0:23 / /my\040cgroups rw - cgroup2 none rw`,
    { folder: '/my cgroups', isReadOnly: false },
  ],
  ['v1 alone', '31 29 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory', null],
  ['nothing', '', null],
];

for (const [name, text, want] of mounts) {
  test(`the mount of cgroup v2 is found: ${name}`, () => {
    assert.deepEqual(cgroupMount(text), want);
  });
}

test('the weight of CPU is the one of Kubernetes', () => {
  const table: readonly (readonly [number, number])[] = [
    [0.001, 1],
    [0.1, 4],
    [0.5, 20],
    [1, 39],
    [2, 79],
    [256, 10_000],
    [1_000, 10_000],
  ];
  for (const [cores, weight] of table) assert.equal(cpuWeight(cores), weight, `${cores} cores`);
});
