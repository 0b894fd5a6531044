import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { engines, GatewayFixture, until } from '../gateway-fixture.ts';

for (const engine of engines) {
  describe(`engine ${engine}`, () => {
    let fixture: GatewayFixture;
    before(async () => {
      fixture = await GatewayFixture.start(engine);
    });
    after(() => fixture[Symbol.asyncDispose]());

    function open(headers: Record<string, string> = {}): WebSocket {
      return new WebSocket(`ws://127.0.0.1:${fixture.port}/chat`, ['echo'], {
        headers: { host: 'svc.localhost', ...headers },
      });
    }

    test('a WebSocket is a tunnel to one revision, counted once as 1xx', async () => {
      const server = createServer();
      const sockets = new WebSocketServer({ server });
      sockets.on('connection', (socket, request) => {
        socket.send(`hello ${request.url} ${String(request.headers['x-forwarded-for'])}`);
        socket.on('message', (data: Buffer) => socket.send(data));
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const endpoint = { instanceId: 'ws-0', host: '127.0.0.1', port };
      await fixture.route([{ revisionId: 'ws', weightPercent: 100, endpoints: [endpoint] }]);
      const socket = open();
      const received: Buffer[] = [];
      let revision: unknown = null;
      socket.on('upgrade', (response) => (revision = response.headers['x-tidegate-revision']));
      socket.on('message', (data: Buffer) => received.push(data));
      await until(() => received.length === 1);
      assert.equal(String(received[0]), 'hello /chat 127.0.0.1');
      assert.equal(socket.protocol, 'echo');
      assert.equal(revision, 'ws');
      const big = Buffer.alloc(1024 * 1024, 7);
      socket.send(big);
      await until(() => received.length === 2);
      assert.ok(received[1]?.equals(big));
      const [peer] = sockets.clients;
      assert.ok(peer);
      peer.close();
      await once(socket, 'close');
      const second = open();
      await once(second, 'open');
      second.terminate();
      await until(() => sockets.clients.size === 0);
      await until(() => fixture.requests('ws') === 2);
      assert.deepEqual(fixture.counted('ws'), [2, 0, 0, 0, 0, 0]);
      server.close();
    });

    test('an instance that refuses to switch has its answer passed on', async () => {
      const endpoint = await fixture.instance((_request, response) => {
        response.writeHead(403, { 'x-why': 'no' }).end('not you');
      });
      await fixture.route([{ revisionId: 'refuses', weightPercent: 100, endpoints: [endpoint] }]);
      const socket = open();
      const [, response] = (await once(socket, 'unexpected-response')) as [
        unknown,
        IncomingMessage,
      ];
      assert.equal(response.statusCode, 403);
      assert.equal(response.headers['x-why'], 'no');
      await until(() => fixture.requests('refuses') === 1);
      assert.deepEqual(fixture.counted('refuses'), [0, 0, 0, 1, 0, 0]);
      response.destroy();
    });

    for (const [name, host, endpoints, status] of [
      ['an unknown host', 'nobody.localhost', [], 404],
      ['no endpoints', 'svc.localhost', [], 503],
      ['a dead instance', 'svc.localhost', [{ instanceId: 'd', host: '127.0.0.1', port: 1 }], 502],
    ] as const) {
      test(`an upgrade to ${name} is answered ${status}`, async () => {
        await fixture.route([{ revisionId: 'none', weightPercent: 100, endpoints }]);
        const socket = open({ host });
        const [, response] = (await once(socket, 'unexpected-response')) as [
          unknown,
          IncomingMessage,
        ];
        assert.equal(response.statusCode, status);
        assert.equal(response.headers['content-type'], 'application/problem+json');
        response.destroy();
      });
    }

    test('an instance that never switches is 504', async () => {
      const endpoint = await fixture.instance(() => {});
      await fixture.route([{ revisionId: 'stuck', weightPercent: 100, endpoints: [endpoint] }], {
        requestTimeoutMs: 100,
      });
      const socket = open();
      const [, response] = (await once(socket, 'unexpected-response')) as [
        unknown,
        IncomingMessage,
      ];
      assert.equal(response.statusCode, 504);
      response.destroy();
    });

    test('an offer of h2c is ignored and the request served', async () => {
      await fixture.single((request, response) => response.end(String(request.headers['upgrade'])));
      const answer = await fixture.send({
        headers: { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'x' },
      });
      assert.equal(answer.status, 200);
      assert.equal(answer.body.toString(), 'undefined');
    });
  });
}
