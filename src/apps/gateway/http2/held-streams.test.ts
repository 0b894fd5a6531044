import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  createServer,
  type ServerHttp2Stream,
} from 'node:http2';
import { test } from 'node:test';
import { h2c } from '../../../domain/traffic/routing/route-table.ts';
import { EngineFixture } from '../fast/engine.fixture.ts';
import { until } from '../gateway-fixture.ts';

/** The engine before an instance of HTTP/2 that gives each stream a window of 16 KiB. */
async function start(serve: (stream: ServerHttp2Stream, method: string) => void) {
  const settings = { maxConcurrentStreams: 200, initialWindowSize: 16 * 1024 };
  const server = createServer({ settings });
  server.on('session', (session) => session.on('error', () => {}));
  server.on('stream', (stream, { ':method': method = '' }) => {
    stream.on('error', () => {});
    serve(stream, method);
  });
  const engine = await EngineFixture.start(
    ['a'],
    (socket) => server.emit('connection', socket),
    { requestTimeoutMs: 600_000 },
    { isH2cTaken: true, tls: null },
  );
  engine.reroute((route) => ({
    ...route,
    backends: route.backends.map((backend) => ({
      ...backend,
      endpoints: backend.endpoints.map((endpoint) => ({ ...endpoint, appProtocol: h2c })),
    })),
  }));
  return engine;
}

/** Its own bound (MB) must not be met: node:http2 resets a client's streams with ENHANCE_YOUR_CALM beyond it, 10 if not set. */
function session(engine: EngineFixture): ClientHttp2Session {
  const made = connect(`http://127.0.0.1:${engine.port}`, { maxSessionMemory: 1000 });
  made.on('error', () => {});
  return made;
}

function ask(caller: ClientHttp2Session, method: string, body: Buffer | null): ClientHttp2Stream {
  const fields = { ':method': method, ':authority': 'a', ':path': '/' };
  const stream = caller.request(fields, { endStream: body === null });
  stream.on('error', () => {});
  if (body !== null) stream.end(body);
  return stream;
}

async function outcome(stream: ClientHttp2Stream): Promise<string> {
  let status: number | undefined;
  let text = '';
  stream.on('response', (fields) => (status = fields[':status']));
  stream.on('data', (piece: Buffer) => (text += piece.toString('latin1')));
  await once(stream, 'close');
  return `${status} ${stream.rstCode} ${text}`;
}

/** Resolves with what `value` says when it says the same three times. */
async function settled(value: () => number): Promise<number> {
  let before = -1;
  let same = 0;
  await until(async () => {
    await new Promise((resolve) => setTimeout(resolve, 200));
    same = value() === before ? same + 1 : 0;
    before = value();
    return same >= 3;
  });
  return before;
}

test('a hundred uploads of 1 MB on one session wait for a slow instance in bounded memory, and all succeed', async () => {
  const uploads: ServerHttp2Stream[] = [];
  await using engine = await start((stream, method) => {
    if (method === 'POST') uploads.push(stream);
    else stream.respond({ ':status': 200 }, { endStream: true });
  });
  const caller = session(engine);
  const body = Buffer.alloc(1_000_000);
  const outcomes = Array.from({ length: 100 }, () => outcome(ask(caller, 'POST', body)));
  await until(() => uploads.length === 100);
  // Flow control alone bounds this: the kernel's buffers are read empty by either side.
  const taken = await settled(() => caller.socket.bytesWritten);
  assert.ok(
    taken < 100 * 256 * 1024,
    `${taken} bytes were taken for an instance that reads nothing`,
  );
  assert.equal(await outcome(ask(caller, 'GET', null)), '200 0 ');
  for (const stream of uploads) {
    let bytes = 0;
    stream.on('data', (piece: Buffer) => (bytes += piece.length));
    stream.on('end', () => {
      stream.respond({ ':status': 200 });
      stream.end(String(bytes));
    });
  }
  for (const each of await Promise.all(outcomes)) assert.equal(each, '200 0 1000000');
  caller.destroy();
});
