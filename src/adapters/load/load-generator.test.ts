import assert from 'node:assert/strict';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { test } from 'node:test';
import type { LoadInterval, LoadResult } from '../../domain/load/load-result.ts';
import { totalsBetween } from '../../domain/load/load-series.ts';
import { runLoad } from './load-generator.ts';
import { LoadError } from './load-options.ts';
import type { LoadOptions } from './load-options.ts';

const never = new AbortController().signal;

interface Target extends AsyncDisposable {
  readonly url: string;
}

async function startTarget(answer: RequestListener): Promise<Target> {
  const server = createServer(answer);
  return listening(server, () => server.closeAllConnections());
}

async function listening(
  server: Server | ReturnType<typeof createTcpServer>,
  cut: () => void,
): Promise<Target> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return {
    url: `http://127.0.0.1:${address.port}/`,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      cut();
      await closed;
    },
  };
}

function optionsFor(url: string, change: Partial<LoadOptions> = {}): LoadOptions {
  // The machine that runs the tests may be busy: its lateness is not what most of them are about.
  const loose = { sendLagP99LimitMs: 30_000, timeoutMs: 60_000 };
  return {
    url,
    headers: {},
    targetRps: 200,
    durationMs: 500,
    connections: 8,
    ...loose,
    ...change,
  };
}

/** Nothing left out: L2. */
function assertComplete(result: LoadResult): void {
  const ended = [...Object.values(result.byStatus), ...Object.values(result.byError)];
  const sum = ended.reduce((total, count) => total + count, 0);
  assert.equal(sum, result.requests);
  assert.equal(result.requests + result.dropped, result.scheduled);
  const { requests, errors } = totalsBetween(result.series, 0, Infinity);
  assert.deepEqual({ requests, errors }, { requests: result.requests, errors: result.errors });
}

function ok(_request: IncomingMessage, response: ServerResponse): void {
  response.end('{}');
}

test('a healthy target gets exactly the scheduled requests at the target rate', async () => {
  let received = 0;
  await using target = await startTarget((request, response) => {
    received += 1;
    ok(request, response);
  });
  const result = await runLoad(optionsFor(target.url, { targetRps: 200, durationMs: 1500 }), never);
  assertComplete(result);
  assert.equal(result.scheduled, 300);
  assert.equal(received, 300);
  assert.deepEqual(result.byStatus, { '200': 300 });
  assert.equal(result.errors, 0);
  assert.equal(result.achievedRps, 200);
  assert.equal(result.valid, true, result.invalidBecause.join('; '));
  assert.ok(result.p50Ms <= result.p95Ms && result.p95Ms <= result.p99Ms);
  assert.ok(result.p99Ms <= result.maxMs && result.service.p50Ms <= result.p50Ms);
  assert.ok(result.cpuUsPerRequest > 0);
});

test('each request is marked as synthetic and has a trace of its own', async () => {
  const seen: IncomingMessage['headers'][] = [];
  await using target = await startTarget((request, response) => {
    seen.push(request.headers);
    ok(request, response);
  });
  const headers = { Host: 'checkout.localhost', 'X-Canary': 'yes' };
  await runLoad(optionsFor(target.url, { headers, durationMs: 100 }), never);
  assert.equal(seen.length, 20);
  for (const header of seen) {
    assert.equal(header.host, 'checkout.localhost');
    assert.equal(header['x-canary'], 'yes');
    assert.match(header['user-agent'] ?? '', /^tidegate-load\/.*synthetic/);
    assert.match(
      String(header['traceparent']),
      /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-00$/,
    );
  }
  assert.equal(new Set(seen.map((header) => header['traceparent'])).size, 20);
});

test('a stall of the target shows in the latency from the intended start', async () => {
  const stallMs = 1200;
  let seen = 0;
  await using target = await startTarget((request, response) => {
    // One connection: the request that meets the stall keeps all others of that time from being sent.
    seen += 1;
    setTimeout(() => ok(request, response), seen === 12 ? stallMs : 0);
  });
  const result = await runLoad(
    optionsFor(target.url, { targetRps: 40, durationMs: 1500, connections: 1 }),
    never,
  );
  assertComplete(result);
  assert.equal(result.errors, 0);
  // 48 of 60 requests are meant to start in the stall and wait half of it on average; one alone was served slowly.
  assert.ok(result.p95Ms > 0.7 * stallMs, `p95 ${result.p95Ms}`);
  assert.ok(result.maxMs > 0.9 * stallMs, `max ${result.maxMs}`);
  assert.ok(result.service.p95Ms < 0.5 * stallMs, `service p95 ${result.service.p95Ms}`);
});

test('errors are told apart by their kind', async (t) => {
  const rows: [name: string, answer: RequestListener, want: Partial<LoadResult>][] = [
    [
      '500',
      (_, response) => response.writeHead(500).end(),
      { byStatus: { '500': 20 }, errors: 20 },
    ],
    [
      '404',
      (_, response) => response.writeHead(404).end(),
      { byStatus: { '404': 20 }, errors: 20 },
    ],
    ['302', (_, response) => response.writeHead(302).end(), { byStatus: { '302': 20 }, errors: 0 }],
    ['cut before', (request) => request.socket.destroy(), { byError: { reset: 20 }, errors: 20 }],
    [
      'cut inside',
      (request, response) => {
        response.writeHead(200, { 'content-length': 10 });
        response.write('12345', () => request.socket.destroy());
      },
      { byError: { reset: 20 }, errors: 20 },
    ],
    [
      'not HTTP',
      (request) => request.socket.end('SSH-2.0-OpenSSH\r\n\r\n'),
      { byError: { 'bad-answer': 20 }, errors: 20 },
    ],
    ['no answer', () => {}, { byError: { timeout: 20 }, errors: 20 }],
  ];
  for (const [name, answer, want] of rows) {
    await t.test(name, async () => {
      await using target = await startTarget(answer);
      const result = await runLoad(
        optionsFor(target.url, {
          durationMs: 100,
          timeoutMs: name === 'no answer' ? 200 : 60_000,
          connections: 4,
        }),
        never,
      );
      assertComplete(result);
      const { byStatus, byError, errors } = result;
      assert.deepEqual({ byStatus, byError, errors }, { byStatus: {}, byError: {}, ...want });
    });
  }
});

test('a target that is not there refuses every request', async () => {
  await using held = await startTarget(ok);
  // Nobody listens at its other address. A port that was let go could be another server's by now.
  const url = held.url.replace('127.0.0.1', '127.0.0.2');
  const result = await runLoad(optionsFor(url, { durationMs: 200 }), never);
  assertComplete(result);
  assert.deepEqual(result.byError, { 'connect-refused': 40 });
  assert.equal(result.achievedRps, 200);
});

test('a target that accepts and says nothing times every request out and the run ends', async () => {
  const sockets = new Set<{ destroy(): void }>();
  const silent = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  await using target = await listening(silent, () => {
    for (const socket of sockets) socket.destroy();
  });
  const result = await runLoad(
    optionsFor(target.url, {
      timeoutMs: 300,
      connections: 2,
      durationMs: 300,
      sendLagP99LimitMs: 100,
    }),
    never,
  );
  assertComplete(result);
  assert.deepEqual(result.byError, { timeout: 60 });
  assert.ok(result.maxMs >= 300);
  // Two connections were all that could be tried in that time: most requests never went out.
  assert.equal(result.valid, false);
  assert.match(result.invalidBecause.join(), /requests\/s went out in time/);
});

test('requests over the bound are counted as dropped and make the run invalid', async () => {
  const held: (() => void)[] = [];
  await using target = await startTarget((request, response) => {
    held.push(() => ok(request, response));
  });
  const result = await runLoad(
    optionsFor(target.url, { inFlightMax: 10, durationMs: 200, connections: 10 }),
    never,
    ({ droppedTotal }) => {
      if (droppedTotal < 30 || held.length < 10) return;
      for (const release of held) release();
    },
  );
  assertComplete(result);
  assert.equal(result.requests, 10);
  assert.equal(result.dropped, 30);
  assert.equal(result.valid, false);
  assert.match(result.invalidBecause.join('; '), /30 requests were dropped/);
});

test('a generator that is late itself says so', async () => {
  let seen = 0;
  await using target = await startTarget((request, response) => {
    seen += 1;
    const untilMs = performance.now() + (seen === 20 ? 200 : 0);
    while (performance.now() < untilMs);
    ok(request, response);
  });
  const options = optionsFor(target.url, { sendLagP99LimitMs: 50 });
  const result = await runLoad(options, never);
  assertComplete(result);
  assert.equal(result.requests, 100);
  assert.ok(result.sendLagMaxMs > 150, `lag ${result.sendLagMaxMs}`);
  assert.equal(result.valid, false);
  assert.match(result.invalidBecause.join('; '), /the generator itself was late/);
});

test('aborting ends the schedule and waits for the requests in flight', async () => {
  await using target = await startTarget((request, response) => {
    setTimeout(() => ok(request, response), 100);
  });
  const stopping = new AbortController();
  const intervals: LoadInterval[] = [];
  const result = await runLoad(
    optionsFor(target.url, { durationMs: null, connections: 64 }),
    stopping.signal,
    (interval) => {
      intervals.push(interval);
      if (intervals.length === 3) stopping.abort();
    },
  );
  assertComplete(result);
  assert.deepEqual(result.byStatus, { '200': result.scheduled });
  assert.ok(result.durationMs >= 290 && result.scheduled >= 58, `${result.durationMs} ms`);
  assert.equal(result.valid, true, result.invalidBecause.join('; '));
  const told = intervals.reduce((total, interval) => total + interval.requests, 0);
  assert.equal(told, result.requests);
});

test('an already aborted signal sends nothing but what was due at once', async () => {
  await using target = await startTarget(ok);
  const result = await runLoad(optionsFor(target.url, { durationMs: null }), AbortSignal.abort());
  assertComplete(result);
  assert.ok(result.scheduled <= 2, `${result.scheduled} requests`);
});

test('options that cannot be run are refused with the value and the range', async () => {
  const rows: [change: Partial<LoadOptions>, message: RegExp][] = [
    [{ url: 'checkout' }, /cannot send load to "checkout"/],
    [{ url: 'https://127.0.0.1/' }, /must be a URL that starts with http:/],
    [{ targetRps: 0 }, /targetRps 0: must be over 0/],
    [{ targetRps: Number.NaN }, /targetRps NaN/],
    [{ durationMs: 0 }, /durationMs 0/],
    [{ connections: -1 }, /connections -1/],
    [{ timeoutMs: 60_001 }, /timeoutMs 60001: .* at most 60000/],
  ];
  for (const [change, message] of rows) {
    await assert.rejects(runLoad(optionsFor('http://127.0.0.1:1/', change), never), (error) => {
      assert.ok(error instanceof LoadError);
      assert.equal(error.code, 'options-refused');
      assert.match(error.message, message);
      return true;
    });
  }
});
