import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { EngineFixture } from './engine.fixture.ts';
import { usualDeadlines } from './parts.ts';

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const begun = 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf';
const whole = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

const deadlines = { ...usualDeadlines, idleMs: 300, headMs: 300, requestMs: 400, silenceMs: 300 };

interface Row {
  readonly name: string;
  readonly answer: string;
  /** Written every 50 ms, the last one for ever. */
  readonly says: readonly string[];
  readonly receives: RegExp;
  /** Requests counted, by status class. */
  readonly counted: readonly number[];
}

const none = [0, 0, 0, 0, 0, 0];

const rows: readonly Row[] = [
  {
    name: 'a caller that says nothing is let go',
    answer: whole,
    says: [''],
    receives: /^$/,
    counted: none,
  },
  {
    name: 'a caller that says nothing after its answer is let go',
    answer: whole,
    says: [get, ''],
    receives: /^HTTP\/1\.1 200 OK[^]*ok$/,
    counted: [0, 1, 0, 0, 0, 0],
  },
  {
    name: 'a head that drips and does not end gets 408',
    answer: whole,
    says: ['GET / HTTP/1.1\r\nHost: a\r\nX: ', 'x'],
    receives: /^HTTP\/1\.1 408 /,
    counted: none,
  },
  {
    name: 'a body that drips and does not end gets 408',
    answer: '',
    says: ['POST / HTTP/1.1\r\nHost: a\r\ncontent-length: 1000\r\n\r\n', 'x'],
    receives: /^HTTP\/1\.1 408 /,
    counted: none,
  },
  {
    name: 'an answer that stops is cut, and counted as none',
    answer: begun,
    says: [get, ''],
    receives: /^HTTP\/1\.1 200 OK[^]*half$/,
    counted: [0, 0, 0, 0, 0, 1],
  },
];

for (const { name, answer, says, receives, counted } of rows) {
  test(name, async () => {
    const serve = (socket: Socket): void => {
      socket.on('error', () => {});
      socket.once('data', () => socket.write(answer));
    };
    await using fixture = await EngineFixture.start(['a'], serve, { deadlines });
    const socket = await fixture.connect();
    let received = '';
    socket.on('data', (bytes) => (received += bytes.toString('latin1')));
    const left = [...says];
    const saying = setInterval(
      () => socket.write((left.length > 1 ? left.shift() : left[0]) ?? ''),
      50,
    );
    const startedMs = performance.now();
    await once(socket, 'close');
    clearInterval(saying);
    const tookMs = performance.now() - startedMs;
    assert.match(received, receives);
    assert.ok(tookMs > 250 && tookMs < 3000, `closed after ${tookMs} ms`);
    const [counter] = fixture.counters.all();
    assert.deepEqual([...(counter?.byStatusClass ?? none)], counted);
    assert.equal(counter?.underWay ?? 0, 0);
  });
}
