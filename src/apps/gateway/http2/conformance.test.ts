import assert from 'node:assert/strict';
import { connect as connectHttp2 } from 'node:http2';
import type { Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { EngineFixture } from '../fast/engine.fixture.ts';
import {
  errorCode,
  type Fields,
  flag,
  frame,
  FrameClient,
  frameType,
  headers,
} from './frames.fixture.ts';

const get: Fields = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':path', '/'],
  [':authority', 'a'],
];
const post: Fields = [[':method', 'POST'], ...get.slice(1)];
const open = flag.endHeaders;

/** What reached the instance. */
let received = '';
let engine: EngineFixture;

function serve(socket: Socket): void {
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1');
    if (received.includes('\r\n\r\n'))
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
  });
}

before(async () => {
  engine = await EngineFixture.start(['a'], serve, {}, { isH2cTaken: true, tls: null });
});
after(() => engine[Symbol.asyncDispose]());

interface Row {
  readonly name: string;
  /** RFC 9113, unless it says otherwise. */
  readonly section: string;
  readonly octets: readonly Buffer[];
  readonly wanted: RegExp;
}

function without(name: string): Fields {
  return get.filter(([each]) => each !== name);
}

function head(name: string, fields: Fields, wanted: RegExp, section = '8.2'): Row {
  return { name, section, octets: [headers(1, fields)], wanted };
}

const malformed = /^(reset protocol|goaway (protocol|internal)|answered 400)$/;

/** Malformed by section 8: a request that must not be passed on. */
const requestRows: readonly Row[] = [
  head('a name in capitals', [...get, ['X-A', 'b']], malformed, '8.2.1'),
  head(
    'a line ending in the path',
    [...without(':path'), [':path', '/ HTTP/1.1\r\nx: y']],
    malformed,
    '8.2.1',
  ),
  head('a space in the path', [...without(':path'), [':path', '/a b']], malformed, '8.2.1'),
  head(
    'a line ending in the method',
    [...without(':method'), [':method', 'GET /\r\n']],
    malformed,
    '8.2.1',
  ),
  head(
    'a pseudo field behind others',
    [...without(':path'), ['x-a', 'b'], [':path', '/']],
    malformed,
    '8.3',
  ),
  head('an unknown pseudo field', [...get, [':a', 'b']], malformed, '8.3'),
  head("an answer's pseudo field", [...get, [':status', '200']], malformed, '8.3'),
  head('a pseudo field twice', [...get, [':path', '/b']], malformed, '8.3'),
  head('no :method', without(':method'), malformed, '8.3.1'),
  head('no :scheme', without(':scheme'), malformed, '8.3.1'),
  head('no :path', without(':path'), malformed, '8.3.1'),
  head('an empty :path', [...without(':path'), [':path', '']], malformed, '8.3.1'),
  head(
    'a :path that is no path',
    [...without(':path'), [':path', 'http://a/']],
    malformed,
    '8.3.1',
  ),
  head('no host', without(':authority'), malformed, '8.3.1'),
  head('a Host that differs', [...get, ['host', 'b']], malformed, '8.3.1'),
  head('two Hosts', [...get, ['host', 'a'], ['host', 'a']], malformed, '8.3.1'),
  head(
    'userinfo in :authority',
    [...without(':authority'), [':authority', 'u@a']],
    malformed,
    '8.3.1',
  ),
  head('another scheme', [...without(':scheme'), [':scheme', 'ftp']], malformed, '8.3.1'),
  head('connection', [...get, ['connection', 'x-a']], malformed, '8.2.2'),
  head('keep-alive', [...get, ['keep-alive', '5']], malformed, '8.2.2'),
  head('proxy-connection', [...get, ['proxy-connection', 'a']], malformed, '8.2.2'),
  head('transfer-encoding', [...post, ['transfer-encoding', 'chunked']], malformed, '8.2.2'),
  head('upgrade', [...get, ['upgrade', 'websocket']], malformed, '8.2.2'),
  head('te other than trailers', [...get, ['te', 'gzip']], malformed, '8.2.2'),
  head('a length without a body', [...post, ['content-length', '3']], malformed, '8.1.1'),
  head('a length that is no number', [...post, ['content-length', '+0']], malformed, '8.1.1'),
  head(
    'two lengths',
    [...post, ['content-length', '0'], ['content-length', '0']],
    malformed,
    '8.1.1',
  ),
  head(
    'CONNECT',
    [
      [':method', 'CONNECT'],
      [':authority', 'a:443'],
    ],
    /^answered 501$/,
    '8.5',
  ),
  head(
    'too many fields',
    [...get, ...Array.from({ length: 120 }, (_, n) => [`x-${n}`, 'b'] as const)],
    /^answered 431$/,
    '10.5.1',
  ),
  head(
    'a head too long for the parser',
    [...get, ['x-a', 'b'.repeat(16_000)], ['x-b', 'b'.repeat(4000)]],
    /^(answered 431|goaway frameSize)$/,
    '10.5.1',
  ),
  {
    name: 'a body longer than its length',
    section: '8.1.1',
    octets: [
      headers(1, [...post, ['content-length', '1']], open),
      frame(frameType.data, 1, { flags: flag.endStream, payload: Buffer.from('ab') }),
    ],
    wanted: malformed,
  },
  {
    name: 'a pseudo field in trailers',
    section: '8.1',
    octets: [headers(1, post, open), headers(1, [[':path', '/']])],
    wanted: malformed,
  },
];

for (const { name, section, octets, wanted } of requestRows) {
  test(`section ${section}: a request with ${name} is not passed on`, async () => {
    received = '';
    using client = await FrameClient.connect(engine.port);
    client.write(...octets);
    assert.match(await statusOf(client), wanted);
    assert.ok(!/^(GET|POST)[^]*\r\n\r\n[^]*(\r\n0\r\n|ab)/.test(received), received);
    if (!/body|trailers/.test(name)) assert.equal(received, '');
  });
}

/** nghttp2 drops such a field and tells nobody; RFC 9113 section 8.2.1 would have the request refused. */
const droppedFields: Fields = [
  ['x a', 'dropped'],
  ['', 'dropped'],
  ['x-a', 'dropped\r\nhost: c'],
  ['x-a', 'dropped\nc'],
  ['x-a', 'dropped\0'],
  ['x-a', ' dropped'],
  ['x-a', 'dropped '],
];

for (const [name, value] of droppedFields) {
  test(`section 8.2.1: nothing of the field ${JSON.stringify([name, value])} is passed on`, async () => {
    received = '';
    using client = await FrameClient.connect(engine.port);
    client.write(headers(1, [...get, [name, value]]));
    assert.match(await statusOf(client), /^(reset protocol|goaway protocol|answered (200|400))$/);
    assert.doesNotMatch(received, /dropped|host: c/);
  });
}

/** As `outcome`, with the status of an answer. */
async function statusOf(client: FrameClient): Promise<string> {
  const outcome = await client.outcome(1);
  if (outcome !== 'answered') return outcome;
  const block = client.frames.find(({ type }) => type === frameType.headers)?.payload;
  return `answered ${statusIn(block ?? Buffer.alloc(0))}`;
}

/** nghttp2 writes :status first: indexed (RFC 7541 appendix A), or as a literal whose name is indexed. */
function statusIn(block: Buffer): number {
  const known: Readonly<Record<number, number>> = { 0x88: 200, 0x89: 204, 0x8c: 400, 0x8d: 404 };
  const first = block[0] ?? 0;
  const indexed = known[first];
  if (indexed !== undefined) return indexed;
  const length = block[1] ?? 0;
  const octets = block.subarray(2, 2 + (length & 0x7f));
  return Number((length & 0x80) === 0 ? octets.toString('latin1') : digitsOf(octets));
}

/** Huffman codes of digits have 5 bits for 0-2 and 6 for 3-9 (RFC 7541 appendix B). */
function digitsOf(octets: Buffer): string {
  const bits = Array.from(octets, (octet) => octet.toString(2).padStart(8, '0')).join('');
  let digits = '';
  for (let at = 0; digits.length < 3;) {
    const five = Number.parseInt(bits.slice(at, at + 5), 2);
    if (five <= 2) {
      digits += String(five);
      at += 5;
    } else {
      digits += String(Number.parseInt(bits.slice(at, at + 6), 2) - 0x19 + 3);
      at += 6;
    }
  }
  return digits;
}

/** Errors of frames and streams: sections 4 to 6. */
const frameRows: readonly Row[] = [
  {
    name: 'DATA on stream 0',
    section: '6.1',
    octets: [frame(frameType.data, 0, { payload: Buffer.from('a') })],
    wanted: /^goaway protocol|closed$/,
  },
  {
    name: 'HEADERS on stream 0',
    section: '6.2',
    octets: [headers(0, get)],
    wanted: /^goaway protocol|closed$/,
  },
  {
    name: 'a stream of even number',
    section: '5.1.1',
    octets: [headers(2, get)],
    wanted: /^goaway protocol$/,
  },
  {
    name: 'DATA on an idle stream',
    section: '5.1',
    octets: [frame(frameType.data, 1, { payload: Buffer.from('a') })],
    wanted: /^goaway (protocol|streamClosed)$/,
  },
  {
    name: 'a frame longer than was allowed',
    section: '4.2',
    octets: [frame(frameType.data, 1, { payload: Buffer.alloc(20_000) })],
    wanted: /^goaway frameSize$/,
  },
  {
    name: 'another frame between HEADERS and CONTINUATION',
    section: '6.10',
    octets: [
      headers(1, get, flag.endStream),
      frame(frameType.ping, 0, { payload: Buffer.alloc(8) }),
    ],
    wanted: /^goaway protocol$/,
  },
  {
    name: 'CONTINUATION without HEADERS',
    section: '6.10',
    octets: [frame(frameType.continuation, 1, { flags: flag.endHeaders })],
    wanted: /^goaway protocol$/,
  },
  {
    name: 'a PING of seven octets',
    section: '6.7',
    octets: [frame(frameType.ping, 0, { payload: Buffer.alloc(7) })],
    wanted: /^goaway frameSize$/,
  },
  {
    name: 'SETTINGS of five octets',
    section: '6.5',
    octets: [frame(frameType.settings, 0, { payload: Buffer.alloc(5) })],
    wanted: /^goaway frameSize$/,
  },
  {
    name: 'a window that grows by nothing',
    section: '6.9',
    octets: [frame(frameType.windowUpdate, 0, { payload: Buffer.alloc(4) })],
    wanted: /^goaway protocol$/,
  },
  {
    name: 'a window that grows beyond 2^31 - 1',
    section: '6.9.1',
    octets: [frame(frameType.windowUpdate, 0, { payload: Buffer.from([0x7f, 255, 255, 255]) })],
    wanted: /^goaway flowControl$/,
  },
  {
    name: 'PUSH_PROMISE of a caller',
    section: '8.4',
    octets: [frame(frameType.pushPromise, 1, { flags: flag.endHeaders, payload: Buffer.alloc(4) })],
    wanted: /^goaway protocol$/,
  },
  {
    name: 'a field block that cannot be decoded',
    section: '4.3',
    octets: [
      frame(frameType.headers, 1, {
        flags: 5,
        payload: Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff]),
      }),
    ],
    wanted: /^goaway compression$/,
  },
  {
    name: 'padding longer than its frame',
    section: '6.1',
    octets: [
      headers(1, post, open),
      frame(frameType.data, 1, { flags: flag.padded, payload: Buffer.from([9, 1]) }),
    ],
    wanted: /^goaway protocol$/,
  },
];

for (const { name, section, octets, wanted } of frameRows) {
  test(`section ${section}: ${name} ends the connection`, async () => {
    using client = await FrameClient.connect(engine.port);
    client.write(...octets);
    assert.match(await client.outcome(1), wanted);
    assert.equal(await client.wait(() => false), null);
  });
}

test('streams opened and reset without end are stopped (CVE-2023-44487)', async () => {
  using client = await FrameClient.connect(engine.port);
  const cancel = Buffer.from([0, 0, 0, 8]);
  for (let stream = 1; stream < 8000; stream += 2) {
    client.write(headers(stream, get), frame(frameType.reset, stream, { payload: cancel }));
  }
  assert.match(await client.outcome(0), /^goaway (calm|internal)|closed$/);
});

test('a head without end in CONTINUATION is stopped (CVE-2024-27316)', async () => {
  using client = await FrameClient.connect(engine.port);
  client.write(headers(1, get, flag.endStream));
  for (let sent = 0; sent < 5000; sent += 1) {
    client.write(frame(frameType.continuation, 1, { payload: Buffer.from([0, 1, 0x61, 1, 0x62]) }));
  }
  assert.match(await client.outcome(1), /^goaway|closed/);
});

for (const [name, octets] of [
  ['PING', frame(frameType.ping, 0, { payload: Buffer.alloc(8) })],
  ['SETTINGS', frame(frameType.settings, 0)],
  ['empty DATA', frame(frameType.data, 1)],
] as const) {
  test(`${name} without end is stopped`, async () => {
    using client = await FrameClient.connect(engine.port);
    client.write(headers(1, post, open));
    const many = Buffer.concat(Array.from({ length: 5000 }, () => octets));
    client.write(many, many);
    assert.match(await client.outcome(0), /^goaway (calm|internal)|closed$/);
  });
}

test('no more streams than were allowed at one time are taken', async () => {
  // One that is answered makes room for another, so this instance says nothing.
  const silent = (socket: Socket): void => void socket.on('error', () => {}).resume();
  const listening = { isH2cTaken: true, tls: null };
  await using waiting = await EngineFixture.start(['a'], silent, {}, listening);
  using client = await FrameClient.connect(waiting.port);
  for (let stream = 1; stream < 2 * 200; stream += 2) client.write(headers(stream, post, open));
  const refused = await client.wait(
    ({ type }) => type === frameType.reset || type === frameType.goAway,
  );
  assert.equal(refused?.type, frameType.reset);
  assert.equal(refused?.payload.readUInt32BE(0), errorCode.refused);
  assert.equal(refused?.stream, 2 * 128 + 1);
});

test('a refused request that is reset in the octets that opened it ends nothing but itself', async () => {
  // Its own, so that an error of the engine, thrown behind all calls, is this test's.
  await using own = await EngineFixture.start(['a'], serve, {}, { isH2cTaken: true, tls: null });
  using client = await FrameClient.connect(own.port);
  const cancel = Buffer.from([0, 0, 0, 8]);
  const reset = frame(frameType.reset, 1, { payload: cancel });
  client.write(headers(1, [...get, ['host', 'b']]), reset, headers(3, get));
  assert.equal(await client.outcome(3), 'answered');
});

test('a caller that sends no more gets what it asked for, and its session ends', async () => {
  using client = await FrameClient.connect(engine.port);
  // The second lacks its body, and the third the end of its head.
  client.write(headers(1, get), headers(3, post, open), headers(5, get, 0));
  client.socket.end();
  assert.equal(await client.outcome(1), 'answered');
  assert.equal(await client.wait(() => false), null);
});

test('HTTP/1.1 and HTTP/2 are told apart on one port', async () => {
  const session = connectHttp2(`http://127.0.0.1:${engine.port}`);
  const stream = session.request({ ':authority': 'a' });
  const status = await new Promise((resolve) => {
    stream.on('response', ({ ':status': given }) => resolve(given));
  });
  session.destroy();
  assert.equal(status, 200);
  const socket = await engine.connect();
  socket.write('GE');
  socket.write('T / HTTP/1.1\r\nHost: a\r\n\r\n');
  const text = await new Promise<Buffer>((resolve) => socket.once('data', resolve));
  socket.destroy();
  assert.match(text.toString('latin1'), /^HTTP\/1\.1 200 /);
});
