import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { until } from '../gateway-fixture.ts';
import { EngineFixture } from './engine.fixture.ts';

test('a fault of ours ends the connection that met it, is told, and ends no other', async () => {
  const serve = (socket: Socket): void => {
    socket.on('error', () => {});
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'));
  };
  const told: string[] = [];
  const log = (message: string): number => told.push(message);
  await using fixture = await EngineFixture.start(['good', 'bad'], serve, { log });
  const choose = fixture.routes.choose.bind(fixture.routes);
  fixture.routes.choose = (authority, ...rest) => {
    if (authority === 'bad') throw new Error('planted');
    return choose(authority, ...rest);
  };
  const good = await fixture.connect();
  let received = '';
  good.on('data', (bytes) => (received += bytes.toString('latin1')));
  good.write('GET / HTTP/1.1\r\nHost: good\r\n\r\n');
  for (let time = 0; time < 3; time += 1) {
    const bad = await fixture.connect();
    bad.resume();
    bad.write('GET / HTTP/1.1\r\nHost: bad\r\n\r\n');
    await once(bad, 'close');
  }
  good.write('GET / HTTP/1.1\r\nHost: good\r\n\r\n');
  await until(() => received.split('ok').length === 3);
  assert.equal(told.length, 1);
  assert.match(told[0] ?? '', /planted/);
});
