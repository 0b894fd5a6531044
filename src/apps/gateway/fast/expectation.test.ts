import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { until } from '../gateway-fixture.ts';
import { EngineFixture } from './engine.fixture.ts';

const head = (headers = ''): string =>
  `POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\ncontent-length: 5\r\n${headers}\r\n`;
const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const go = 'HTTP/1.1 100 Continue\r\n\r\n';
const good = 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood';
const tooMuch = 'HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\n\r\nbig';

/** An instance that says something to a head that asks, and answers whatever is whole. */
function instance(toHead: string): { serve: (socket: Socket) => void; heard: string[] } {
  const heard: string[] = [];
  const serve = (socket: Socket): void => {
    let received = '';
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      received += bytes.toString('latin1');
      const asks = received.includes('expect: 100-continue\r\n');
      if (
        received.endsWith('hello') ||
        (received.endsWith('\r\n\r\n') && received.startsWith('GET'))
      ) {
        heard.push(received);
        received = '';
        socket.write(good);
      } else if (asks && received.endsWith('\r\n\r\n')) socket.write(toHead);
    });
  };
  return { serve, heard };
}

async function caller(
  fixture: EngineFixture,
): Promise<{ socket: Socket; heard: { text: string } }> {
  const socket = await fixture.connect();
  const heard = { text: '' };
  socket.on('data', (bytes) => (heard.text += bytes.toString('latin1')));
  return { socket, heard };
}

test('the instance is asked whether it takes a body, its word is passed on, and the connection is kept', async () => {
  const { serve, heard: said } = instance(go);
  await using fixture = await EngineFixture.start(['a'], serve);
  const { socket, heard } = await caller(fixture);
  for (const round of [1, 2]) {
    heard.text = '';
    socket.write(head());
    await until(() => heard.text === go);
    socket.write('hello');
    await until(() => heard.text.endsWith('good'));
    assert.equal(said.length, round);
  }
  assert.match(said[0] ?? '', /^POST [^]*expect: 100-continue\r\n[^]*hello$/);
  heard.text = '';
  socket.write(get);
  await until(() => heard.text.endsWith('good'));
  assert.match(heard.text, /^HTTP\/1\.1 200 OK/);
  socket.destroy();
});

test('an instance that refuses a body is told to the caller before any of it is sent', async () => {
  const { serve, heard: said } = instance(tooMuch);
  await using fixture = await EngineFixture.start(['a'], serve);
  const { socket, heard } = await caller(fixture);
  socket.write(head());
  await until(() => heard.text.endsWith('big'));
  assert.match(heard.text, /^HTTP\/1\.1 413 [^]*connection: close/);
  await until(() => socket.readableEnded || socket.closed);
  assert.deepEqual(said, []);
  const [counter] = fixture.counters.all();
  assert.deepEqual([...(counter?.byStatusClass ?? [])], [0, 0, 0, 1, 0, 0]);
  socket.destroy();
});

test('a caller whose instance says nothing of it is told to go on, once', async () => {
  const { serve } = instance('');
  await using fixture = await EngineFixture.start(['a'], serve);
  const { socket, heard } = await caller(fixture);
  socket.write(head());
  await until(() => heard.text === go);
  socket.write('hello');
  await until(() => heard.text.endsWith('good'));
  assert.equal(heard.text.split(go).length, 2);
  socket.destroy();
});

test('who does not wait is not told, nor is the next request of the connection', async () => {
  const { serve, heard: said } = instance('');
  await using fixture = await EngineFixture.start(['a'], serve);
  const { socket, heard } = await caller(fixture);
  socket.write(head());
  await until(() => heard.text === '' && [...fixture.counters.all()][0]?.underWay === 1);
  socket.write('hello');
  await until(() => heard.text.endsWith('good'));
  heard.text = '';
  // Longer than the gateway waits for an instance: a timer that was left would speak now.
  const endMs = performance.now() + 1300;
  while (performance.now() < endMs) {
    const before = said.length;
    socket.write(get);
    await until(() => said.length > before);
  }
  await until(() => heard.text.split('good').length === said.length);
  assert.equal(heard.text.includes('100 Continue'), false);
  socket.destroy();
});
