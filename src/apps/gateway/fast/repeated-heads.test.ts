import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { usualCallerLimits } from '../caller-limits.ts';
import { until } from '../gateway-fixture.ts';
import { EngineFixture } from './engine.fixture.ts';

const get = (path: string, ...lines: readonly string[]): string =>
  [`GET ${path} HTTP/1.1`, 'Host: a', ...lines, '', ''].join('\r\n');
const post = (body: string): string =>
  `POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

/**
 * Requests of one connection, many with the head of the one before, and some that differ from it in one place. Those of five
 * octets more are what a careless comparison would take for the same.
 */
const asked: readonly string[] = [
  ...Array.from({ length: 4 }, () => get('/one', 'X-Case: b')),
  get('/one', 'X-Case: c'),
  get('/two', 'X-Case: c'),
  ...Array.from({ length: 3 }, () => get('/one', 'X-Case: b')),
  get('/one', 'X-Case: b', 'Z: 1'),
  ...['first', 'other', 'third', 'longer one', 'short'].map(post),
  ...Array.from({ length: 3 }, () => get('/chunks')),
  ...Array.from({ length: 3 }, () => get('/one', 'X-Case: b').replace('GET', 'HEAD')),
  ...Array.from({ length: 3 }, () => get('/one', 'X-Case: b')),
  ...Array.from({ length: 3 }, () => get('/none')),
  // Answers whose heads are the same, once with a body and once without.
  ...['GET', 'GET', 'GET', 'HEAD', 'HEAD', 'GET', 'HEAD', 'HEAD', 'HEAD', 'GET'].map((method) =>
    get('/alike').replace('GET', method),
  ),
  get('/one', 'Connection: close'),
];

/** Answers with the octets that it got; HEAD is told the same length, `/chunks` gets a chunk of it. */
function echo(socket: Socket): void {
  socket.on('error', () => {});
  let received = '';
  socket.on('data', (bytes) => {
    received += bytes.toString('latin1');
    const [whole, head = '', length] =
      /^((?:.+\r\n)+?(?:content-length: (\d+)\r\n)?)\r\n/i.exec(received) ?? [];
    if (whole === undefined || received.length < whole.length + Number(length ?? 0)) return;
    const body = head.includes(' /alike ') ? 'alike' : received;
    received = '';
    if (head.includes(' /none ')) socket.write('HTTP/1.1 304 Not Modified\r\netag: "1"\r\n\r\n');
    else if (head.includes(' /chunks ')) {
      const size = body.length.toString(16);
      socket.write(
        `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${size}\r\n${body}\r\n0\r\n\r\n`,
      );
    } else {
      const answer = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`;
      socket.write(head.startsWith('HEAD ') ? answer : answer + body);
    }
  });
}

function isWhole(answer: string, isHead: boolean): boolean {
  const end = answer.indexOf('\r\n\r\n') + 4;
  if (end < 4) return false;
  if (/^transfer-encoding/im.test(answer.slice(0, end))) return answer.endsWith('\r\n0\r\n\r\n');
  const length = Number(/^content-length: (\d+)/im.exec(answer)?.[1] ?? 0);
  return isHead || answer.length >= end + length;
}

async function answerTo(socket: Socket, request: string): Promise<string> {
  let answer = '';
  const take = (bytes: Buffer): void => void (answer += bytes.toString('latin1'));
  socket.on('data', take);
  socket.write(request, 'latin1');
  await until(() => isWhole(answer, request.startsWith('HEAD ')));
  socket.off('data', take);
  return answer;
}

test('requests of one connection are answered as if each had come by itself, however their heads repeat', async () => {
  using ends = new DisposableStack();
  await using fixture = await EngineFixture.start(['a'], echo);
  const alone: string[] = [];
  for (const request of asked) {
    const socket = await fixture.connect();
    ends.defer(() => void socket.destroy());
    alone.push(await answerTo(socket, request));
  }
  const socket = await fixture.connect();
  ends.defer(() => void socket.destroy());
  for (const [index, request] of asked.entries()) {
    assert.equal(await answerTo(socket, request), alone[index], `request ${index}: ${request}`);
  }
  await until(() => socket.readableEnded || socket.destroyed);
});

test('repeated heads in one read are answered one by one', async () => {
  using ends = new DisposableStack();
  await using fixture = await EngineFixture.start(['a'], echo);
  const socket = await fixture.connect();
  ends.defer(() => void socket.destroy());
  const one = await answerTo(socket, post('first'));
  await answerTo(socket, post('first'));
  let answers = '';
  socket.on('data', (bytes) => (answers += bytes.toString('latin1')));
  const times = 20;
  socket.write(post('first').repeat(times), 'latin1');
  await until(() => answers.length >= times * one.length);
  assert.equal(answers, one.repeat(times));
});

test('the last request that a connection may carry says so, though its head is the same', async () => {
  const callerLimits = { ...usualCallerLimits, requestsPerConnection: 5 };
  using ends = new DisposableStack();
  await using fixture = await EngineFixture.start(['a'], echo, { callerLimits });
  const socket = await fixture.connect();
  ends.defer(() => void socket.destroy());
  for (let number = 1; number <= 5; number += 1) {
    const answer = await answerTo(socket, get('/one'));
    assert.equal(/^connection: close/im.test(answer), number === 5, answer);
  }
});
