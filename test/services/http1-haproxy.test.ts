import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { after, before, test } from 'node:test';
import { requestRows } from '../../src/apps/gateway/http1/corpus-rows.fixture.ts';
import { mutate, randomFrom } from '../../src/apps/gateway/http1/mutation.fixture.ts';
import { requestsReader } from '../../src/apps/gateway/http1/reading.fixture.ts';
import { Haproxy, withoutHaproxy } from './haproxy.fixture.ts';

/** What we pass on is shown to HAProxy: it must not refuse it, nor see fewer requests. */
const skip = withoutHaproxy;
const seed = 7;
const changedMax = 300;
/** What comes sooner waits for nothing. */
const answerMs = 60_000;

const read = requestsReader();
let instance: Server;
let proxy: Haproxy;

before(async () => {
  if (skip !== false) return;
  instance = createServer({
    insecureHTTPParser: true,
    requireHostHeader: false,
    maxHeaderSize: 65_536,
  });
  instance.on('request', (request, response) => {
    request.resume();
    request.on('end', () => response.end());
  });
  instance.listen(0, '127.0.0.1');
  await once(instance, 'listening');
  proxy = await Haproxy.start((instance.address() as AddressInfo).port);
});

after(async () => {
  if (skip !== false) return;
  await proxy[Symbol.asyncDispose]();
  instance.closeAllConnections();
  instance.close();
});

test('HAProxy takes every row of the corpus that we pass on', { skip }, async () => {
  let shown = 0;
  for (const [name, , octets, { sent, end }] of requestRows) {
    if (end !== 'done' || sent.length === 0) continue;
    shown += 1;
    assert.deepEqual(
      await statuses(octets, sent.length),
      sent.map(() => 200),
      name,
    );
  }
  assert.ok(shown > 50);
});

test('HAProxy takes what we pass on of changed rows', { skip, timeout: 900_000 }, async () => {
  const random = randomFrom(seed);
  const rows = requestRows.map(([, , octets]) => octets).filter((octets) => octets.length < 1000);
  for (let shown = 0; shown < changedMax;) {
    const octets = mutate(rows[random(rows.length)] ?? '', rows, random);
    const { sent, end } = read(Buffer.from(octets, 'latin1'), []);
    if (sent.length === 0 || end !== 'done') continue;
    shown += 1;
    const found = await statuses(octets, sent.length);
    assert.deepEqual(
      found,
      sent.map(() => 200),
      JSON.stringify(octets),
    );
  }
});

test('HAProxy refuses a planted request, so its silence means something', { skip }, async () => {
  const [status] = await statuses('GET / HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n', 1);
  assert.equal(status, 400);
});

/** The final statuses of the first `wanted` answers; fewer if the connection ends or nothing more comes. */
async function statuses(octets: string, wanted: number): Promise<number[]> {
  const socket = connect(proxy.port, '127.0.0.1');
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  socket.on('close', () => resolve());
  socket.on('error', () => {});
  socket.setTimeout(answerMs, () => socket.destroy());
  socket.write(Buffer.from(octets, 'latin1'));
  let text = '';
  const found = () =>
    [...text.matchAll(/HTTP\/1\.[01] ([2-5]\d\d) /g)].map(([, status]) => Number(status));
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    if (found().length >= wanted) socket.destroy();
  });
  await closed;
  // What follows a request that closes is no request to us, but may be one to HAProxy.
  return found().slice(0, wanted);
}
