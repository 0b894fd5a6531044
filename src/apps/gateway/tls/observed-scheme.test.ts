import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { AccessLog } from '../access-log/access-log.ts';
import { until } from '../gateway-fixture.ts';
import { GatewayMetrics } from '../metrics/gateway-metrics.ts';
import { TlsFixture } from './tls.fixture.ts';

function answer(socket: Socket): void {
  socket.on('error', () => {});
  socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'));
}

async function askOnSocket(socket: Socket, isGood: boolean): Promise<void> {
  const target = isGood ? '/' : '/a b';
  socket.write(`GET ${target} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n`);
  socket.resume();
  await once(socket, 'close');
}

async function askOnSession(session: ClientHttp2Session, isGood: boolean): Promise<void> {
  session.on('error', () => {});
  const scheme = isGood ? {} : { ':scheme': 'ftp' };
  const stream = session.request({ ':authority': 'a.test', ...scheme });
  stream.on('error', () => {});
  stream.resume();
  await new Promise((resolve) => stream.on('close', resolve));
  session.destroy();
}

type Ask = (fixture: TlsFixture, isGood: boolean) => Promise<void>;

const rows: readonly (readonly [scheme: 'http' | 'https', version: string, ask: Ask])[] = [
  ['http', '1.1', ({ engine }, isGood) => askOnSocket(connect(engine.port, '127.0.0.1'), isGood)],
  ['https', '1.1', async (fixture, isGood) => askOnSocket(await fixture.connect('a.test'), isGood)],
  [
    'http',
    '2',
    ({ engine }, isGood) => askOnSession(connectHttp2(`http://127.0.0.1:${engine.port}`), isGood),
  ],
  ['https', '2', (fixture, isGood) => askOnSession(fixture.session('a.test'), isGood)],
];

for (const [scheme, version, ask] of rows) {
  test(`a request of HTTP/${version} by ${scheme} is logged and measured as such, once`, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tidegate-observed-'));
    const path = join(folder, 'access.log');
    const accessLog = await AccessLog.open({ path, sampleRatio: 1, hasQuery: false }, () => {});
    const metrics = new GatewayMetrics();
    const parts = { accessLog, metrics };
    {
      const options = { pairs: { a: ['a.test'] }, hosts: ['a.test'], serve: answer, parts };
      await using fixture = await TlsFixture.start(options);
      await ask(fixture, true);
      // No request at all: its head is refused.
      await ask(fixture, false);
      await until(async () => (await readFile(path, 'utf8')).split('\n').length === 3);
    }
    const lines = (await readFile(path, 'utf8')).trim().split('\n');
    const told = lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
    const seen = told.map((line) => [line['url.scheme'], line['http.response.status_code']]);
    assert.deepEqual(seen, [
      [scheme, 200],
      [scheme, 400],
    ]);
    assert.equal(told[0]?.['network.protocol.version'], version);
    const family = metrics
      .families()
      .find(({ name }) => name.startsWith('http_server_request_duration'));
    const labels = family?.points.map((point) => point.labels['url_scheme']);
    assert.deepEqual(labels, [scheme]);
    await rm(folder, { recursive: true });
  });
}
