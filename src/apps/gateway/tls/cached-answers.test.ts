import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { usualCacheRule } from '../../../domain/cache/cache-rule.fixture.ts';
import { until } from '../gateway-fixture.ts';
import { TlsFixture } from './tls.fixture.ts';

/** On a slow machine a fetch takes longer than what is usual to wait for one. */
const policy = { cache: { ...usualCacheRule, waitMs: 60_000 } };

interface Got {
  readonly status: number;
  readonly cache: string;
  readonly body: string;
}

async function get(
  session: ClientHttp2Session,
  path: string,
  more: Readonly<Record<string, string>> = {},
): Promise<Got> {
  const stream = session.request({ ':path': path, ':authority': 'a.test', ...more });
  const [headers] = (await once(stream, 'response')) as [Record<string, string | number>];
  let body = '';
  stream.setEncoding('utf8').on('data', (piece: string) => {
    body += piece;
  });
  await once(stream, 'close');
  return { status: Number(headers[':status']), cache: String(headers['cache-status']), body };
}

/** Answers 301 to callers of http, and a counted page to those of https; its heads never differ. */
function site() {
  const counts = { asked: 0 };
  const serve = (socket: Socket): void => {
    socket.on('error', () => {});
    let received = '';
    socket.on('data', (bytes) => {
      received += bytes.toString('latin1');
      for (let end = received.indexOf('\r\n\r\n'); end >= 0; end = received.indexOf('\r\n\r\n')) {
        const head = received.slice(0, end);
        received = received.slice(end + 4);
        counts.asked += 1;
        const control = head.includes('/revalidated')
          ? 'max-age=0, stale-while-revalidate=600'
          : 'max-age=600';
        const kept = `Cache-Control: ${control}\r\nCache-Tag: x\r\n`;
        if (head.includes('x-forwarded-proto: https')) {
          const body = `page ${counts.asked}`;
          socket.write(`HTTP/1.1 200 OK\r\n${kept}Content-Length: ${body.length}\r\n\r\n${body}`);
        } else {
          const to = 'Location: https://a.test/\r\nContent-Length: 0\r\n\r\n';
          socket.write(`HTTP/1.1 301 Moved Permanently\r\n${kept}${to}`);
        }
      }
    });
  };
  return { counts, serve };
}

test('callers of HTTP/2 over TLS share stored answers with each other, and not with those of http', async () => {
  const { counts, serve } = site();
  const options = { pairs: { a: ['a.test'] }, hosts: ['a.test'], serve };
  await using fixture = await TlsFixture.start(options);
  fixture.engine.reroute((route) => ({ ...route, policy }));
  const [one, two] = [fixture.session('a.test'), fixture.session('a.test')];
  const plain = connectHttp2(`http://127.0.0.1:${fixture.engine.port}`);
  plain.on('error', () => {});
  try {
    const redirected = { status: 301, cache: 'tidegate; fwd=uri-miss; stored', body: '' };
    assert.deepEqual(await get(plain, '/'), redirected);
    const first = await get(one, '/');
    assert.deepEqual(first, {
      status: 200,
      cache: 'tidegate; fwd=uri-miss; stored',
      body: 'page 2',
    });
    for (const session of [one, two, two]) {
      const { status, cache, body } = await get(session, '/');
      assert.deepEqual([status, body], [200, 'page 2']);
      assert.match(cache, /^tidegate; hit/);
    }
    assert.equal((await get(plain, '/')).status, 301);
    assert.equal((await get(one, '/', { ':method': 'HEAD' })).body, '');
    assert.equal((await get(one, '/', { range: 'bytes=0-3' })).body, 'page');
    assert.equal(counts.asked, 2);
    const many = await Promise.all(Array.from({ length: 20 }, () => get(two, '/many')));
    assert.equal(new Set(many.map(({ body }) => body)).size, 1);
    assert.equal(counts.asked, 3);
    const changed = await get(two, '/many', { ':method': 'DELETE' });
    assert.equal(changed.status, 200);
    assert.equal((await get(one, '/many')).body, 'page 5');
  } finally {
    for (const session of [one, two, plain]) session.destroy();
  }
});

test('a stale page is asked about in the background as its caller would, by https', async () => {
  const { counts, serve } = site();
  const options = { pairs: { a: ['a.test'] }, hosts: ['a.test'], serve };
  await using fixture = await TlsFixture.start(options);
  fixture.engine.reroute((route) => ({ ...route, policy }));
  const session = fixture.session('a.test');
  try {
    assert.equal((await get(session, '/revalidated')).body, 'page 1');
    await until(async () => {
      const { status, body } = await get(session, '/revalidated');
      assert.equal(status, 200);
      return body !== 'page 1';
    });
    assert.ok(counts.asked >= 2);
  } finally {
    session.destroy();
  }
});
