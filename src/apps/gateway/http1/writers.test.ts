import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { chunkHeadBytesMax, writeChunkHead } from './chunk-writer.ts';
import { FixedLines, FixedValue } from './fixed-lines.ts';
import { framing, RequestHead, ResponseHead } from './head.ts';
import { OctetWriter } from './octet-writer.ts';
import { parseRequestHead } from './request-head.ts';
import { type RequestAdditions, requestHeadBytesMax, writeRequestHead } from './request-writer.ts';
import { parseResponseHead } from './response-head.ts';
import { answerFraming, type ResponseAdditions, writeResponseHead } from './response-writer.ts';

const traceparent = Buffer.from('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01');

const additions: RequestAdditions = {
  callerAddress: FixedValue.of('192.0.2.1'),
  scheme: FixedValue.of('https'),
  traceparent: null,
  lines: null,
  isTunnel: false,
  takesTrailers: false,
  expectsContinue: false,
};

function requestSent(text: string, added: Partial<RequestAdditions> = {}): string {
  const head = new RequestHead();
  const bytes = Buffer.from(text, 'latin1');
  assert.equal(parseRequestHead(head, bytes, 0, bytes.length), bytes.length, head.refusal?.code);
  const writer = new OctetWriter();
  const all = { ...additions, ...added };
  const out = Buffer.alloc(requestHeadBytesMax(head, all));
  writer.begin(out, 0);
  writeRequestHead(writer, head, all);
  return out.toString('latin1', 0, writer.at);
}

function responseSent(text: string, added: Partial<ResponseAdditions> = {}): string {
  const head = new ResponseHead();
  const bytes = Buffer.from(text, 'latin1');
  assert.equal(parseResponseHead(head, bytes, 0, bytes.length), bytes.length, head.refusal?.code);
  const writer = new OctetWriter();
  const out = Buffer.alloc(4096);
  writer.begin(out, 0);
  writeResponseHead(writer, head, {
    callerMinorVersion: 1,
    keepAlive: true,
    lines: null,
    isTunnel: false,
    ...added,
  });
  return out.toString('latin1', 0, writer.at);
}

const get = 'GET / HTTP/1.1\r\nHost: a\r\n';

test('a traceparent of ours replaces the one that came, and without one that goes on', () => {
  const text = `${get}traceparent: theirs\r\ntracestate: x\r\n\r\n`;
  assert.match(requestSent(text), /traceparent: theirs\r\ntracestate: x\r\n/);
  const replaced = requestSent(text, { traceparent });
  assert.doesNotMatch(replaced, /theirs/);
  assert.match(replaced, /tracestate: x\r\n/);
  assert.ok(replaced.includes(`traceparent: ${traceparent.toString()}\r\n`));
});

test('Upgrade and TE are passed on only when both sides are to have them', () => {
  const upgrade = `${get}Connection: upgrade\r\nUpgrade: websocket\r\n\r\n`;
  assert.doesNotMatch(requestSent(upgrade), /upgrade/i);
  assert.match(
    requestSent(upgrade, { isTunnel: true }),
    /connection: upgrade\r\nupgrade: websocket\r\n\r\n$/,
  );
  assert.doesNotMatch(requestSent(`${get}\r\n`, { isTunnel: true }), /upgrade/i);
  const trailers = `${get}TE: trailers\r\n\r\n`;
  assert.doesNotMatch(requestSent(trailers), /trailers/);
  assert.match(
    requestSent(trailers, { takesTrailers: true }),
    /connection: te\r\nte: trailers\r\n/,
  );
});

test('an answer is framed for the version of the caller', () => {
  const endless = 'HTTP/1.1 200 OK\r\n\r\n';
  assert.equal(responseSent(endless), 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
  const old = { callerMinorVersion: 0 };
  assert.equal(responseSent(endless, old), 'HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n');
  const chunks = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
  assert.equal(responseSent(chunks, old), 'HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n');
  const short = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n';
  assert.match(responseSent(short, old), /content-length: 5\r\nconnection: keep-alive\r\n\r\n$/);
  assert.match(responseSent(short, { keepAlive: false }), /content-length: 5\r\nconnection: close/);
  const head = new ResponseHead();
  head.framing = framing.chunked;
  assert.equal(answerFraming(head, 0), framing.untilClose);
});

test('101 has Upgrade only if the connection becomes a tunnel', () => {
  const switched = 'HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n';
  assert.match(
    responseSent(switched, { isTunnel: true }),
    /connection: upgrade\r\nupgrade: websocket\r\n\r\n$/,
  );
  assert.doesNotMatch(responseSent(switched), /upgrade/);
});

test('no name or value of ours can end a line or frame a message', () => {
  const bad: readonly (readonly [string, string])[] = [
    ['x', 'a\r\nb: c'],
    ['x', 'a\n'],
    ['x', '\0'],
    ['x', ' a'],
    ['x', '\u20ac'],
    ['x\r\ny', 'a'],
    ['', 'a'],
    ['x y', 'a'],
    ['\u00e4', 'a'],
    ['Content-Length', '5'],
    ['transfer-encoding', 'chunked'],
    ['connection', 'close'],
    ['host', 'b'],
  ];
  for (const pair of bad) assert.throws(() => FixedLines.of([pair]), RangeError, pair.join());
  assert.throws(() => FixedValue.of('a\r\nb'), RangeError);
  assert.equal(
    FixedLines.of([
      ['via', '1.1 a'],
      ['x', ''],
    ]).bytes.toString(),
    'via: 1.1 a\r\nx: \r\n',
  );
  const odd = Buffer.from(traceparent);
  odd[3] = 0x0a;
  assert.throws(() => requestSent(`${get}\r\n`, { traceparent: odd }), RangeError);
  assert.throws(() => requestSent(`${get}\r\n`, { traceparent: Buffer.alloc(54) }), RangeError);
});

test('a buffer that is too small is never written beyond', () => {
  const head = new RequestHead();
  const bytes = Buffer.from(`${get}\r\n`);
  parseRequestHead(head, bytes, 0, bytes.length);
  const writer = new OctetWriter();
  writer.begin(Buffer.alloc(requestHeadBytesMax(head, additions) - 1), 0);
  assert.throws(() => writeRequestHead(writer, head, additions), /cannot write \d+ bytes/);
});

test('a head never needs more than it was measured to need', () => {
  const token = fc.string({
    minLength: 1,
    maxLength: 12,
    unit: fc.constantFrom(...Array.from('aZ-_x9')),
  });
  const value = fc.string({ maxLength: 20, unit: fc.constantFrom(...Array.from('a b,\t:x')) });
  const forwarded = value.map((text) => `X-Forwarded-For:${text}`);
  const line = fc.oneof(
    fc.tuple(token, value).map(([name, text]) => `${name}:${text}`),
    forwarded,
  );
  const isMeasured = fc.property(fc.array(line, { maxLength: 40 }), (lines) => {
    const all = lines.filter((each) => !/^(te|x-f\w*_)/i.test(each)).map((each) => `${each}\r\n`);
    const text = requestSent(`${get}${all.join('')}\r\n`, { traceparent });
    assert.ok(text.endsWith('\r\n\r\n'));
    assert.equal(text.indexOf('\r\n\r\n'), text.length - 4);
  });
  fc.assert(isMeasured, { seed: 4, numRuns: 300 });
});

test('numbers are written as others read them', () => {
  const writer = new OctetWriter();
  const out = Buffer.alloc(64);
  for (const value of [0, 9, 10, 99, 100, 4_294_967_296, 999_999_999_999_999]) {
    writer.begin(out, 0);
    writer.decimal(value);
    assert.equal(out.toString('latin1', 0, writer.at), String(value));
  }
  for (const size of [1, 15, 16, 255, 256, 65_536, 0xffff_ffff]) {
    writer.begin(out, 0);
    writeChunkHead(writer, size);
    assert.equal(out.toString('latin1', 0, writer.at), `${size.toString(16)}\r\n`);
    assert.ok(writer.at <= chunkHeadBytesMax);
  }
  for (const size of [0, -1, 2 ** 32, Number.NaN]) {
    assert.throws(() => writeChunkHead(writer, size), RangeError);
  }
});
