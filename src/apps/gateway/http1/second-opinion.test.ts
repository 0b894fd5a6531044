import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RequestHead, ResponseHead } from './head.ts';
import { LlhttpError, loadLlhttp } from './llhttp.ts';
import { parseRequestHead } from './request-head.ts';
import { parseResponseHead } from './response-head.ts';
import { SecondOpinion } from './second-opinion.ts';

const opinion = new SecondOpinion();

function parsed(text: string): RequestHead {
  const head = new RequestHead();
  const bytes = Buffer.from(text, 'latin1');
  assert.equal(parseRequestHead(head, bytes, 0, bytes.length), bytes.length);
  return head;
}

const post =
  'POST /a HTTP/1.1\r\nHost: a\r\nX: 1 \r\nEmpty:\r\nContent-Length: 5\r\nConnection: close\r\n\r\n';

test('llhttp agrees on heads that mean one thing', () => {
  assert.equal(opinion.agreesOnRequest(parsed(post)), true);
  assert.equal(opinion.keepAlive, false);
  assert.equal(opinion.agreesOnRequest(parsed('GET / HTTP/1.0\r\nHost: a\r\n\r\n')), true);
  const upgrade = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n';
  assert.equal(opinion.agreesOnRequest(parsed(upgrade)), true);
  const answers = ['200 OK', '204', '101 Switching', '404 '];
  for (const answer of answers) {
    const head = new ResponseHead();
    const bytes = Buffer.from(`HTTP/1.1 ${answer}\r\nX: 1\r\n\r\n`);
    assert.equal(parseResponseHead(head, bytes, 0, bytes.length), bytes.length);
    assert.equal(opinion.agreesOnResponse(head), true, answer);
  }
});

test('a head that we had read in another way is not agreed on', () => {
  const planted: readonly (readonly [name: string, change: (head: RequestHead) => void])[] = [
    ['another end', (head) => (head.end -= 2)],
    ['another target', (head) => (head.targetEnd -= 1)],
    ['another version', (head) => (head.minorVersion = 0)],
    ['one header less', (head) => (head.count -= 1)],
    ['another length', (head) => (head.contentLength = 6)],
    ['no length', (head) => (head.contentLength = -1)],
    ['an encoding', (head) => (head.seen |= 1 << 4)],
    ['another name', (head) => (head.spans[4] = (head.spans[4] ?? 0) + 1)],
    ['another value', (head) => (head.spans[6] = (head.spans[6] ?? 0) + 1)],
    ['a shorter value', (head) => (head.spans[3] = (head.spans[3] ?? 0) - 1)],
    ['a value where there is none', (head) => (head.spans[11] = (head.spans[11] ?? 0) + 1)],
  ];
  for (const [name, change] of planted) {
    const head = parsed(post);
    assert.equal(opinion.agreesOnRequest(head), true);
    change(head);
    assert.equal(opinion.agreesOnRequest(head), false, name);
  }
});

test('bytes that llhttp refuses are not agreed on, and the next head is judged afresh', () => {
  const head = parsed(post);
  const bytes = Buffer.from(post.replace('X: 1 ', 'X : 1'), 'latin1');
  head.bytes = bytes;
  assert.equal(opinion.agreesOnRequest(head), false);
  assert.equal(opinion.agreesOnRequest(parsed(post)), true);
});

test('a head that is longer than the room in llhttp is not agreed on', () => {
  const small = new SecondOpinion(100);
  const bytes = (length: number) => `GET /${'a'.repeat(length)} HTTP/1.1\r\nHost: a\r\n\r\n`;
  const fixed = bytes(0).length;
  assert.equal(small.agreesOnRequest(parsed(bytes(100 - fixed))), true);
  assert.equal(small.agreesOnRequest(parsed(bytes(101 - fixed))), false);
});

test('another parser than the one tested with is refused with a remedy', () => {
  const events = {} as Parameters<typeof loadLlhttp>[0];
  const rows: readonly (readonly [() => unknown, LlhttpError['code'], RegExp])[] = [
    [
      () => Buffer.from('other'),
      'llhttp-changed',
      /SHA-256 is [0-9a-f]{64}, not .*install the undici/,
    ],
    [() => 'text', 'llhttp-missing', /is no WebAssembly; install the undici/],
    [
      () => {
        throw new Error('Cannot find module');
      },
      'llhttp-missing',
      /Cannot find module; install the undici/,
    ],
  ];
  for (const [load, code, message] of rows) {
    assert.throws(
      () => loadLlhttp(events, load),
      (error: unknown) =>
        error instanceof LlhttpError && error.code === code && message.test(error.message),
    );
  }
});
