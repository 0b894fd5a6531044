import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { until } from '../gateway-fixture.ts';
import { EngineFixture } from './engine.fixture.ts';

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
/** Longer than the gateway waits before it asks whether a caller is still there. */
const slowMs = 900;

/** Answers what has this text, after a while. */
function answering(text: string, afterMs: number): (socket: Socket) => void {
  return (socket) => {
    let received = '';
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      received += bytes.toString('latin1');
      if (!received.includes(text)) return;
      received = '';
      if (afterMs === 0) socket.write(ok);
      else setTimeout(() => socket.write(ok), afterMs);
    });
  };
}

/** A caller that waits half a second, as on a machine that stands still for so long, may be asked whether it is there. */
interface Row {
  readonly name: string;
  readonly says: string;
  readonly instance: (socket: Socket) => void;
  readonly receives: RegExp;
  /** Requests counted, by status class. */
  readonly counted: readonly number[];
}

const one = [0, 1, 0, 0, 0, 0];
const none = [0, 0, 0, 0, 0, 0];

const rows: readonly Row[] = [
  {
    name: 'after a request gets its answer, and is told that it is the last',
    says: get,
    instance: answering('\r\n\r\n', 20),
    receives:
      /^(?:HTTP\/1\.1 100 Continue\r\n\r\n)*HTTP\/1\.1 200 OK[^]*connection: close\r\n[^]*ok$/,
    counted: one,
  },
  {
    name: 'after a body gets its answer',
    says: 'POST / HTTP/1.1\r\nHost: a\r\ncontent-length: 5\r\n\r\nhello',
    instance: answering('hello', 20),
    receives: /^(?:HTTP\/1\.1 100 Continue\r\n\r\n)*HTTP\/1\.1 200 OK[^]*ok$/,
    counted: one,
  },
  {
    name: 'after three pipelined requests gets three answers',
    says: get.repeat(3),
    instance: answering('\r\n\r\n', 20),
    receives: /^(?:(?:HTTP\/1\.1 100 Continue\r\n\r\n)*HTTP\/1\.1 200 OK(?:(?!HTTP)[^])*ok){3}$/,
    counted: [0, 3, 0, 0, 0, 0],
  },
  {
    name: 'and waits long is asked whether it is there, and gets its answer',
    says: get,
    instance: answering('\r\n\r\n', slowMs),
    receives: /^(?:HTTP\/1\.1 100 Continue\r\n\r\n)+HTTP\/1\.1 200 OK[^]*ok$/,
    counted: one,
  },
  {
    name: 'in HTTP/1.0 is asked nothing',
    says: 'GET / HTTP/1.0\r\nHost: a\r\n\r\n',
    instance: answering('\r\n\r\n', slowMs),
    receives: /^HTTP\/1\.1 200 OK[^]*ok$/,
    counted: one,
  },
  {
    name: 'within its body is told so, and its instance is not blamed',
    says: 'POST / HTTP/1.1\r\nHost: a\r\ncontent-length: 10\r\n\r\nhello',
    instance: answering('never', 0),
    receives: /^HTTP\/1\.1 400 [^]*the connection ended before the body did/,
    counted: none,
  },
  {
    name: 'within a chunked body is told so',
    says: 'POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n',
    instance: answering('never', 0),
    receives: /^HTTP\/1\.1 400 [^]*the connection ended before the body did/,
    counted: none,
  },
  {
    name: 'within its head gets nothing',
    says: 'GET / HTTP/1.1\r\nHost:',
    instance: answering('never', 0),
    receives: /^$/,
    counted: none,
  },
];

for (const { name, says, instance, receives, counted } of rows) {
  test(`a caller that ends its side ${name}`, async () => {
    await using fixture = await EngineFixture.start(['a'], instance);
    const socket = await fixture.connect();
    let received = '';
    socket.on('data', (bytes) => (received += bytes.toString('latin1')));
    socket.end(says);
    await once(socket, 'close');
    assert.match(received, receives);
    const [counter] = fixture.counters.all();
    assert.deepEqual([...(counter?.byStatusClass ?? none)], counted);
    assert.equal(counter?.underWay ?? 0, 0);
  });
}

test('a big answer is whole though its caller has ended its side', async () => {
  const bytes = 20 * 1024 * 1024;
  await using fixture = await EngineFixture.start(['a'], (socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${bytes}\r\n\r\n`);
      socket.write(Buffer.alloc(bytes, 'x'));
    });
  });
  const socket = await fixture.connect();
  let received = 0;
  socket.on('data', (chunk) => (received += chunk.length));
  socket.end(get);
  await once(socket, 'close');
  assert.ok(received > bytes, `${received} of ${bytes}`);
});

test('a caller that is gone, by a mere end, ends its request at the instance and is not counted', async () => {
  let ended = 0;
  let reached = 0;
  const serve = (socket: Socket): void => {
    socket.on('error', () => {});
    socket.on('data', () => (reached += 1));
    socket.on('close', () => (ended += 1));
  };
  // Its timeout is not what ends it.
  await using fixture = await EngineFixture.start(['a'], serve, { requestTimeoutMs: 600_000 });
  for (let round = 1; round <= 3; round += 1) {
    const socket = await fixture.connect();
    socket.write(get);
    await until(() => reached === round);
    socket.destroy();
    await until(() => ended === round);
  }
  const [counter] = fixture.counters.all();
  assert.deepEqual([...(counter?.byStatusClass ?? none)], none);
  assert.equal(counter?.underWay, 0);
});

const switching = 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: raw\r\n\r\n';
const upgrade = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: raw\r\n\r\n';

test('the end of one side of a tunnel is passed on behind all that was sent, and the other side goes on', async () => {
  const bytes = 8 * 1024 * 1024;
  let heard = 0;
  let heardEnd = false;
  await using fixture = await EngineFixture.start(['a'], (socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.write(switching);
      socket.pause();
      // Long enough that the gateway has more than the kernel takes.
      setTimeout(() => socket.resume(), 100);
      socket.on('data', (chunk) => (heard += chunk.length));
      socket.on('end', () => (heardEnd = true));
    });
  });
  const socket = await fixture.connect();
  socket.write(upgrade);
  await once(socket, 'data');
  socket.end(Buffer.alloc(bytes, 'x'));
  await until(() => heardEnd);
  assert.equal(heard, bytes);
  await until(() => socket.closed);
});
