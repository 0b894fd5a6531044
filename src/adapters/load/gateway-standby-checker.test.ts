import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { test } from 'node:test';
import type { BlueGreen, SmokeCheck } from '../../domain/release/strategies/strategy.ts';
import { GatewayStandbyChecker } from './gateway-standby-checker.ts';

const never = new AbortController().signal;

async function gatewayOf(
  answer: RequestListener,
): Promise<AsyncDisposable & { readonly origin: string }> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return {
    origin: `http://127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function checkOf(name: string, change: Partial<SmokeCheck> = {}): SmokeCheck {
  return {
    name,
    method: 'GET',
    path: `/${name}`,
    headers: {},
    body: null,
    status: 200,
    contains: null,
    timeoutMs: 30_000,
    ...change,
  };
}

function planOf(change: Partial<BlueGreen>): BlueGreen {
  const none = { warmUp: null, checks: [], load: null };
  return { kind: 'blue-green', standbyInstances: 1, ...none, withinMs: 60_000, ...change };
}

test('each request asks for the standby of its host, with what the file says', async () => {
  const seen: string[] = [];
  await using gateway = await gatewayOf((request: IncomingMessage, response) => {
    const { method, url, headers } = request;
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      const preview = String(headers['x-tidegate-preview']);
      const user = String(headers['x-user'] ?? '-');
      seen.push(`${method} ${url} ${headers.host} ${preview} ${user} ${body}`);
      response.writeHead(method === 'POST' ? 201 : 200).end('good morning');
    });
  });
  const plan = planOf({
    warmUp: { path: '/warm?a=1', requests: 2 },
    checks: [
      checkOf('home', { contains: 'morning' }),
      checkOf('order', {
        method: 'POST',
        body: '{"n":1}',
        headers: { 'x-user': 'ana' },
        status: 201,
      }),
    ],
  });
  const checker = new GatewayStandbyChecker(() => gateway.origin);
  const report = await checker.check({ host: 'web.localhost', plan }, never);
  assert.equal(report.kind, 'seen');
  assert.deepEqual(seen, [
    'GET /warm?a=1 web.localhost standby - ',
    'GET /warm?a=1 web.localhost standby - ',
    'GET /home web.localhost standby - ',
    'POST /order web.localhost standby ana {"n":1}',
  ]);
  assert.equal(report.warmUpAnswers, 2);
  const found = report.checks.map(({ name, status, isTextThere, error }) => {
    return { name, status, isTextThere, error };
  });
  assert.deepEqual(found, [
    { name: 'home', status: 200, isTextThere: true, error: null },
    { name: 'order', status: 201, isTextThere: true, error: null },
  ]);
  assert.equal(report.load, null);
});

test('after a check that is not as it should be nothing more is asked, and no load is sent', async () => {
  const asked: string[] = [];
  await using gateway = await gatewayOf((request, response) => {
    asked.push(request.url ?? '');
    if (request.url === '/cut') request.socket.destroy();
    else if (request.url === '/slow') return;
    else response.writeHead(request.url === '/bad' ? 500 : 200).end('text');
  });
  const checker = new GatewayStandbyChecker(() => gateway.origin);
  const load = {
    path: '/load',
    requestsPerSecond: 10,
    durationMs: 1_000,
    failureRatioMax: 0,
    p95LimitMs: null,
  };
  const rows: readonly (readonly [SmokeCheck, status: number | null, error: RegExp | null])[] = [
    [checkOf('bad'), 500, null],
    [checkOf('cut'), null, /./],
    [checkOf('slow', { timeoutMs: 200 }), null, /^not within 200 ms$/],
    [checkOf('good', { contains: 'other' }), 200, null],
  ];
  for (const [check, status, error] of rows) {
    const plan = planOf({ checks: [checkOf('first'), check, checkOf('never')], load });
    const report = await checker.check({ host: 'web.localhost', plan }, never);
    assert.equal(report.kind, 'seen');
    const last = report.checks.at(-1);
    if (check.name !== 'good') assert.equal(last?.name, check.name);
    const own = report.checks.find(({ name }) => name === check.name);
    assert.equal(own?.status, status, check.name);
    if (error === null) assert.equal(own.error, null);
    else assert.match(own.error ?? '', error);
    assert.equal(report.load, null);
  }
  assert.equal(asked.filter((path) => path === '/load').length, 0);
});

test('the load check sends its load to the standby and tells what came of it', async () => {
  let requests = 0;
  await using gateway = await gatewayOf((request, response) => {
    const isStandby = request.headers['x-tidegate-preview'] === 'standby';
    requests += 1;
    response.writeHead(isStandby && requests % 4 !== 0 ? 200 : 503).end();
  });
  const checker = new GatewayStandbyChecker(() => gateway.origin);
  const load = {
    path: '/',
    requestsPerSecond: 100,
    durationMs: 1_000,
    failureRatioMax: 0,
    p95LimitMs: null,
  };
  const report = await checker.check({ host: 'web.localhost', plan: planOf({ load }) }, never);
  assert.equal(report.kind, 'seen');
  assert.equal(report.load?.requests, 100);
  assert.equal(report.load.failures, 25);
});

test('a gateway that is not there answers no check, and is said', async () => {
  // Held on another address, so that nobody else gets the port.
  await using held = await gatewayOf(() => {});
  const origin = held.origin.replace('127.0.0.1', '127.0.0.2');
  const checker = new GatewayStandbyChecker(() => origin);
  const plan = planOf({ checks: [checkOf('home')] });
  const report = await checker.check({ host: 'web.localhost', plan }, never);
  assert.equal(report.kind, 'not-made');
  assert.match(report.message, /ECONNREFUSED/);
});

test('who is not wanted any more stops at once', async () => {
  await using gateway = await gatewayOf(() => {});
  const checker = new GatewayStandbyChecker(() => gateway.origin);
  const stop = new AbortController();
  const plan = planOf({ checks: [checkOf('home')] });
  const checking = checker.check({ host: 'web.localhost', plan }, stop.signal);
  stop.abort(new Error('gone back'));
  await assert.rejects(checking, /gone back/);
});
