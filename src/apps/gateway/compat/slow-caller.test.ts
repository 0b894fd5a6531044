import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { usualCallerLimits } from '../caller-limits.ts';
import { Counters } from '../counters.ts';
import { until } from '../gateway-fixture.ts';
import { HttpEngine } from './http-engine.ts';
import { LiveRoutes } from '../live-routes.ts';
import { GatewayMetrics } from '../metrics/gateway-metrics.ts';

const takeMs = 2000;
const bodyBytes = 64 * 1024 * 1024;

/** Sends the body as fast as it is taken; silent for longer than `takeMs` before its head when that is asked for. */
function serve(socket: Socket): void {
  socket.on('error', () => {});
  socket.once('data', (bytes) => {
    const isSilent = bytes.includes('GET /silent');
    const timer = setTimeout(() => socket.write(answerOf(isSilent)), isSilent ? 2.5 * takeMs : 0);
    socket.on('close', () => clearTimeout(timer));
  });
}

function answerOf(isShort: boolean): Buffer {
  const body = Buffer.alloc(isShort ? 2 : bodyBytes, 'x');
  return Buffer.concat([
    Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n`),
    body,
  ]);
}

async function start() {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    serve(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const endpoints = [{ instanceId: 'i-1', host: '127.0.0.1', port }];
  const backends = [{ revisionId: 'r1', weightPercent: 100, endpoints }];
  const route = { service: 'svc', host: 'a', requestTimeoutMs: 60_000, backends, matches: [] };
  const counters = new Counters();
  const routes = new LiveRoutes(counters, [1, 2]);
  routes.apply({ version: 1, routes: [route] });
  const metrics = new GatewayMetrics();
  const limits = { metrics, accessLog: null, callerLimits: usualCallerLimits, takeMs };
  const engine = new HttpEngine(routes, limits);
  const { port: enginePort } = await engine.listen({ host: '127.0.0.1', port: 0 });
  return {
    counters,
    sockets,
    ask: async (path: string): Promise<Socket> => {
      const caller = connect(enginePort, '127.0.0.1');
      caller.on('error', () => {});
      await once(caller, 'connect');
      caller.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      return caller;
    },
    [Symbol.asyncDispose]: async () => {
      await engine.drain(0);
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

test('compat: a caller that takes nothing of its answer is let go, and the instance is not to blame', async () => {
  await using place = await start();
  const caller = await place.ask('/');
  caller.pause();
  const isUnderWay = (): boolean => place.counters.all().some(({ underWay }) => underWay === 1);
  await until(isUnderWay);
  await until(() => !isUnderWay());
  const [counter] = place.counters.all();
  assert.deepEqual([...(counter?.byStatusClass ?? [])], [0, 0, 0, 0, 0, 0]);
  await until(() => place.sockets.size === 0);
  caller.destroy();
});

test('compat: a caller that is slow and takes what it can gets all of its answer', async () => {
  await using place = await start();
  const caller = await place.ask('/');
  let received = 0;
  let mayHave = 0;
  caller.on('data', (bytes) => {
    received += bytes.length;
    if (received >= mayHave) caller.pause();
  });
  // A megabyte at a time, for longer than a caller may take nothing.
  for (let turn = 0; turn < 25; turn += 1) {
    mayHave += 1024 * 1024;
    caller.resume();
    await until(() => received >= mayHave);
    await new Promise((resolve) => setTimeout(resolve, takeMs / 10));
  }
  mayHave = Infinity;
  caller.resume();
  await once(caller, 'close');
  assert.ok(received > bodyBytes, `${received} of ${bodyBytes}`);
});

test('compat: an instance that is silent for long is not its caller', async () => {
  await using place = await start();
  const caller = await place.ask('/silent');
  let received = '';
  caller.on('data', (bytes) => (received += bytes.toString('latin1')));
  await once(caller, 'close');
  assert.match(received, /^HTTP\/1\.1 200 OK[^]*xx$/);
});
