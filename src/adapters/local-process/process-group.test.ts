import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { until } from './local-process.fixture.ts';
import { PortPool } from './port-pool.ts';
import {
  findLaunch,
  groupMembers,
  isLeaderRunning,
  signalGroup,
  type ProcessIdentity,
} from './process-group.ts';
import { isRunning, parseProcessStat, readBootId, readProcess } from './process-table.ts';

/** A shell that starts a sleeper in its group; `exits` leaves it behind. */
class Group implements AsyncDisposable {
  readonly identity: ProcessIdentity;
  readonly #leader: ChildProcess;

  constructor(end: 'stays' | 'exits', launchId: string) {
    const script = end === 'stays' ? 'sleep 60 & wait' : 'sleep 60 & read line; exit 0';
    this.#leader = spawn('/bin/sh', ['-c', script], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      env: { PATH: '/usr/bin:/bin', TIDEGATE_LAUNCH: launchId },
    });
    const pid = this.#leader.pid ?? 0;
    const startTicks = readProcess(pid)?.startTicks ?? -1;
    this.identity = { pid, startTicks, bootId: readBootId(), launchId };
  }

  async endLeader(): Promise<void> {
    const exit = once(this.#leader, 'exit');
    this.#leader.stdin?.end('\n');
    await exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    signalGroup(this.identity, 'SIGKILL');
    await until(
      () => groupMembers(this.identity).length,
      (count) => count === 0,
    );
  }
}

function twoMembers(group: Group): Promise<unknown> {
  return until(
    () => groupMembers(group.identity).length,
    (count) => count === 2,
  );
}

test('a group is its leader and its children', async () => {
  await using group = new Group('stays', 'launch-a');
  await twoMembers(group);
  assert.equal(isLeaderRunning(group.identity), true);
  assert.equal(findLaunch('launch-a')?.pid, group.identity.pid);
  assert.equal(findLaunch('launch-'), null);
});

test('with another start time or boot id it is not our group, and no signal is sent', async () => {
  await using group = new Group('stays', 'launch-b');
  await twoMembers(group);
  const { identity } = group;
  for (const other of [
    { ...identity, startTicks: identity.startTicks - 1 },
    { ...identity, bootId: 'another' },
  ]) {
    assert.equal(isLeaderRunning(other), false);
    assert.deepEqual(groupMembers(other), []);
    signalGroup(other, 'SIGKILL');
  }
  // Two processes were started and seen since, so a signal would have had its effect.
  await using later = new Group('stays', 'launch-e');
  await twoMembers(later);
  assert.equal(groupMembers(identity).length, 2);
});

test('what a dead leader left is ours by its launch id only', async () => {
  await using group = new Group('exits', 'launch-c');
  await twoMembers(group);
  await group.endLeader();
  assert.equal(isLeaderRunning(group.identity), false);
  assert.equal(groupMembers(group.identity).length, 1);
  assert.deepEqual(groupMembers({ ...group.identity, launchId: 'launch-d' }), []);
});

test('the fields of a process are counted behind a name with spaces and brackets', () => {
  const rest = Array.from({ length: 49 }, (_, index) => String(index + 4)).join(' ');
  const stat = parseProcessStat(`42 (a) b) (c) S ${rest}\n`);
  assert.partialDeepStrictEqual(stat, { pid: 42, state: 'S', groupId: 5, startTicks: 22 });
  assert.equal(parseProcessStat('42 (cut'), null);
});

test('a zombie is not running', () => {
  const stat = readProcess(process.pid);
  assert.ok(stat);
  assert.equal(isRunning(stat), true);
  assert.equal(isRunning({ ...stat, state: 'Z' }), false);
  assert.ok(Math.abs(stat.rssBytes / process.memoryUsage.rss() - 1) < 0.5, 'page size');
});

test('a port is given out once, passed by when held, and again after its return', async () => {
  const stranger = createServer();
  stranger.listen(0, '127.0.0.1');
  await once(stranger, 'listening');
  const address = stranger.address();
  assert.ok(address !== null && typeof address === 'object');
  const held = address.port;
  const pool = new PortPool({ portFirst: held, portLast: held + 1 });
  const port = await pool.take();
  assert.equal(port, held + 1);
  await assert.rejects(pool.take(), { code: 'no-port', retryable: true });
  stranger.close();
  await once(stranger, 'close');
  assert.equal(await pool.take(), held);
  pool.release(port);
  assert.equal(await pool.take(), port);
});
