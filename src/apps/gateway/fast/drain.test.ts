import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { test } from 'node:test';
import { until } from '../gateway-fixture.ts';
import { EngineFixture } from './engine.fixture.ts';

const rounds = 20;
const callers = 16;

interface Load {
  sent: number;
  answered: number;
  /** Sent, and the connection ended before the answer did. */
  lost: number;
}

/**
 * Sends one request after the other until it is told that an answer is the last of its connection; then it is done, as a
 * caller is who has another gateway to go to.
 */
async function keepAsking(fixture: EngineFixture, load: Load, body: string): Promise<void> {
  const socket: Socket = await fixture.connect();
  const request =
    body === ''
      ? 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
      : `POST / HTTP/1.1\r\nHost: a\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  let received = '';
  let isWaiting = false;
  const ask = (): void => {
    isWaiting = true;
    load.sent += 1;
    socket.write(request);
  };
  socket.on('data', (bytes) => {
    received += bytes.toString('latin1');
    if (!received.endsWith('tide')) return;
    isWaiting = false;
    load.answered += 1;
    const isLast = /connection: close/.test(received);
    received = '';
    if (isLast) socket.end();
    // At once, and after a moment in which the connection is idle.
    else if (load.sent % 3 === 0) setTimeout(ask, 2);
    else ask();
  });
  ask();
  await once(socket, 'close');
  if (isWaiting) load.lost += 1;
}

test(`a drain under load loses nothing, ${rounds} times over`, async () => {
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => setTimeout(() => response.end('tide'), 1));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const total: Load = { sent: 0, answered: 0, lost: 0 };
  for (let round = 0; round < rounds; round += 1) {
    await using fixture = await EngineFixture.start(['a'], () => {});
    const endpoints = [{ instanceId: 'i-1', host: '127.0.0.1', port }];
    const backends = [{ revisionId: 'r1', weightPercent: 100, endpoints }];
    const route = { service: 'svc', host: 'a', requestTimeoutMs: 60_000, backends, matches: [] };
    fixture.routes.apply({ version: 2, routes: [route] });
    const load: Load = { sent: 0, answered: 0, lost: 0 };
    const asking = Array.from({ length: callers }, (_, index) =>
      keepAsking(fixture, load, index % 2 === 0 ? '' : 'x'.repeat(1000)),
    );
    await until(() => load.answered >= callers * (3 + (round % 5)));
    await fixture.engine.drain(60_000);
    await Promise.all(asking);
    total.sent += load.sent;
    total.answered += load.answered;
    total.lost += load.lost;
  }
  server.close();
  server.closeAllConnections();
  assert.equal(total.lost, 0, `${total.lost} of ${total.sent} lost`);
  assert.equal(total.answered, total.sent);
});
