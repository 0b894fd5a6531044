import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { request as httpRequest, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { engines, GatewayFixture, until } from './gateway-fixture.ts';

for (const engine of engines) {
  describe(`engine ${engine}`, () => {
    let fixture: GatewayFixture;
    before(async () => {
      fixture = await GatewayFixture.start(engine);
    });
    after(() => fixture[Symbol.asyncDispose]());

    const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

    test('status, reason, headers and body are passed on, and the revision is named', async () => {
      await fixture.single((_request, response) => {
        response.writeHead(418, 'Short And Stout', [
          ['Set-Cookie', 'a=1'],
          ['Set-Cookie', 'b=2'],
          ['X-Tidegate-Revision', 'forged'],
        ]);
        response.end('tea');
      });
      const answer = await fixture.send();
      assert.equal(answer.status, 418);
      assert.equal(answer.statusText, 'Short And Stout');
      assert.deepEqual(answer.headers['set-cookie'], ['a=1', 'b=2']);
      assert.equal(answer.headers['x-tidegate-revision'], 'r1');
      assert.equal(answer.body.toString(), 'tea');
    });

    test('the instance sees the caller by x-forwarded headers, and the host as it was asked for', async () => {
      await fixture.single((request, response) => response.end(JSON.stringify(request.headers)));
      const answer = await fixture.send({
        host: 'SVC.localhost:8080',
        headers: {
          'x-forwarded-for': '10.0.0.1',
          'x-forwarded-host': 'forged',
          'x-forwarded-proto': 'https',
        },
      });
      const seen = JSON.parse(answer.body.toString()) as Record<string, string>;
      assert.equal(seen['host'], 'SVC.localhost:8080');
      assert.equal(seen['x-forwarded-for'], '10.0.0.1, 127.0.0.1');
      assert.equal(seen['x-forwarded-host'], 'SVC.localhost:8080');
      assert.equal(seen['x-forwarded-proto'], 'http');
    });

    test('hop-by-hop headers and those named by Connection are removed both ways', async () => {
      await fixture.single((request, response) => {
        response.writeHead(200, {
          Connection: 'x-mine, keep-alive',
          'X-Mine': '1',
          'X-Kept': '1',
          Trailer: 'x',
        });
        response.end(JSON.stringify(request.headers));
      });
      const answer = await fixture.send({
        headers: {
          connection: 'keep-alive, X-Hop',
          'x-hop': '1',
          te: 'trailers',
          'proxy-connection': '1',
          'x-end': '1',
        },
      });
      const seen = JSON.parse(answer.body.toString()) as Record<string, string>;
      for (const name of ['x-hop', 'proxy-connection']) assert.equal(seen[name], undefined, name);
      // The fast engine passes trailers on, so it says so by a TE of its own.
      assert.equal(seen['te'], engine === 'fast' ? 'trailers' : undefined);
      assert.equal(seen['x-end'], '1');
      for (const name of ['x-mine', 'trailer']) assert.equal(answer.headers[name], undefined, name);
      assert.equal(answer.headers['x-kept'], '1');
    });

    test('connections are kept alive both ways', async () => {
      const instancePorts = new Set<number | undefined>();
      await fixture.single((request, response) => {
        instancePorts.add(request.socket.remotePort);
        response.end();
      });
      const one = 'GET / HTTP/1.1\r\nHost: svc.localhost\r\n\r\n';
      const socket = connect(fixture.port, '127.0.0.1');
      let received = '';
      socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
      for (let answers = 1; answers <= 3; answers += 1) {
        socket.write(one);
        await until(() => received.split('HTTP/1.1 200').length - 1 === answers);
      }
      socket.destroy();
      assert.equal(instancePorts.size, 1);
    });

    for (const framing of ['content-length', 'chunked'] as const) {
      test(`10 MB go both ways whole, framed by ${framing}`, async () => {
        const up = randomBytes(10 * 1024 * 1024);
        const down = randomBytes(10 * 1024 * 1024);
        await fixture.single((request, response) => {
          const hash = createHash('sha256');
          request.on('data', (chunk: Buffer) => hash.update(chunk));
          request.on('end', () => {
            const headers = { 'x-sha256': hash.digest('hex') };
            if (framing === 'chunked') response.writeHead(200, headers);
            else response.writeHead(200, { ...headers, 'content-length': down.length });
            response.end(down);
          });
        });
        const headers: Record<string, string> =
          framing === 'chunked'
            ? { 'transfer-encoding': 'chunked' }
            : { 'content-length': `${up.length}` };
        const answer = await fixture.send({ method: 'POST', headers, body: up });
        assert.equal(answer.headers['x-sha256'], sha256(up));
        assert.equal(sha256(answer.body), sha256(down));
        assert.equal(
          answer.headers['transfer-encoding'],
          framing === 'chunked' ? 'chunked' : undefined,
        );
      });
    }

    test('a stream arrives piece by piece, its head before its first piece', async () => {
      let answering: ServerResponse | null = null;
      await fixture.single((_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.flushHeaders();
        answering = response;
      });
      const received: string[] = [];
      let isHeadThere = false;
      const request = httpRequest({
        port: fixture.port,
        host: '127.0.0.1',
        headers: { host: 'svc.localhost' },
      });
      request.on('response', (response) => {
        isHeadThere = true;
        response.on('data', (chunk: Buffer) => received.push(chunk.toString()));
      });
      request.end();
      await until(() => isHeadThere);
      for (const piece of ['one', 'two', 'three']) {
        (answering as ServerResponse | null)?.write(piece);
        await until(() => received.at(-1) === piece);
      }
      assert.deepEqual(received, ['one', 'two', 'three']);
      request.destroy();
    });

    test('a caller that does not read stops the instance from sending', async () => {
      let sentBytes = 0;
      let isStuck = false;
      await fixture.single((_request, response) => {
        const piece = Buffer.alloc(1024 * 1024);
        const more = () => {
          while (sentBytes < 200 * piece.length) {
            sentBytes += piece.length;
            if (!response.write(piece)) {
              isStuck = true;
              response.once('drain', () => {
                isStuck = false;
                more();
              });
              return;
            }
          }
          response.end();
        };
        more();
      });
      const socket = connect(fixture.port, '127.0.0.1');
      socket.write('GET / HTTP/1.1\r\nHost: svc.localhost\r\n\r\n');
      socket.pause();
      let before = -1;
      await until(async () => {
        const wasSame = isStuck && before === sentBytes;
        before = sentBytes;
        await new Promise((resolve) => setTimeout(resolve, 100));
        return wasSame;
      });
      assert.ok(sentBytes < 60 * 1024 * 1024, `${sentBytes} bytes were taken`);
      socket.destroy();
    });

    for (const [status, method, bodyAllowed] of [
      [204, 'GET', false],
      [304, 'GET', false],
      [200, 'HEAD', false],
      [200, 'GET', true],
    ] as const) {
      test(`${method} answered ${status} has ${bodyAllowed ? 'a' : 'no'} body and leaves the connection usable`, async () => {
        await fixture.single((_request, response) => {
          const length = status === 204 ? {} : { 'content-length': '5' };
          response.writeHead(status, { ...length, etag: '"x"' });
          response.end(bodyAllowed ? 'hello' : undefined);
        });
        const one = `${method} / HTTP/1.1\r\nHost: svc.localhost\r\n\r\n`;
        const received = await fixture.raw(one.repeat(2), (text) => {
          const heads = text.split(`HTTP/1.1 ${status}`);
          return (
            heads.length === 3 &&
            (heads[2] ?? '').includes(bodyAllowed ? '\r\n\r\nhello' : '\r\n\r\n')
          );
        });
        assert.equal(received.split(`HTTP/1.1 ${status}`).length - 1, 2);
        assert.equal(received.includes('hello'), bodyAllowed);
        if (status !== 204) assert.match(received, /content-length: 5/i);
      });
    }

    test('pipelined requests are answered in order', async () => {
      await fixture.single((request, response) => {
        setTimeout(() => response.end(`[${request.url}]`), request.url === '/1' ? 50 : 0);
      });
      const bytes = [1, 2, 3]
        .map((n) => `GET /${n} HTTP/1.1\r\nHost: svc.localhost\r\n\r\n`)
        .join('');
      const received = await fixture.raw(bytes, (text) => text.includes('[/3]'));
      assert.deepEqual(received.match(/\[\/\d\]/g), ['[/1]', '[/2]', '[/3]']);
    });

    test('Expect: 100-continue is answered when the instance takes the body', async () => {
      await fixture.single((request, response) => void request.pipe(response));
      const head =
        'POST / HTTP/1.1\r\nHost: svc.localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n';
      const socket = connect(fixture.port, '127.0.0.1');
      let received = '';
      socket.on('data', (chunk) => (received += chunk.toString()));
      socket.write(head);
      await until(() => received.startsWith('HTTP/1.1 100 Continue\r\n\r\n'));
      socket.write('hi');
      await until(() => received.includes('HTTP/1.1 200') && received.includes('hi'));
      socket.destroy();
    });

    test('Expect: 100-continue to an unknown host gets 404 and no 100', async () => {
      const head =
        'POST / HTTP/1.1\r\nHost: nobody\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n';
      const received = await fixture.raw(head, (text) => text.includes('unknown-host'));
      assert.match(received, /^HTTP\/1\.1 404/);
    });

    test('HTTP/1.0 gets an unchunked answer and a closed connection', async () => {
      await fixture.single((_request, response) => {
        response.write('a');
        response.end('b');
      });
      const received = await fixture.raw('GET / HTTP/1.0\r\nHost: svc.localhost\r\n\r\n');
      assert.match(received, /^HTTP\/1\.1 200/);
      assert.ok(received.endsWith('\r\n\r\nab'));
    });

    test('an absolute target names the host', async () => {
      await fixture.single((request, response) =>
        response.end(`${request.headers.host} ${request.url}`),
      );
      const received = await fixture.raw(
        'GET http://svc.localhost/a?b HTTP/1.1\r\nHost: svc.localhost\r\nConnection: close\r\n\r\n',
      );
      assert.match(received, /svc\.localhost \/a\?b/);
    });

    test('an absolute target and another Host: the target decides, or the fast engine refuses', async () => {
      await fixture.single((request, response) => response.end(request.headers.host));
      const received = await fixture.raw(
        'GET http://svc.localhost/ HTTP/1.1\r\nHost: nobody\r\nConnection: close\r\n\r\n',
      );
      assert.match(received, engine === 'fast' ? /^HTTP\/1\.1 400/ : /svc\.localhost$/);
    });
  });
}
