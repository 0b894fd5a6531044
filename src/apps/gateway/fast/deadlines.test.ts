import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, test } from 'node:test';
import { EngineFixture } from './engine.fixture.ts';
import { type Deadlines, usualDeadlines } from './parts.ts';

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const begun = 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf';
const whole = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

/** Longer than this process may stand still between two octets that are meant to be in time. */
const shortMs = 2000;

interface Row {
  readonly name: string;
  /** The one that passes; the others are as usual. */
  readonly short: keyof Deadlines;
  readonly answer: string;
  /** Written at once and every 50 ms, the last one for ever. */
  readonly says: readonly string[];
  readonly receives: RegExp;
  /** Requests counted, by status class. */
  readonly counted: readonly number[];
}

const none = [0, 0, 0, 0, 0, 0];

const rows: readonly Row[] = [
  {
    name: 'a caller that says nothing is let go',
    short: 'idleMs',
    answer: whole,
    says: [''],
    receives: /^$/,
    counted: none,
  },
  {
    name: 'a caller that says nothing after its answer is let go',
    short: 'idleMs',
    answer: whole,
    says: [get, ''],
    receives: /^HTTP\/1\.1 200 OK[^]*ok$/,
    counted: [0, 1, 0, 0, 0, 0],
  },
  {
    name: 'a head that drips and does not end gets 408',
    short: 'headMs',
    answer: whole,
    says: ['GET / HTTP/1.1\r\nHost: a\r\nX: ', 'x'],
    receives: /^HTTP\/1\.1 408 /,
    counted: none,
  },
  {
    name: 'a body that drips and does not end gets 408',
    short: 'requestMs',
    answer: '',
    says: ['POST / HTTP/1.1\r\nHost: a\r\ncontent-length: 1000\r\n\r\n', 'x'],
    receives: /^HTTP\/1\.1 408 /,
    counted: none,
  },
  {
    name: 'an answer that stops is cut, and counted as none',
    short: 'silenceMs',
    answer: begun,
    says: [get, ''],
    receives: /^HTTP\/1\.1 200 OK[^]*half$/,
    counted: [0, 0, 0, 0, 0, 1],
  },
];

describe('deadlines', { concurrency: true }, () => {
  for (const { name, short, answer, says, receives, counted } of rows) {
    test(name, async () => {
      const serve = (socket: Socket): void => {
        socket.on('error', () => {});
        socket.once('data', () => socket.write(answer));
      };
      const deadlines = { ...usualDeadlines, [short]: shortMs };
      await using fixture = await EngineFixture.start(['a'], serve, { deadlines });
      const startedMs = performance.now();
      const socket = await fixture.connect();
      let received = '';
      socket.on('data', (bytes) => (received += bytes.toString('latin1')));
      const left = [...says];
      const say = (): void => {
        socket.write((left.length > 1 ? left.shift() : left[0]) ?? '');
      };
      say();
      const saying = setInterval(say, 50);
      await once(socket, 'close');
      clearInterval(saying);
      // The engine looks at the clock once a sweep, so a deadline may begin a little before its cause.
      const tookMs = performance.now() - startedMs;
      assert.ok(tookMs > shortMs / 2, `closed after ${tookMs} ms`);
      assert.match(received, receives);
      const [counter] = fixture.counters.all();
      assert.deepEqual([...(counter?.byStatusClass ?? none)], counted);
      assert.equal(counter?.underWay ?? 0, 0);
    });
  }
});
