/** Raw octets at the API's port: what is not read in one way alone is refused, and nothing behind it is ever answered. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import type { FastifyInstance } from 'fastify';

import type { ServerParts } from '../server-parts.ts';
import { Site } from '../access/site.ts';
import { open } from '../access/route-access.ts';
import { httpServer } from './http-server.ts';
import { asBody, following, hiddenPath, refused, withoutHost } from './smuggling-corpus.fixture.ts';

describe('the port of the API', () => {
  let http: FastifyInstance;
  let port = 0;
  /** What was asked for, as the server read it. */
  let asked: string[] = [];

  before(async () => {
    const site = new Site({ listenHost: '127.0.0.1', publicUrl: null });
    const { signal } = new AbortController();
    const parts = { version: '1', access: {}, site, oidc: null, notReady: () => null, signal };
    // The whole server of the product; the routes that are asked here need no more of it.
    http = await httpServer(parts as unknown as ServerParts);
    http.addHook('onRequest', async (request) => {
      asked.push(request.url);
    });
    for (const url of [hiddenPath, '/v1/following']) {
      http.get(url, { config: open, schema: { hide: true } }, async () => ({ is: url }));
    }
    const schema = { hide: true };
    http.post('/v1/written', { config: open, schema }, async () => ({ is: 'written' }));
    await http.listen({ host: '127.0.0.1', port: 0 });
    port = (http.server.address() as AddressInfo).port;
  });

  after(() => http.close());

  /** Everything the server says to these octets until it closes, or, when all were read, until both have. */
  async function say(octets: string, isEnded: boolean, at: number = port): Promise<string> {
    asked = [];
    const socket = connect(at, '127.0.0.1');
    // A server that closes while we still write is what is wanted here.
    socket.on('error', () => undefined);
    socket.write(Buffer.from(octets, 'latin1'));
    if (isEnded) socket.end();
    return text(socket);
  }

  function statusesOf(said: string): readonly string[] {
    return [...said.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status = '']) => status);
  }

  for (const [name, octets] of refused) {
    test(
      `refuses ${name}, closes, and answers nothing behind it`,
      { timeout: 120_000 },
      async () => {
        // Not ended from here: that the answer comes to its end says that the server closes.
        const said = await say(octets + following, false);
        const statuses = statusesOf(said);
        assert.ok(!asked.includes(hiddenPath), `${hiddenPath} was read: ${said}`);
        assert.ok(!asked.includes('/v1/following') && !said.includes('"is"'), said);
        assert.ok(statuses.length <= 1, said);
        assert.match(statuses[0] ?? '400', /^4\d\d$/, said);
      },
    );
  }

  test('refuses a request without Host, closes, and answers nothing behind it', async () => {
    const said = await say(withoutHost + following, false);
    assert.deepEqual(statusesOf(said), ['400']);
    assert.ok(!said.includes('"is"'), said);
  });

  for (const [name, octets] of asBody) {
    test(`reads what is framed by ${name} as a body, and the next request behind it`, async () => {
      const said = await say(octets + following, true);
      assert.ok(!asked.includes(hiddenPath), said);
      assert.deepEqual(asked.at(-1), '/v1/following');
      assert.equal(statusesOf(said).length, 2, said);
    });
  }

  test('a lenient reader answers what is hidden behind a length and an encoding, which this test would see', async () => {
    const lenient = createServer({ insecureHTTPParser: true }, (request, response) => {
      asked.push(request.url ?? '');
      request.resume().on('end', () => response.end('{"is":"lenient"}'));
    });
    lenient.listen(0, '127.0.0.1');
    await once(lenient, 'listening');
    const [, octets = ''] = refused.find(([name]) => name === 'a length and an encoding') ?? [];
    const said = await say(octets, true, (lenient.address() as AddressInfo).port);
    assert.ok(asked.includes(hiddenPath), said);
    assert.equal(statusesOf(said).length, 2);
    lenient.close();
    await once(lenient, 'close');
  });

  test('a planted request that is framed well is answered, so that its silence above says something', async () => {
    const said = await say(`GET ${hiddenPath} HTTP/1.1\r\nHost: localhost\r\n\r\n`, true);
    assert.deepEqual([asked, statusesOf(said)], [[hiddenPath], ['200']]);
  });
});
