/** The client against a real server on the loopback, by `fetch` as in a browser. */
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';

import { ApiClient } from './api-client.ts';
import { ApiError } from './api-error.ts';

type Answer = (request: IncomingMessage, answer: ServerResponse) => void | Promise<void>;

const never = new AbortController().signal;

async function withServer(answer: Answer, use: (url: string) => Promise<void>): Promise<void> {
  const server = createServer((request, reply) => void answer(request, reply)).listen(
    0,
    '127.0.0.1',
  );
  await new Promise((resolve) => server.once('listening', resolve));
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

async function failure(call: Promise<unknown>): Promise<ApiError> {
  const error: unknown = await call.then(
    () => null,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ApiError, String(error));
  return error;
}

test('a call has its path, query, token and body, and its answer is parsed', async () => {
  const seen: string[] = [];
  const echo: Answer = async (request, answer) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const { authorization, 'x-csrf-token': csrf = 'none' } = request.headers;
    seen.push(`${request.method} ${request.url} ${authorization} ${String(csrf)} ${body}`);
    answer.end('{"items":[]}');
  };
  await withServer(echo, async (url) => {
    const client = new ApiClient({ url, token: 'secret', csrfToken: () => 'double' });
    const path = { name: 'a/b ü' };
    await client.get('/v1/services/{name}', { path, signal: never });
    const query = { limit: 5, name: 'x&y', phase: undefined };
    const { items } = await client.get('/v1/rollouts', { query, signal: never });
    assert.deepEqual(items, []);
    const body = { action: 'pause', who: 'ann' } as const;
    await client.post('/v1/services/{name}/actions', { path: { name: 'a' }, body, signal: never });
  });
  assert.deepEqual(seen, [
    'GET /v1/services/a%2Fb%20%C3%BC Bearer secret none ',
    'GET /v1/rollouts?limit=5&name=x%26y Bearer secret none ',
    'POST /v1/services/a/actions Bearer secret double {"action":"pause","who":"ann"}',
  ]);
});

test('what is refused has the status and the problem of the answer', async () => {
  const problem = { type: 'about:blank', title: 'Conflict', status: 409, detail: 'it is over' };
  const refuse: Answer = (request, answer) => {
    answer.writeHead(409).end(request.url === '/v1/status' ? JSON.stringify(problem) : 'oh no');
  };
  await withServer(refuse, async (url) => {
    const client = new ApiClient({ url });
    const told = await failure(client.get('/v1/status', { signal: never }));
    assert.deepEqual([told.code, told.status, told.message], ['refused', 409, 'it is over']);
    assert.deepEqual(told.problem, problem);
    const bare = await failure(client.get('/v1/services', { signal: never }));
    assert.deepEqual([bare.status, bare.problem, bare.retryable], [409, null, false]);
  });
});

test('no server, no whole answer, no JSON and a redirect are told apart', async () => {
  const odd: Answer = (request, answer) => {
    if (request.url === '/v1/status') answer.write('{');
    else if (request.url === '/v1/tokens') answer.writeHead(302, { location: '/v1/status' }).end();
    else if (request.url === '/v1/people') request.socket.destroy();
    else answer.end('hello');
  };
  await withServer(odd, async (url) => {
    const client = new ApiClient({ url });
    const late = await failure(client.get('/v1/status', { signal: never, timeoutMs: 50 }));
    assert.deepEqual([late.code, late.retryable], ['timeout', true]);
    const codes = await Promise.all(
      (['/v1/services', '/v1/tokens', '/v1/people'] as const).map(async (path) => {
        return (await failure(client.get(path, { signal: never }))).code;
      }),
    );
    assert.deepEqual(codes, ['unexpected-answer', 'unreachable', 'unreachable']);
  });
});

test('a call that its own signal ends throws the reason of the signal', async () => {
  await withServer(
    () => {
      // Never answers.
    },
    async (url) => {
      const own = new AbortController();
      const call = new ApiClient({ url }).get('/v1/status', { signal: own.signal });
      own.abort(new RangeError('enough'));
      await assert.rejects(call, RangeError);
    },
  );
});

test('lines come one by one, cut anywhere, and leaving early ends the answer', async () => {
  const ended = Promise.withResolvers<void>();
  const stream: Answer = (_request, answer) => {
    answer.once('close', () => ended.resolve());
    const bytes = Buffer.from('größe\nzwei\ndrei');
    answer.write(bytes.subarray(0, 3));
    setImmediate(() => answer.write(bytes.subarray(3)));
  };
  await withServer(stream, async (url) => {
    const found: string[] = [];
    const client = new ApiClient({ url });
    const request = { query: { service: 'a' }, signal: never };
    for await (const line of client.lines('/v1/logs', request)) {
      found.push(line);
      if (found.length === 2) break;
    }
    assert.deepEqual(found, ['größe', 'zwei']);
    await ended.promise;
  });
});

test('a write whose connection broke is sent again with the same key, and not for ever', async () => {
  const keys: string[] = [];
  let breaks = 2;
  const broken: Answer = (request, answer) => {
    keys.push(String(request.headers['idempotency-key']));
    breaks -= 1;
    if (breaks >= 0) request.socket.destroy();
    else answer.end('{"outcome":"done","sentence":"paused"}');
  };
  await withServer(broken, async (url) => {
    const client = new ApiClient({ url });
    const path = { name: 'a' };
    const body = { action: 'pause', who: 'ann' } as const;
    const request = { path, body, signal: never };
    const done = await client.post('/v1/services/{name}/actions', request);
    assert.equal(done.outcome, 'done');
    assert.equal(keys.length, 3);
    assert.match(keys[0] ?? '', /^"[0-9a-f]{32}"$/);
    assert.equal(new Set(keys).size, 1);
    breaks = 100;
    const error = await failure(client.post('/v1/services/{name}/actions', request));
    assert.deepEqual([error.code, keys.length], ['unreachable', 6]);
    assert.equal(new Set(keys).size, 2);
  });
});
