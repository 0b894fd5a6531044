/** Trouble on purpose, as callers of HTTP/2 meet it: on their own stream, and on no other. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Stream, constants, type OutgoingHttpHeaders } from 'node:http2';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import type { FaultRule } from '../../../domain/traffic/faults/fault-rule.ts';
import { everyPath, type RequestMatch } from '../../../domain/traffic/routing/request-match.ts';
import { until } from '../gateway-fixture.ts';
import { TlsFixture } from '../tls/tls.fixture.ts';

const drill: RequestMatch = {
  path: everyPath,
  method: null,
  headers: [{ name: 'x-drill', value: 'yes' }],
  queryParams: [],
  cookies: [],
};
const drilled = { 'x-drill': 'yes' };

interface Instance {
  /** Requests that came to it. */
  reached: number;
  readonly serve: (socket: Socket) => void;
}

function instance(): Instance {
  const made: Instance = {
    reached: 0,
    serve: (socket) => {
      socket.on('error', () => {});
      let request = '';
      socket.on('data', (bytes) => {
        request += bytes.toString('latin1');
        // The body of a POST is chunked here.
        if (!request.endsWith(request.startsWith('POST') ? '\r\n0\r\n\r\n' : '\r\n\r\n')) return;
        request = '';
        made.reached += 1;
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
      });
    },
  };
  return made;
}

/** In force for ten minutes, for requests that ask for it. */
async function start(serve: Instance['serve'], fault: Partial<FaultRule>): Promise<TlsFixture> {
  const fixture = await TlsFixture.start({ pairs: { a: ['a.test'] }, hosts: ['a.test'], serve });
  const untilMs = Date.now() + 600_000;
  const rule: FaultRule = { id: 'drill-1', untilMs, matches: [drill], ...fault };
  fixture.engine.reroute((route) => ({ ...route, faults: [rule] }));
  return fixture;
}

function fields(more: OutgoingHttpHeaders = {}): OutgoingHttpHeaders {
  return { ':authority': 'a.test', ':path': '/', ...more };
}

interface Answer {
  readonly status: number | undefined;
  readonly reason: unknown;
  readonly grpcStatus: unknown;
  readonly body: string;
  readonly resetCode: number;
}

async function answerOf(stream: ClientHttp2Stream): Promise<Answer> {
  let head: Record<string, unknown> = {};
  let body = '';
  stream.on('response', (given) => (head = given));
  stream.on('data', (piece: Buffer) => (body += piece.toString()));
  stream.on('error', () => {});
  await new Promise((resolve) => stream.on('close', resolve));
  return {
    status: head[':status'] as number | undefined,
    reason: head['x-tidegate-reason'],
    grpcStatus: head['grpc-status'],
    body,
    resetCode: stream.rstCode ?? 0,
  };
}

/** Requests that ended, those with a fault by themselves. */
function ended(fixture: TlsFixture): { readonly usual: number; readonly apart: number } {
  const sums = { usual: 0, apart: 0 };
  for (const each of fixture.engine.counters.all()) {
    sums[each.setAside === 'fault' ? 'apart' : 'usual'] += each.ended;
  }
  return sums;
}

test('an abort is an answer of its stream, a status of gRPC where it is spoken, and no instance is asked', async () => {
  const one = instance();
  await using fixture = await start(one.serve, { abort: { percent: 100, with: 503 } });
  const session = fixture.session('a.test');
  const other = answerOf(session.request(fields()));
  const plain = await answerOf(session.request(fields(drilled)));
  assert.deepEqual([plain.status, plain.reason, plain.resetCode], [503, 'fault-injected', 0]);
  assert.match(plain.body, /fault drill-1 was injected/);
  const call = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' };
  const grpc = await answerOf(
    session.request(fields({ ...drilled, ...call }), { endStream: true }),
  );
  assert.deepEqual([grpc.status, grpc.grpcStatus, grpc.body], [200, '14', '']);
  assert.equal((await other).body, 'ok');
  assert.equal(one.reached, 1);
  await until(() => ended(fixture).apart === 2 && ended(fixture).usual === 1);
  session.destroy();
});

test('a reset is the end of its stream alone', async () => {
  const one = instance();
  await using fixture = await start(one.serve, { abort: { percent: 100, with: 'reset' } });
  const session = fixture.session('a.test');
  const cut = await answerOf(session.request(fields(drilled)));
  assert.deepEqual([cut.status, cut.resetCode], [undefined, constants.NGHTTP2_INTERNAL_ERROR]);
  const next = await answerOf(session.request(fields()));
  assert.deepEqual([next.status, next.body], [200, 'ok']);
  assert.equal(session.destroyed, false);
  assert.equal(one.reached, 1);
  await until(() => ended(fixture).apart === 1 && ended(fixture).usual === 1);
  session.destroy();
});

test('a delay holds its stream up, body and all, while others go by', async () => {
  const one = instance();
  const delay = { percent: 100, fixedDelayMs: 1500 };
  await using fixture = await start(one.serve, { delay });
  const session = fixture.session('a.test');
  const startedMs = performance.now();
  const stream = session.request(fields({ ...drilled, ':method': 'POST' }));
  stream.end('held up');
  let tookMs = 0;
  const late = answerOf(stream).then((answer) => {
    tookMs = performance.now() - startedMs;
    return answer;
  });
  assert.equal((await answerOf(session.request(fields()))).body, 'ok');
  assert.equal((await late).body, 'ok');
  assert.ok(tookMs >= 1499, `${tookMs} ms`);
  await until(() => ended(fixture).apart === 1 && ended(fixture).usual === 1);
  session.destroy();
});

test('a stream that is reset during its delay reaches no instance, and the session goes on', async () => {
  const one = instance();
  const delay = { percent: 100, fixedDelayMs: 600_000 };
  await using fixture = await start(one.serve, { delay });
  const session = fixture.session('a.test');
  const stream = session.request(fields(drilled));
  stream.on('error', () => {});
  const isUnderWay = (): boolean =>
    fixture.engine.counters.all().some(({ underWay }) => underWay > 0);
  await until(isUnderWay);
  const closed = once(stream, 'close');
  stream.close(constants.NGHTTP2_CANCEL);
  await closed;
  await until(() => !isUnderWay());
  assert.equal((await answerOf(session.request(fields()))).body, 'ok');
  assert.equal(one.reached, 1);
  assert.deepEqual(ended(fixture), { usual: 1, apart: 0 });
  session.destroy();
});
