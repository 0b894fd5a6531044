import assert from 'node:assert/strict';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { WebSocket } from 'ws';

import { release } from './release.fixture.ts';
import { rolloutEnd, startWorld, type World } from './world.fixture.ts';

test('a WebSocket stays with its instance through a rollout, and new ones follow the weights', async () => {
  await using world = await startWorld();
  const command = ['node', fileURLToPath(new URL('echo-service.fixture.ts', import.meta.url))];
  await world.applyAndWait(release({ name: 'echo', version: 'v1', command }));
  const old = await open(world);
  assert.equal(old.version, 'v1');

  const steps = ['{ weight: 50%, gate: false, approval: true }', '100%'];
  await world.apply(release({ name: 'echo', version: 'v2', command, steps }));
  assert.equal((await world.run(['rollout', 'status', 'echo', '--timeout', '170s'])).code, 4);
  const fresh = await Promise.all(Array.from({ length: 10 }, () => open(world)));
  const young = fresh.filter((each) => each.version === 'v2');
  assert.equal(young.length, 5, 'half of the new connections');
  await echoes(old.socket, 'still there at 50 %');

  const goodbye = once(old.socket, 'close');
  await world.must('rollout', 'promote', 'echo');
  assert.equal((await rolloutEnd(world, 'echo')).outcome, 'promoted');
  const [code, reason] = await goodbye;
  assert.deepEqual([code, String(reason)], [1001, 'going away'], 'the old revision says goodbye');
  for (const { socket } of young) await echoes(socket, 'still there at 100 %');
  const last = await open(world);
  assert.equal(last.version, 'v2');
  for (const { socket } of [...fresh, last]) socket.terminate();
});

interface Opened {
  readonly socket: WebSocket;
  readonly version: string;
}

async function open(world: World): Promise<Opened> {
  const url = world.gatewayUrl.replace('http:', 'ws:');
  const socket = new WebSocket(url, { headers: { host: 'echo.localhost' } });
  const [data] = await once(socket, 'message', { signal: AbortSignal.timeout(60_000) });
  return { socket, version: String(data) };
}

async function echoes(socket: WebSocket, text: string): Promise<void> {
  const heard = once(socket, 'message', { signal: AbortSignal.timeout(60_000) });
  socket.send(text);
  assert.equal(String((await heard)[0]), text);
}
