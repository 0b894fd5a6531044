import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  connect as connectHttp2,
  constants,
  createServer,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { test } from 'node:test';
import { noAnswer } from '../counters.ts';
import { EngineFixture } from '../fast/engine.fixture.ts';
import { frame, framesIn, frameType, preface } from './frames.fixture.ts';
import { send, until } from '../gateway-fixture.ts';
import { h2c } from '../../../domain/traffic/routing/route-table.ts';

type Serve = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

interface Instance extends AsyncDisposable {
  readonly engine: EngineFixture;
  readonly sessions: readonly ServerHttp2Session[];
  readonly caller: ClientHttp2Session;
}

/** The engine before one instance that speaks h2c, and a caller of HTTP/2. */
async function start(serve: Serve, streamsMax = 100): Promise<Instance> {
  const sessions: ServerHttp2Session[] = [];
  const server = createServer({ settings: { maxConcurrentStreams: streamsMax } });
  server.on('session', (session) => {
    session.on('error', () => {});
    sessions.push(session);
  });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    serve(stream, headers);
  });
  const engine = await EngineFixture.start(
    ['a.test'],
    (socket) => server.emit('connection', socket),
    {},
    { isH2cTaken: true, tls: null },
  );
  overH2c(engine);
  const caller = connectHttp2(`http://127.0.0.1:${engine.port}`);
  caller.on('error', () => {});
  const dispose = async (): Promise<void> => {
    caller.destroy();
    for (const session of sessions) session.destroy();
    await engine[Symbol.asyncDispose]();
  };
  return { engine, sessions, caller, [Symbol.asyncDispose]: dispose };
}

function overH2c(engine: EngineFixture): void {
  engine.reroute((route) => ({
    ...route,
    backends: route.backends.map((backend) => ({
      ...backend,
      endpoints: backend.endpoints.map((endpoint) => ({ ...endpoint, appProtocol: h2c })),
    })),
  }));
}

interface Answer {
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly resetCode: number;
}

async function call(
  caller: ClientHttp2Session,
  more: OutgoingHttpHeaders,
  body: Buffer | null = null,
): Promise<Answer> {
  const fields = { ':authority': 'a.test', ...more };
  const stream = caller.request(fields, { endStream: body === null });
  let headers: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders = {};
  const pieces: Buffer[] = [];
  stream.on('response', (given) => (headers = given));
  stream.on('trailers', (given) => (trailers = given));
  stream.on('data', (piece: Buffer) => pieces.push(piece));
  stream.on('error', () => {});
  if (body !== null) stream.end(body);
  await new Promise((resolve) => stream.on('close', resolve));
  return { headers, trailers, body: Buffer.concat(pieces), resetCode: stream.rstCode ?? 0 };
}

function counted(engine: EngineFixture): readonly number[] {
  const totals = [0, 0, 0, 0, 0, 0];
  for (const { byStatusClass } of engine.counters.all()) {
    for (const [index, count] of byStatusClass.entries())
      totals[index] = (totals[index] ?? 0) + count;
  }
  return totals;
}

test('callers of HTTP/1.1 and HTTP/2 are served by instances of h2c, on few connections', async () => {
  await using instance = await start((stream, headers) => {
    const hash = createHash('sha256');
    stream.on('data', (piece: Buffer) => hash.update(piece));
    stream.on('end', () => {
      stream.respond({
        ':status': 201,
        'x-scheme': headers[':scheme'],
        'x-host': headers[':authority'],
      });
      stream.end(hash.digest('hex'));
    });
  });
  const body = randomBytes(100_000);
  const wanted = createHash('sha256').update(body).digest('hex');
  const post = { ':method': 'POST' };
  const calls = Array.from({ length: 60 }, () => call(instance.caller, post, body));
  const sends = Array.from({ length: 60 }, () =>
    send(instance.engine.port, { method: 'POST', host: 'a.test', body }),
  );
  for (const { headers, body: answer } of await Promise.all(calls)) {
    assert.equal(answer.toString(), wanted);
    assert.deepEqual([headers['x-scheme'], headers['x-host']], ['http', 'a.test']);
  }
  for (const { status, body: answer, headers } of await Promise.all(sends)) {
    assert.deepEqual([status, answer.toString()], [201, wanted]);
    assert.equal(headers['x-tidegate-revision'], 'r1');
  }
  assert.deepEqual(counted(instance.engine), [0, 120, 0, 0, 0, 0]);
  assert.ok(instance.sessions.length <= 3, `${instance.sessions.length} connections`);
});

test('no more streams are on a connection than the instance allows', async () => {
  let most = 0;
  let open = 0;
  await using instance = await start((stream) => {
    open += 1;
    most = Math.max(most, open);
    setTimeout(() => {
      open -= 1;
      stream.respond();
      stream.end('ok');
    }, 20);
  }, 4);
  await call(instance.caller, {});
  const answers = await Promise.all(Array.from({ length: 100 }, () => call(instance.caller, {})));
  for (const { headers } of answers) assert.equal(headers[':status'], 200);
  assert.ok(instance.sessions.length <= 9, `${instance.sessions.length} connections`);
  assert.ok(most <= 4 * instance.sessions.length, `${most} at one time`);
});

test('trailers and interim answers of an instance go through, an answer that is all head too', async () => {
  await using instance = await start((stream, headers) => {
    if (headers[':path'] === '/trailers-only') {
      stream.respond(
        { 'content-type': 'application/grpc', 'grpc-status': '5', 'grpc-message': 'no such' },
        { endStream: true },
      );
      return;
    }
    stream.additionalHeaders({ ':status': 103, link: '</a>' });
    stream.respond({ 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () =>
      stream.sendTrailers({ 'grpc-status': '0', 'x-te': headers['te'] ?? 'none' }),
    );
    stream.end('payload');
  });
  const grpc = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' };
  const whole = await call(instance.caller, grpc, Buffer.from('request'));
  assert.deepEqual(
    [whole.body.toString(), whole.trailers['grpc-status'], whole.trailers['x-te']],
    ['payload', '0', 'trailers'],
  );
  const only = await call(
    instance.caller,
    { ...grpc, ':path': '/trailers-only' },
    Buffer.from('request'),
  );
  assert.deepEqual(
    [only.headers['grpc-status'], only.headers['grpc-message'], only.body.length],
    ['5', 'no such', 0],
  );
  assert.deepEqual(counted(instance.engine), [0, 1, 0, 1, 0, 0]);
});

interface StatusRow {
  readonly status: string | null;
  readonly statusClass: number;
}

const statusRows: readonly StatusRow[] = [
  { status: '0', statusClass: 1 },
  { status: '3', statusClass: 3 },
  { status: '16', statusClass: 3 },
  { status: '2', statusClass: 4 },
  { status: '4', statusClass: 4 },
  { status: '13', statusClass: 4 },
  { status: '14', statusClass: 4 },
  { status: '15', statusClass: 4 },
  { status: null, statusClass: 4 },
];

for (const { status, statusClass } of statusRows) {
  test(`a call that ends with grpc-status ${status ?? '(none)'} counts in class ${statusClass}`, async () => {
    await using instance = await start((stream) => {
      stream.respond({ 'content-type': 'application/grpc+proto' }, { waitForTrailers: true });
      stream.on('wantTrailers', () =>
        stream.sendTrailers(status === null ? {} : { 'grpc-status': status }),
      );
      stream.end('payload');
    });
    const fields = { ':method': 'POST', 'content-type': 'application/grpc+proto' };
    await call(instance.caller, fields, Buffer.from('request'));
    // Also for a caller that takes no trailers.
    await send(instance.engine.port, { host: 'a.test' });
    const wanted = [0, 0, 0, 0, 0, 0];
    wanted[statusClass] = 2;
    await until(() => counted(instance.engine).join() === wanted.join());
  });
}

test('a stream that the instance refused is sent again, whatever it asks for, and counts once', async () => {
  let refused = 0;
  await using instance = await start((stream) => {
    if (refused < 1) {
      refused += 1;
      stream.close(constants.NGHTTP2_REFUSED_STREAM);
      return;
    }
    stream.respond();
    stream.pipe(stream);
  });
  const answer = await call(instance.caller, { ':method': 'POST' }, Buffer.from('once'));
  assert.deepEqual([answer.headers[':status'], answer.body.toString()], [200, 'once']);
  assert.deepEqual(counted(instance.engine), [0, 1, 0, 0, 0, 0]);
});

test('a stream that was reset for another reason is not sent again', async () => {
  let seen = 0;
  await using instance = await start((stream) => {
    seen += 1;
    stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  });
  const answer = await call(instance.caller, { ':method': 'POST' }, Buffer.from('once'));
  assert.equal(answer.headers[':status'], 502);
  assert.equal(seen, 1);
  assert.equal(counted(instance.engine)[noAnswer], 1);
});

test('an instance that says goodbye gets no more streams, loses none, and finishes its own', async () => {
  const waiting: ServerHttp2Stream[] = [];
  await using instance = await start((stream, headers) => {
    if (headers[':path'] === '/wait') {
      waiting.push(stream);
      return;
    }
    stream.respond();
    stream.end('ok');
  });
  const slow = call(instance.caller, { ':path': '/wait' });
  await until(() => waiting.length === 1);
  const [first] = instance.sessions;
  first?.close();
  const answers = await Promise.all(Array.from({ length: 50 }, () => call(instance.caller, {})));
  for (const { headers } of answers) assert.equal(headers[':status'], 200);
  assert.equal(instance.sessions.length, 2);
  waiting[0]?.respond();
  waiting[0]?.end('after all');
  assert.equal((await slow).body.toString(), 'after all');
  assert.deepEqual(counted(instance.engine), [0, 51, 0, 0, 0, 0]);
});

test('streams beyond the last that an instance looked at are sent again', async () => {
  let connections = 0;
  const goodbye = frame(frameType.goAway, 0, { payload: Buffer.alloc(8) });
  const ok = frame(frameType.headers, 1, { flags: 5, payload: Buffer.from([0x88]) });
  await using fixture = await EngineFixture.start(['a.test'], (socket) => {
    connections += 1;
    const answer = connections === 1 ? goodbye : ok;
    let bytes: Buffer = Buffer.alloc(0);
    let isGreeted = false;
    socket.on('error', () => {});
    socket.write(frame(frameType.settings, 0));
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      if (!isGreeted && bytes.length < preface.length) return;
      if (!isGreeted) bytes = bytes.subarray(preface.length);
      isGreeted = true;
      const { frames, rest } = framesIn(bytes);
      bytes = rest;
      if (frames.some(({ type }) => type === frameType.headers)) socket.write(answer);
    });
  });
  overH2c(fixture);
  const answer = await send(fixture.port, { method: 'POST', host: 'a.test', body: 'once' });
  assert.equal(answer.status, 200);
  assert.equal(connections, 2);
  assert.deepEqual(counted(fixture), [0, 1, 0, 0, 0, 0]);
});

test('an answer that breaks off resets the stream of its caller', async () => {
  await using instance = await start((stream) => {
    stream.respond({ 'content-length': 10 });
    stream.write('half', () => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
  });
  const answer = await call(instance.caller, {});
  assert.equal(answer.headers[':status'], 200);
  assert.notEqual(answer.resetCode, constants.NGHTTP2_NO_ERROR);
  assert.equal(counted(instance.engine)[noAnswer], 1);
});

test('both ways at once: each message is answered before the next is sent', async () => {
  await using instance = await start((stream) => {
    stream.respond({ 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.pipe(stream);
  });
  const fields = { ':authority': 'a.test', ':method': 'POST', te: 'trailers' };
  const stream = instance.caller.request(fields);
  for (let turn = 0; turn < 50; turn += 1) {
    stream.write(`turn ${turn}`);
    const [piece] = (await once(stream, 'data')) as [Buffer];
    assert.equal(piece.toString(), `turn ${turn}`);
  }
  stream.end();
  const [trailers] = (await once(stream, 'trailers')) as [IncomingHttpHeaders];
  assert.equal(trailers['grpc-status'], '0');
});

test('a caller that reads slowly holds an instance of h2c back', async () => {
  const total = 32 * 1024 * 1024;
  let sent = 0;
  await using instance = await start((stream) => {
    stream.respond();
    const piece = Buffer.alloc(64 * 1024);
    const more = (): void => {
      if (sent === total) {
        stream.end();
        return;
      }
      sent += piece.length;
      stream.write(piece, more);
    };
    more();
  });
  const stream = instance.caller.request({ ':authority': 'a.test' });
  await once(stream, 'response');
  stream.pause();
  let before = -1;
  await until(async () => {
    if (sent === before) return true;
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 300));
    return false;
  });
  assert.ok(sent < total / 4, `${sent} bytes were sent to a caller that reads nothing`);
  let received = 0;
  stream.on('data', (piece: Buffer) => (received += piece.length));
  stream.resume();
  await once(stream, 'close');
  assert.equal(received, total);
});

test('an instance that is not there, or speaks no HTTP/2, is a failure of its own', async () => {
  await using plain = await EngineFixture.start(['a.test'], (socket) => {
    socket.on('error', () => {});
    socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
  });
  overH2c(plain);
  const answer = await send(plain.port, { host: 'a.test' });
  assert.equal(answer.status, 502);
  assert.equal(counted(plain)[noAnswer], 1);
});
