/** A server that can open no other file or connection: it says so, users do not notice, and it goes on when it can again. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';

import { release } from './release.fixture.ts';
import {
  isAlive,
  kill,
  launcher,
  rolloutEnd,
  startWorld,
  waitFor,
  type World,
} from './world.fixture.ts';

/** Enough for a server at rest and some commands. */
const descriptors = 96;
const slowly = { timeoutMs: 300_000 };

test('a server without descriptors says so, its users do not notice, and it goes on when some are free', async () => {
  await using world = await startWorld();
  await world.applyAndWait(release({ version: 'v1', instances: 2 }));
  const before = (await world.service('pay')).status.instances;
  const gateway = (await world.status()).gateway.pid ?? 0;
  // The gateway has been started with as many as it wants, and goes on; the next server has few.
  await world.killServer();
  await upWithFew(world);
  const file = await world.write(release({ version: 'v2', instances: 2 }));
  await using load = world.load({ service: 'pay', rps: 50 });
  {
    using _held = holdAll(world);
    await waitFor('what it says in its log', async () => {
      return /cannot look at instances.*EMFILE: too many open files/.test(
        (await world.logs())[0] ?? '',
      );
    });
    const refused = await world.run(['apply', '-f', file], { boundMs: 120_000 });
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      /does not answer at .*\n.*server\.log; it may be out of file desc/,
    );
  }
  await waitFor('an answer', async () => (await world.run(['status'])).code === 0);
  // Nobody was taken for dead who only could not be looked at.
  const after = (await world.service('pay')).status.instances;
  const facts = (all: typeof before) => all.map(({ id, pid, restarts }) => [id, pid, restarts]);
  assert.deepEqual(facts(after), facts(before));
  assert.ok(isAlive(gateway));
  assert.doesNotMatch((await world.logs()).join('\n'), /has died/);

  const [one] = after;
  assert.ok(typeof one?.pid === 'number');
  kill(one.pid);
  await waitFor('a new process in its place', async () => {
    const { instances } = (await world.service('pay')).status;
    return instances.some(({ id, restarts, state }) => {
      return id === one.id && restarts === 1 && state === 'ready';
    });
  });
  await world.must('apply', '-f', file);
  const end = await rolloutEnd(world, 'pay', slowly);
  assert.equal(end.outcome, 'promoted', end.cause?.sentence);
  const { errors, requests, byError, byStatus } = await load.stop();
  // Those that the killed one had under way.
  assert.ok(errors <= 20, JSON.stringify({ requests, byError, byStatus }));
});

/** `tidegate up`, and what it starts, with few descriptors. Node takes as many as it may have, so it must not have more. */
async function upWithFew(world: World): Promise<void> {
  const argv = [process.execPath, launcher, '--state', world.stateFolder, ...world.upArguments];
  const child = spawn('sh', ['-c', `ulimit -n ${descriptors} && exec "$@"`, 'sh', ...argv], {
    env: { ...world.environment() },
    stdio: 'ignore',
  });
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.once('close', resolve);
  assert.equal(await promise, 0);
}

/** Opens connections to the API until disposed, so many that the server has no descriptor left. */
function holdAll({ ports }: World): Disposable {
  const held = new Set<Socket>();
  const fill = (): void => {
    for (let count = held.size; count < 2 * descriptors; count += 1) {
      const socket = connect(ports.api, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.on('close', () => held.delete(socket));
      held.add(socket);
    }
  };
  fill();
  // It hangs up on those it can't take, and closes those that say nothing for long.
  const timer = setInterval(fill, 50);
  return {
    [Symbol.dispose]: () => {
      clearInterval(timer);
      for (const each of held) each.destroy();
    },
  };
}
