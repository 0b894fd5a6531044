import assert from 'node:assert/strict';
import { test } from 'node:test';
import { incomplete, refused, RequestHead, ResponseHead, targetForm } from './head.ts';
import { HeadReader } from './head-reader.ts';
import { known } from './known-headers.ts';
import { method } from './methods.ts';
import { parseRequestHead } from './request-head.ts';
import { parseResponseHead } from './response-head.ts';

function requestOf(...lines: readonly string[]): RequestHead {
  const head = new RequestHead();
  const bytes = Buffer.from([...lines, '', ''].join('\r\n'), 'latin1');
  assert.equal(parseRequestHead(head, bytes, 0, bytes.length), bytes.length, head.refusal?.code);
  return head;
}

function responseOf(isToHead: boolean, ...lines: readonly string[]): ResponseHead {
  const head = new ResponseHead();
  head.answersHead = isToHead;
  const bytes = Buffer.from([...lines, '', ''].join('\r\n'), 'latin1');
  assert.equal(parseResponseHead(head, bytes, 0, bytes.length), bytes.length, head.refusal?.code);
  return head;
}

test('a request head tells method, target, authority and headers by offsets into the bytes', () => {
  const head = requestOf('GET http://A:80/b?c HTTP/1.1', 'Host: a:80', 'X-One:  1 ', 'x-two: 2');
  assert.equal(head.method, method.get);
  assert.equal(head.targetForm, targetForm.absolute);
  assert.equal(head.authority(), 'A:80');
  assert.equal(head.path(), '/b?c');
  const one = head.find(Buffer.from('x-one'));
  assert.equal(head.name(one), 'X-One');
  assert.equal(head.value(one), '1');
  assert.equal(head.valueIs(one, Buffer.from('1')), true);
  assert.equal(head.valueIs(one, Buffer.from('2')), false);
  assert.equal(head.find(Buffer.from('x-one'), one + 1), -1);
  assert.equal(head.indexOf(known.host), 0);
  assert.equal(head.indexOf(known.cookie), -1);
});

test('whether the connection stays follows from version and Connection', () => {
  const rows = [
    ['HTTP/1.1', [], true],
    ['HTTP/1.1', ['Connection: close'], false],
    ['HTTP/1.1', ['Connection: x, CLOSE'], false],
    ['HTTP/1.1', ['Connection: keep-alive', 'Connection: close'], false],
    ['HTTP/1.0', [], false],
    ['HTTP/1.0', ['Connection: Keep-Alive'], true],
    ['HTTP/1.0', ['Connection: keep-alive, close'], false],
  ] as const;
  for (const [version, headers, want] of rows) {
    const head = requestOf(`GET / ${version}`, 'Host: a', ...headers);
    assert.equal(head.keepAlive, want, `${version} ${headers.join()}`);
  }
});

test('Expect, trailers and tunnels are noted', () => {
  const upgrade = ['Host: a', 'Connection: Upgrade', 'Upgrade: websocket'] as const;
  assert.equal(requestOf('GET / HTTP/1.1', ...upgrade).wantsTunnel, true);
  assert.equal(requestOf('GET / HTTP/1.1', ...upgrade, 'Content-Length: 0').wantsTunnel, true);
  assert.equal(requestOf('GET / HTTP/1.1', ...upgrade, 'Content-Length: 1').wantsTunnel, false);
  assert.equal(requestOf('GET / HTTP/1.0', ...upgrade).wantsTunnel, false);
  assert.equal(requestOf('POST / HTTP/1.1', ...upgrade).wantsTunnel, false);
  assert.equal(requestOf('GET / HTTP/1.1', ...upgrade, 'Upgrade: H2C').wantsTunnel, false);
  assert.equal(requestOf('GET / HTTP/1.1', 'Host: a', 'Upgrade: websocket').wantsTunnel, false);
  const expecting = ['Host: a', 'Expect: 100-continue'] as const;
  assert.equal(requestOf('POST / HTTP/1.1', ...expecting).expectsContinue, true);
  assert.equal(requestOf('POST / HTTP/1.0', ...expecting).expectsContinue, false);
  assert.equal(
    requestOf('GET / HTTP/1.1', 'Host: a', 'TE: gzip;q=1, Trailers').acceptsTrailers,
    true,
  );
  assert.equal(requestOf('GET / HTTP/1.1', 'Host: a', 'TE: gzip').acceptsTrailers, false);
});

test('nothing of one head is left in the next', () => {
  const head = new RequestHead();
  const full = Buffer.from(
    'POST / HTTP/1.1\r\nHost: a\r\nConnection: close, x\r\nExpect: 100-continue\r\nTE: trailers\r\nX: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
  );
  const plain = Buffer.from('GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n');
  parseRequestHead(head, full, 0, full.length);
  assert.equal(parseRequestHead(head, plain, 0, plain.length), plain.length);
  const fresh = new RequestHead();
  parseRequestHead(fresh, plain, 0, plain.length);
  const visible = ({ seen, repeated, count, framing, contentLength, keepAlive }: RequestHead) => {
    return { seen, repeated, count, framing, contentLength, keepAlive };
  };
  assert.deepEqual(visible(head), visible(fresh));
  assert.deepEqual(
    [head.expectsContinue, head.acceptsTrailers, head.wantsTunnel, head.hasUpgradeOption],
    [false, false, false, false],
  );
  assert.equal(head.isHop[1], 0);
});

test('an answer to HEAD has no body whatever it says, and one of unknown length closes', () => {
  const toHead = responseOf(true, 'HTTP/1.1 200 OK', 'Content-Length: 5');
  assert.deepEqual([toHead.framing, toHead.contentLength, toHead.keepAlive], [0, 5, true]);
  assert.equal(responseOf(true, 'HTTP/1.1 200 OK', 'Transfer-Encoding: chunked').framing, 0);
  const endless = responseOf(false, 'HTTP/1.1 200 OK', 'Connection: keep-alive');
  assert.deepEqual([endless.framing, endless.keepAlive], [3, false]);
});

test('a head that drips is parsed a few times, not once for each octet', () => {
  let parsed = 0;
  const head = new RequestHead();
  const reader = new HeadReader<RequestHead>((into, bytes, at, end) => {
    parsed += 1;
    return parseRequestHead(into, bytes, at, end);
  });
  const text = `GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(10_000)}\r\n\r\n`;
  let result: number = incomplete;
  for (const letter of text) {
    assert.equal(result, incomplete);
    result = reader.read(head, Buffer.from(letter), 0);
  }
  assert.equal(result, 1);
  assert.equal(head.count, 2);
  assert.ok(parsed < 20, `parsed ${parsed} times`);
});

test('nonsense is refused long before the limit, and a beginning can be judged when time is up', () => {
  const head = new RequestHead();
  const reader = new HeadReader<RequestHead>(parseRequestHead);
  assert.equal(reader.read(head, Buffer.from('GET / HTTP/1.1\r\nHost: a\n'), 0), refused);
  assert.equal(reader.read(head, Buffer.from('GE'), 0), incomplete);
  assert.equal(reader.isWithin, true);
  assert.equal(reader.read(head, Buffer.from('\0'), 0), incomplete);
  assert.equal(reader.finish(head), refused);
  assert.equal(head.refusal?.code, 'method-malformed');
  assert.equal(reader.isWithin, false);
});

test('what follows a head in the same piece is not taken', () => {
  const head = new RequestHead();
  const reader = new HeadReader<RequestHead>(parseRequestHead);
  assert.equal(reader.read(head, Buffer.from('..POST / HTTP/1.1\r\nHo'), 2), incomplete);
  const rest = Buffer.from('...st: a\r\nContent-Length: 2\r\n\r\nhi');
  assert.equal(reader.read(head, rest, 3), rest.length - 2);
  assert.equal(head.contentLength, 2);
});
