import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';

import { cloudEventsOf } from '../../domain/evidence/cd-events.ts';
import type { PostOutcome } from '../../ports/event-sink.ts';
import { HttpEventSink } from './http-event-sink.ts';
import { parseSinkAddress } from './sink-address.ts';

const never = new AbortController().signal;
const event = eventOf();
const later = (what: string, retryAfterMs: number | null = null): PostOutcome => {
  return { kind: 'failed', what, retryAfterMs };
};

/** What a receiver answers, and what is made of it. */
const rows: readonly (readonly [
  status: number,
  headers: Readonly<Record<string, string>>,
  want: PostOutcome,
])[] = [
  [200, {}, { kind: 'taken' }],
  [202, {}, { kind: 'taken' }],
  [204, {}, { kind: 'taken' }],
  [301, { location: 'http://127.0.0.1:1/' }, later('status 301')],
  [400, {}, { kind: 'unwanted', what: 'status 400' }],
  [401, {}, later('status 401')],
  [403, {}, later('status 403')],
  [404, {}, later('status 404')],
  [408, {}, later('status 408')],
  [409, {}, { kind: 'unwanted', what: 'status 409' }],
  [410, {}, later('status 410')],
  [413, {}, { kind: 'unwanted', what: 'status 413' }],
  [415, {}, later('status 415')],
  [422, {}, { kind: 'unwanted', what: 'status 422' }],
  [429, { 'retry-after': '7' }, later('status 429', 7_000)],
  [429, { 'retry-after': 'soon' }, later('status 429')],
  [500, {}, later('status 500')],
  [
    503,
    { date: 'Sun, 06 Nov 1994 08:49:37 GMT', 'retry-after': 'Sun, 06 Nov 1994 08:50:07 GMT' },
    later('status 503', 30_000),
  ],
  [
    503,
    { date: 'Sun, 06 Nov 1994 08:49:37 GMT', 'retry-after': 'Sun, 06 Nov 1994 08:00:00 GMT' },
    later('status 503', 0),
  ],
];
for (const [status, headers, want] of rows) {
  const about = JSON.stringify(headers);
  test(`an answer with status ${status} and ${about} is ${want.kind}`, async () => {
    await using receiver = await listening((_, response) => {
      response.writeHead(status, headers).end(status === 204 ? '' : 'as it is');
    });
    const sink = sinkAt(receiver.url);
    assert.deepEqual(await sink.post(event, never), want);
  });
}

test('an event goes out whole, in structured mode, with the credentials in its header alone', async () => {
  const seen: { readonly request: IncomingMessage; readonly body: string }[] = [];
  await using receiver = await listening(async (request, response) => {
    seen.push({ request, body: await text(request) });
    response.end();
  });
  const url = `${receiver.url.replace('http://', 'http://ana:s3cret@')}/in?tenant=a`;
  const sink = sinkAt(url);
  await sink.post(event, never);
  const [{ request, body } = assert.fail('nothing came')] = seen;
  assert.deepEqual([request.method, request.url], ['POST', '/in?tenant=a']);
  assert.equal(request.headers['content-type'], 'application/cloudevents+json');
  assert.equal(request.headers.authorization, `Basic ${btoa('ana:s3cret')}`);
  assert.deepEqual(JSON.parse(body), JSON.parse(JSON.stringify(event)));
  assert.equal(sink.shown, receiver.url);
});

test('nobody who listens, a connection that is cut, an answer without end and silence are failures', async () => {
  await using receiver = await listening((request, response) => {
    if (request.url === '/cut') request.socket.destroy();
    if (request.url === '/long') pour(response);
  });
  // The port is held on 127.0.0.1, so that nobody else gets it on 127.0.0.2.
  const refused = receiver.url.replace('127.0.0.1', '127.0.0.2');
  assert.deepEqual(await sinkAt(refused).post(event, never), later('ECONNREFUSED'));
  assert.equal((await sinkAt(`${receiver.url}/cut`).post(event, never)).kind, 'failed');
  const silent = await sinkAt(`${receiver.url}/silent`, 200).post(event, never);
  assert.deepEqual(silent, later('no answer within 200 ms'));
  // The status is what counts; the body is read to a bound.
  assert.deepEqual(await sinkAt(`${receiver.url}/long`).post(event, never), { kind: 'taken' });
});

test('a stop rejects with its reason', async () => {
  await using receiver = await listening(() => {});
  const stopping = new AbortController();
  const posting = sinkAt(receiver.url).post(event, stopping.signal);
  stopping.abort(new Error('stopped'));
  await assert.rejects(posting, /stopped/);
});

function sinkAt(url: string, timeoutMs = 60_000): HttpEventSink {
  return new HttpEventSink(parseSinkAddress(url), { timeoutMs });
}

/** Until the reader goes away. */
function pour(response: ServerResponse): void {
  const chunk = 'x'.repeat(16 * 1024);
  const more = (): void => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on('drain', more);
  more();
}

interface Listening extends AsyncDisposable {
  readonly url: string;
}

async function listening(
  answer: (request: IncomingMessage, response: ServerResponse) => void | Promise<void>,
): Promise<Listening> {
  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function eventOf() {
  const [made] = cloudEventsOf(
    {
      index: 7,
      leafHash: 'cd'.repeat(32),
      type: 'decision',
      observedAtMs: 1_700_000_000_000,
      data: { service: 'pay', decision: 'delete', sentence: 'ünïcode' },
    },
    { origin: 'here', environment: 'local', timeText: () => '2023-11-14T22:13:20.000Z' },
  );
  return made ?? assert.fail('there is no event');
}
