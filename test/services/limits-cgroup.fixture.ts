/**
 * Runs where this process may make cgroups of v2 with memory and CPU, and prints what the kernel did with each limit as a line of
 * JSON. Started by limits-cgroup.test.ts; `argv[2]` is the wish as JSON.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { CgroupWish } from '../../src/adapters/local-process/limits/cgroup-place.ts';
import { never, Place, until } from '../../src/adapters/local-process/local-process.fixture.ts';
import type { LocalProcessPlatform } from '../../src/adapters/local-process/local-process-platform.ts';
import { readAllProcesses, readChildren } from '../../src/adapters/local-process/process-table.ts';
import type { Instance } from '../../src/ports/platform.ts';

const mebibyte = 2 ** 20;
const health = {
  readyPath: '/readyz',
  livePath: null,
  stopGraceMs: 5_000,
  startTimeoutMs: 600_000,
};
const cgroups = JSON.parse(process.argv[2] ?? '"auto"') as CgroupWish;
const longBackoff = { backoffFirstMs: 600_000, backoffMaxMs: 600_000, sampleIntervalMs: 1_000 };
const isReady = ({ state }: Instance): boolean => state === 'ready';

await using place = await Place.make();
const settings = { ...place.options().settings, ...longBackoff };
const troubles: string[] = [];
const open = (): Promise<LocalProcessPlatform> =>
  place.open({ cgroups, settings, onTrouble: (text) => troubles.push(text) });

/** A kernel as a process of a busy machine takes many seconds to start Node. */
const atMostMs = 500_000;

async function untilOnly(
  platform: LocalProcessPlatform,
  isRight: (instance: Instance) => boolean,
): Promise<Instance> {
  const isThere = (all: readonly Instance[]): boolean => all.some(isRight);
  const [only] = await until(() => platform.observe(never), isThere, atMostMs);
  if (only === undefined) throw new Error('no instance');
  return only;
}

/** Of a process, by /proc, whatever the platform says. */
function cgroupOf(pid: number): string {
  const line = readFileSync(`/proc/${pid}/cgroup`, 'utf8')
    .split('\n')
    .find((each) => each.startsWith('0::'));
  return join('/sys/fs/cgroup', line?.slice(3) ?? '');
}

const read = (folder: string, name: string): string =>
  readFileSync(join(folder, name), 'utf8').trim();

async function files() {
  await using platform = await open();
  const revision = place.revision('runaway', {
    health,
    requests: { cpuCores: 0.5 },
    limits: { memoryBytes: 300 * mebibyte, cpuCores: 0.25 },
  });
  await platform.ensure(revision, 1, never);
  const only = await untilOnly(platform, isReady);
  const pid = only.pid ?? 0;
  const folder = cgroupOf(pid);
  const [child = 0] = readChildren(pid);
  const written = Object.fromEntries(
    ['memory.max', 'memory.oom.group', 'cpu.max', 'cpu.weight'].map((each) => [
      each,
      read(folder, each),
    ]),
  );
  const isChildWithin = cgroupOf(child) === folder;
  await platform.stop(revision, never);
  // It leads a session of its own, so no signal to the group has reached it.
  const isChildEnded = !readAllProcesses().some((each) => each.pid === child && each.state !== 'Z');
  return {
    written,
    limits: only.limits,
    isChildWithin,
    isChildEnded,
    isGone: !existsSync(folder),
    folder,
  };
}

/** Eats until the kernel ends it. */
async function eaten() {
  await using platform = await open();
  const revision = place.revision('hungry', { health, limits: { memoryBytes: 200 * mebibyte } });
  await platform.ensure(revision, 1, never);
  const only = await untilOnly(platform, ({ outOfMemory }) => outOfMemory !== undefined);
  await platform.stop(revision, never);
  return { reason: only.reason, count: only.outOfMemory?.count, state: only.state };
}

/** The kernel ends it while no server is there; the next one knows how. */
async function eatenUnseen() {
  const revision = place.revision('healthy', { health, limits: { memoryBytes: 200 * mebibyte } });
  let pid = 0;
  let port = 0;
  {
    await using platform = await open();
    await platform.ensure(revision, 1, never);
    const only = await untilOnly(platform, isReady);
    pid = only.pid ?? 0;
    port = only.endpoint?.port ?? 0;
  }
  const folder = cgroupOf(pid);
  await (await fetch(`http://127.0.0.1:${port}/eat`)).text();
  await until(
    () => readAllProcesses().some((each) => each.pid === pid && each.state !== 'Z'),
    (isThere) => !isThere,
    atMostMs,
  );
  await using platform = await open();
  const only = await untilOnly(platform, ({ outOfMemory }) => outOfMemory !== undefined);
  await platform.stop(revision, never);
  return { reason: only.reason, isGone: !existsSync(folder) };
}

/** Of a process that would use a whole core. */
async function throttled() {
  await using platform = await open();
  const revision = place.revision('busy', { health, limits: { cpuCores: 0.1 } });
  await platform.ensure(revision, 1, never);
  const only = await untilOnly(platform, ({ pid }) => pid !== null);
  const folder = cgroupOf(only.pid ?? 0);
  const count = (): number => Number(/nr_throttled (\d+)/.exec(read(folder, 'cpu.stat'))?.[1]);
  const periods = await until(count, (seen) => seen > 0, atMostMs);
  await platform.stop(revision, never);
  return { isThrottled: periods > 0 };
}

const found = {
  files: await files(),
  eaten: await eaten(),
  eatenUnseen: await eatenUnseen(),
  throttled: await throttled(),
};
const parent = dirname(dirname(found.files.folder));
const left = readdirSync(parent).filter((name) => name.startsWith('tidegate-'));
console.log(`FOUND ${JSON.stringify({ ...found, troubles, left })}`);
