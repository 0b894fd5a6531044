import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { recalledResponse } from '../http1/recalled-head.ts';
import { CallerSocket } from './caller-socket.ts';
import { type ConnectionUser, InstanceConnection } from './instance-connection.ts';
import type { OctetSocket } from './octet-socket.ts';
import { RequestBuffers, requestBytes } from './scratch.ts';
import { type Postponed, WriteTurn } from './write-turn.ts';

/** Takes down what is done to it; `waiting` octets are said not to be taken by the kernel. */
class NotedSocket extends EventEmitter implements OctetSocket {
  readonly connecting = false;
  readonly writable = true;
  readonly notes: string[] = [];
  writableLength = 0;
  writableNeedDrain = false;

  write(bytes: Buffer | string): boolean {
    this.notes.push(`write ${bytes.toString()}`);
    return !this.writableNeedDrain;
  }

  pause(): void {}
  resume(): void {}

  end(): void {
    this.notes.push('end');
  }

  destroy(): void {
    this.notes.push('destroy');
  }

  resetAndDestroy(): void {
    this.notes.push('reset');
  }
}

function postponing(turn = new WriteTurn()): { noted: NotedSocket; socket: CallerSocket } {
  const noted = new NotedSocket();
  const parts = { writeTurn: turn, requestBuffers: new RequestBuffers() };
  return { noted, socket: new CallerSocket(parts, noted, { isDirect: true }) };
}

function turnEnd(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const tide = Buffer.from('tide, and what lies behind it');

test('an answer waits for the end of the turn, as it was', async () => {
  const { noted, socket } = postponing();
  const answer = Buffer.from(tide);
  assert.equal(socket.writeSoon(answer, 4), true);
  answer.fill('x');
  assert.deepEqual(noted.notes, []);
  await turnEnd();
  assert.deepEqual(noted.notes, ['write tide']);
  socket.writeNow();
  assert.deepEqual(noted.notes, ['write tide']);
});

test('nothing overtakes an answer that waits', () => {
  const rows: readonly (readonly [(socket: CallerSocket) => void, string])[] = [
    [(socket) => void socket.write('next'), 'write next'],
    [(socket) => socket.end(), 'end'],
    [(socket) => socket.destroy(), 'destroy'],
    [(socket) => socket.resetAndDestroy(), 'reset'],
  ];
  for (const [act, note] of rows) {
    const { noted, socket } = postponing();
    socket.writeSoon(tide, 4);
    act(socket);
    assert.deepEqual(noted.notes, ['write tide', note]);
  }
});

test('answers of one caller keep their order', async () => {
  const { noted, socket } = postponing();
  socket.writeSoon(Buffer.from('one'), 3);
  socket.writeSoon(Buffer.from('two'), 3);
  await turnEnd();
  assert.deepEqual(noted.notes, ['write one', 'write two']);
});

test('an answer does not wait behind octets that wait already, nor if it is large', () => {
  const { noted, socket } = postponing();
  assert.equal(socket.writeSoon(Buffer.alloc(requestBytes + 1), requestBytes + 1), false);
  noted.writableLength = 1;
  assert.equal(socket.writeSoon(tide, 4), false);
  assert.deepEqual(noted.notes, []);
});

test('a caller who has had enough is told of', async () => {
  const { noted, socket } = postponing();
  let told = 0;
  socket.onFull = () => (told += 1);
  socket.writeSoon(tide, 4);
  noted.writableNeedDrain = true;
  await turnEnd();
  assert.equal(told, 1);
});

test('a turn with many messages writes them before its end', () => {
  const turn = new WriteTurn();
  let written = 0;
  const postponed: Postponed = { writeNow: () => (written += 1) };
  for (let added = 0; added < 200; added += 1) turn.add(postponed);
  assert.ok(written >= 128 && written < 200, String(written));
});

test('a request goes out before an answer that came unasked is looked at, and never from a connection that ended', async () => {
  const received: string[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    // Whatever becomes of the test.
    socket.unref();
    socket.on('data', (bytes) => received.push(bytes.toString()));
    socket.write('unasked');
  }).listen(0, '127.0.0.1');
  server.unref();
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const endpoint = { instanceId: 'i-1', host: '127.0.0.1', port };
  const notes: string[] = [];
  const open = (isDestroyed: boolean): Promise<void> => {
    // Its end never comes.
    const turn = { add: () => {} };
    const connection = new InstanceConnection(
      endpoint,
      { answers: recalledResponse(), onClosed: () => {} },
      Infinity,
    );
    const { promise, resolve } = Promise.withResolvers<void>();
    const user: ConnectionUser = {
      connected: () => {
        const written = (): void => void notes.push('written');
        connection.writeSoon(Buffer.from(`asked ${isDestroyed}`), { written }, turn);
        if (isDestroyed) connection.destroy();
        if (isDestroyed) setImmediate(resolve);
      },
      connectFailed: assert.fail,
      read: (bytes) => {
        notes.push(bytes.toString());
        connection.destroy();
        resolve();
      },
      drained: () => {},
      closed: () => {},
    };
    connection.user = user;
    return promise;
  };
  await open(true);
  assert.deepEqual(notes, []);
  await open(false);
  assert.deepEqual(notes, ['written', 'unasked']);
  server.close();
  assert.equal(received.includes('asked true'), false);
});
