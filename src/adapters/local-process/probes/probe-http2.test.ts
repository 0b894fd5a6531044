import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerHttp2Stream } from 'node:http2';
import { createServer as createTcpServer, type AddressInfo, type Server } from 'node:net';
import { test } from 'node:test';
import { probeHttp2 } from './probe-http2.ts';

const health = '/grpc.health.v1.Health/Check';

interface Row {
  readonly name: string;
  readonly path: string;
  readonly serve: (stream: ServerHttp2Stream) => void;
  readonly wanted: RegExp;
}

function grpc(status: string, body: readonly number[]): (stream: ServerHttp2Stream) => void {
  return (stream) => {
    stream.respond({ 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status }));
    stream.end(Buffer.from(body));
  };
}

function plain(status: number): (stream: ServerHttp2Stream) => void {
  return (stream) => {
    stream.respond({ ':status': status });
    stream.end();
  };
}

const rows: readonly Row[] = [
  { name: '204', path: '/readyz', serve: plain(204), wanted: /^ok$/ },
  { name: '503', path: '/readyz', serve: plain(503), wanted: /^\/readyz over h2c answered 503$/ },
  { name: 'SERVING', path: health, serve: grpc('0', [0, 0, 0, 0, 2, 8, 1]), wanted: /^ok$/ },
  {
    name: 'NOT_SERVING',
    path: health,
    serve: grpc('0', [0, 0, 0, 0, 2, 8, 2]),
    wanted: /does not say SERVING$/,
  },
  { name: 'no such method', path: health, serve: grpc('12', []), wanted: /grpc-status 12$/ },
  { name: 'no answer', path: '/readyz', serve: () => {}, wanted: /gave no answer within 0\.3 s$/ },
  {
    name: 'a reset',
    path: '/readyz',
    serve: (stream) => stream.close(2),
    wanted: /failed: |was cut off/,
  },
];

async function ask(server: Server, path: string, timeoutMs = 60_000): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const result = await probeHttp2({ port, path, timeoutMs }, AbortSignal.timeout(120_000));
  server.close();
  return result.kind === 'ok' ? 'ok' : result.text;
}

for (const { name, path, serve, wanted } of rows) {
  test(`a probe over HTTP/2: ${name}`, async () => {
    const server = createServer();
    server.on('stream', (stream) => {
      stream.on('error', () => {});
      serve(stream);
    });
    assert.match(await ask(server, path, name === 'no answer' ? 300 : 60_000), wanted);
  });
}

test('a probe over HTTP/2 of what speaks HTTP/1.1 fails', async () => {
  const server = createTcpServer((socket) => {
    socket.on('error', () => {});
    socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
  });
  assert.match(await ask(server, '/readyz'), /over h2c (failed|was cut off)/);
});
