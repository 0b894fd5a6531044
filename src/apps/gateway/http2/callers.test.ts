import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type EventEmitter, once } from 'node:events';
import {
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  connect,
  constants,
  createServer as createHttp2Server,
} from 'node:http2';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { test } from 'node:test';
import { noAnswer } from '../counters.ts';
import { usualDeadlines } from '../fast/parts.ts';
import { until } from '../gateway-fixture.ts';
import { TlsFixture } from '../tls/tls.fixture.ts';
import { errorCode, type Fields, flag, FrameClient, frameType, headers } from './frames.fixture.ts';

interface Answer {
  readonly headers: IncomingHttpHeaders;
  readonly interim: readonly IncomingHttpHeaders[];
  readonly trailers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly resetCode: number;
}

async function answerOf(stream: ClientHttp2Stream): Promise<Answer> {
  let headers: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders = {};
  const interim: IncomingHttpHeaders[] = [];
  const pieces: Buffer[] = [];
  stream.on('response', (given) => (headers = given));
  stream.on('trailers', (given) => (trailers = given));
  stream.on('headers', (given) => interim.push(given));
  stream.on('data', (piece: Buffer) => pieces.push(piece));
  stream.on('error', () => {});
  await new Promise((resolve) => stream.on('close', resolve));
  const body = Buffer.concat(pieces);
  return { headers, interim, trailers, body, resetCode: stream.rstCode ?? 0 };
}

/** The engine before one instance made of bare sockets. */
function start(serve: (socket: Socket) => void): Promise<TlsFixture> {
  return TlsFixture.start({ pairs: { a: ['a.test'] }, hosts: ['a.test'], serve });
}

/** The engine before one instance made with node:http. */
function startHttp(listener: RequestListener): Promise<TlsFixture> {
  const server = createServer(listener);
  return start((socket) => server.emit('connection', socket));
}

function fields(more: OutgoingHttpHeaders = {}): OutgoingHttpHeaders {
  return { ':authority': 'a.test', ':path': '/', ...more };
}

async function counted(fixture: TlsFixture, statusClass: number, wanted: number): Promise<void> {
  const count = () =>
    fixture.engine.counters
      .all()
      .reduce((sum, each) => sum + (each.byStatusClass[statusClass] ?? 0), 0);
  await until(() => count() === wanted);
}

test('a request and its answer go through whole, many at a time', async () => {
  await using fixture = await startHttp((request, response) => {
    const hash = createHash('sha256');
    request.on('data', (piece: Buffer) => hash.update(piece));
    request.on('end', () => response.end(hash.digest('hex')));
  });
  const session = fixture.session('a.test');
  const bodies = Array.from({ length: 100 }, (_, index) => randomBytes(index * 1500));
  const answers = await Promise.all(
    bodies.map((body) => {
      const stream = session.request(fields({ ':method': 'POST' }));
      stream.end(body);
      return answerOf(stream);
    }),
  );
  for (const [index, body] of bodies.entries()) {
    assert.equal(answers[index]?.body.toString(), createHash('sha256').update(body).digest('hex'));
  }
  await counted(fixture, 1, 100);
  session.destroy();
});

test('trailers and interim answers go both ways', async () => {
  let received = '';
  await using fixture = await start((socket) => {
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      if (!received.endsWith('\r\n\r\n') || !received.includes('\r\n0\r\n')) return;
      socket.write('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n');
      socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n');
      socket.write('0\r\nx-sum: 1\r\nx-sum: 2\r\nhost: b\r\n\r\n');
    });
  });
  const session = fixture.session('a.test');
  const stream = session.request(fields({ ':method': 'POST', te: 'trailers' }), {
    waitForTrailers: true,
  });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'x-checksum': 'abc' }));
  stream.end('body');
  const answer = await answerOf(stream);
  assert.match(received, /te: trailers\r\n/);
  assert.match(received, /\r\n4\r\nbody\r\n0\r\nx-checksum: abc\r\n\r\n$/);
  assert.deepEqual([answer.interim[0]?.[':status'], answer.interim[0]?.['link']], [103, '</a>']);
  assert.equal(answer.body.toString(), 'ok');
  assert.equal(answer.trailers['x-sum'], '1, 2');
  assert.equal(answer.trailers['host'], undefined);
  session.destroy();
});

test('a caller that expects 100 Continue gets it, and the body goes on', async () => {
  await using fixture = await startHttp((request, response) => {
    request.pipe(response);
  });
  const session = fixture.session('a.test');
  const stream = session.request(fields({ ':method': 'POST', expect: '100-continue' }));
  stream.on('continue', () => stream.end('after all'));
  const answer = await answerOf(stream);
  assert.equal(answer.body.toString(), 'after all');
  session.destroy();
});

test('answers without a body end with their head, and say what they would have had', async () => {
  await using fixture = await startHttp((request, response) => {
    const [status, length] = (request.url ?? '').slice(1).split('-');
    response.writeHead(Number(status), length === undefined ? {} : { 'content-length': length });
    response.end(request.method === 'HEAD' || length !== '5' ? '' : 'hello');
  });
  const session = fixture.session('a.test');
  const rows = [
    ['HEAD', '/200-5', 200, '5'],
    ['HEAD', '/200-0', 200, '0'],
    ['GET', '/204', 204, undefined],
    ['GET', '/304', 304, undefined],
    ['GET', '/200-0', 200, '0'],
  ] as const;
  for (const [method, path, status, length] of rows) {
    const answer = await answerOf(session.request(fields({ ':method': method, ':path': path })));
    const seen = [answer.headers[':status'], answer.headers['content-length'], answer.body.length];
    assert.deepEqual(seen, [status, length, 0], `${method} ${path}`);
    assert.equal(answer.resetCode, constants.NGHTTP2_NO_ERROR);
  }
  session.destroy();
});

/**
 * What goes wrong on streams of this process while it is in use. A body that is written to HEAD shows here and nowhere else: node:http2
 * keeps it from the wire.
 */
class StreamErrors implements Disposable {
  readonly codes: string[] = [];
  readonly #listen = (message: unknown): void => {
    const { stream } = message as { readonly stream: EventEmitter };
    stream.on('error', (error: NodeJS.ErrnoException) => this.codes.push(error.code ?? ''));
  };

  constructor() {
    subscribe(started, this.#listen);
  }

  [Symbol.dispose](): void {
    unsubscribe(started, this.#listen);
  }
}

const started = 'http2.server.stream.start';

test('the errors of streams are seen by whoever looks for them', async () => {
  using errors = new StreamErrors();
  const server = createHttp2Server();
  server.on('stream', (stream) => {
    stream.respond({ ':status': 400 });
    stream.end('hello');
    stream.write('more');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  await answerOf(session.request());
  await until(() => errors.codes.length > 0);
  assert.deepEqual(errors.codes, ['ERR_STREAM_WRITE_AFTER_END']);
  session.destroy();
  server.close();
});

test('a refused HEAD ends with its head, whoever refuses it', { timeout: 300_000 }, async () => {
  using errors = new StreamErrors();
  await using fixture = await start((socket) => socket.destroy());
  const session = fixture.session('a.test');
  const rows = [
    ['a scheme that is none of ours', { ':scheme': 'ftp' }, 400],
    ['a target with a fragment', { ':path': '/#x' }, 400],
    ['another host than the certificate has', { ':authority': 'b.test' }, 421],
    ['an instance that is lost', {}, 502],
  ] as const;
  for (const [name, more, status] of rows) {
    const asked = fields({ ':method': 'HEAD', ...more });
    const answer = await answerOf(session.request(asked, { endStream: true }));
    const seen = [answer.headers[':status'], answer.body.length, answer.resetCode];
    assert.deepEqual(seen, [status, 0, constants.NGHTTP2_NO_ERROR], name);
    assert.equal(answer.headers['content-type'], 'application/problem+json', name);
  }
  assert.deepEqual(errors.codes, []);
  session.destroy();
});

test('a refused HEAD whose body never comes is answered by its head, and its stream is over', async () => {
  using errors = new StreamErrors();
  await using fixture = await start((socket) => socket.destroy());
  using client = await FrameClient.connect(fixture.engine.port);
  const head: Fields = [
    [':method', 'HEAD'],
    [':scheme', 'ftp'],
    [':path', '/'],
    [':authority', 'a.test'],
  ];
  client.write(headers(1, head, flag.endHeaders));
  const reset = await client.wait(({ type, stream }) => type === frameType.reset && stream === 1);
  // RFC 9113 section 8.1: the answer is whole, and what was to come is not wanted.
  assert.equal(reset?.payload.readUInt32BE(0), errorCode.none);
  const [answer, ...more] = client.frames.filter(({ type, stream }) => {
    return stream === 1 && type !== frameType.reset;
  });
  assert.deepEqual([answer?.type, more], [frameType.headers, []]);
  assert.equal((answer?.flags ?? 0) & flag.endStream, flag.endStream);
  assert.deepEqual(errors.codes, []);
});

test('what the gateway refuses is a problem, and what an instance fails at too', async () => {
  await using fixture = await start((socket) => socket.destroy());
  const session = fixture.session('a.test');
  const lost = await answerOf(session.request(fields({ ':method': 'POST' }), { endStream: true }));
  assert.equal(lost.headers[':status'], 502);
  assert.equal(lost.headers['content-type'], 'application/problem+json');
  assert.equal(lost.headers['x-tidegate-reason'], 'reset');
  assert.match(lost.body.toString(), /"status":502/);
  await counted(fixture, noAnswer, 1);
  const misdirected = await answerOf(session.request(fields({ ':authority': 'b.test' })));
  assert.equal(misdirected.headers[':status'], 421);
  session.destroy();
});

test('the same failures are told to callers of gRPC as a status of theirs', async () => {
  await using fixture = await start((socket) => {
    socket.on('data', (chunk) => {
      if (chunk.includes('POST /cut')) socket.destroy();
    });
  });
  const session = fixture.session('a.test');
  const call = { ':method': 'POST', 'content-type': 'application/grpc+proto', te: 'trailers' };
  const rows = [
    [{ ':path': '/cut' }, '14'],
    [{ ':path': '/late' }, '4'],
    [{ host: 'b.test' }, '13'],
    [{ ':authority': 'b.test' }, '2'],
  ] as const;
  for (const [more, status] of rows) {
    if (':path' in more && more[':path'] === '/late')
      fixture.engine.reroute((route) => ({ ...route, requestTimeoutMs: 300 }));
    const answer = await answerOf(
      session.request(fields({ ...call, ...more }), { endStream: true }),
    );
    assert.equal(answer.headers[':status'], 200);
    assert.equal(answer.headers['grpc-status'], status);
    assert.equal(answer.body.length, 0);
  }
  session.destroy();
});

test('an answer that breaks off resets its stream, and no other', async () => {
  await using fixture = await start((socket) => {
    socket.on('data', (chunk) => {
      if (chunk.includes('GET /slow')) return;
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf');
      setImmediate(() => socket.destroy());
    });
  });
  const session = fixture.session('a.test');
  const other = session.request(fields({ ':path': '/slow' }));
  other.on('error', () => {});
  const answer = await answerOf(session.request(fields()));
  assert.equal(answer.headers[':status'], 200);
  assert.equal(answer.resetCode, constants.NGHTTP2_INTERNAL_ERROR);
  assert.equal(other.closed, false);
  session.destroy();
});

test('a caller that resets its stream ends the request at the instance, and is not counted', async () => {
  let closed = 0;
  await using fixture = await start((socket) => {
    socket.on('error', () => {});
    socket.on('close', () => (closed += 1));
    socket.resume();
  });
  const session = fixture.session('a.test');
  const stream = session.request(fields());
  stream.on('error', () => {});
  await until(() => fixture.engine.counters.all().some(({ underWay }) => underWay === 1));
  stream.close(constants.NGHTTP2_CANCEL);
  await until(() => closed === 1);
  await until(() => fixture.engine.counters.all().every(({ underWay }) => underWay === 0));
  for (const { ended } of fixture.engine.counters.all()) assert.equal(ended, 0);
  session.destroy();
});

test('a caller that reads slowly holds its instance back, and nothing is kept in between', async () => {
  const total = 64 * 1024 * 1024;
  let sent = 0;
  await using fixture = await startHttp((_request, response) => {
    const piece = Buffer.alloc(64 * 1024);
    const more = (): void => {
      while (sent < total) {
        sent += piece.length;
        if (!response.write(piece)) {
          response.once('drain', more);
          return;
        }
      }
      response.end();
    };
    more();
  });
  const session = fixture.session('a.test');
  const stream = session.request(fields());
  await once(stream, 'response');
  stream.pause();
  let before = -1;
  await until(async () => {
    if (sent === before) return true;
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 300));
    return false;
  });
  assert.ok(sent < 16 * 1024 * 1024, `${sent} bytes were sent to a caller that reads nothing`);
  let received = 0;
  stream.on('data', (piece: Buffer) => (received += piece.length));
  stream.resume();
  await once(stream, 'close');
  assert.equal(received, total);
  session.destroy();
});

test('an instance that reads slowly holds its caller back, and other streams go on', async () => {
  let upload: Socket | null = null;
  let received = 0;
  await using fixture = await start((socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      if (chunk.includes('GET /')) {
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
        return;
      }
      received += chunk.length;
      if (upload !== null) return;
      upload = socket;
      socket.pause();
    });
  });
  const session = fixture.session('a.test');
  const total = 32 * 1024 * 1024;
  const stream = session.request(fields({ ':method': 'POST', 'content-length': total }));
  stream.on('error', () => {});
  let taken = 0;
  const piece = Buffer.alloc(64 * 1024);
  const send = (): void => {
    if (taken === total) stream.end();
    else stream.write(piece, () => send());
    if (taken < total) taken += piece.length;
  };
  send();
  await until(() => upload !== null);
  let before = -1;
  await until(async () => {
    if (taken === before) return true;
    before = taken;
    await new Promise((resolve) => setTimeout(resolve, 300));
    return false;
  });
  assert.ok(
    taken < 16 * 1024 * 1024,
    `${taken} bytes were taken for an instance that reads nothing`,
  );
  assert.equal((await answerOf(session.request(fields()))).body.toString(), 'ok');
  (upload as Socket | null)?.resume();
  await until(() => received > total);
  session.destroy();
});

test('a session that was busy for long is closed all the same when it is idle', async () => {
  const waiting: (() => void)[] = [];
  const server = createServer((_request, response) => {
    waiting.push(() => response.end('done'));
  });
  await using fixture = await TlsFixture.start({
    pairs: { a: ['a.test'] },
    hosts: ['a.test'],
    serve: (socket) => server.emit('connection', socket),
    parts: { deadlines: { ...usualDeadlines, idleMs: 2000 } },
  });
  const session = fixture.session('a.test');
  const answer = answerOf(session.request(fields()));
  await until(() => waiting.length === 1);
  await new Promise((resolve) => setTimeout(resolve, 4500));
  assert.equal(session.destroyed, false);
  for (const finish of waiting) finish();
  assert.equal((await answer).body.toString(), 'done');
  await until(() => session.destroyed);
});

test('a draining gateway finishes the streams it has, and takes no new ones', async () => {
  const waiting: (() => void)[] = [];
  await using fixture = await startHttp((_request, response) => {
    waiting.push(() => response.end('done'));
  });
  const session = fixture.session('a.test');
  const answer = answerOf(session.request(fields()));
  await until(() => waiting.length === 1);
  const drained = fixture.engine.engine.drain(60_000);
  await once(session, 'goaway');
  for (const finish of waiting) finish();
  assert.equal((await answer).body.toString(), 'done');
  await drained;
});
