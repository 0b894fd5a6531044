import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { connect, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { engines, GatewayFixture, until } from './gateway-fixture.ts';

const sha256 = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex');

/** Says what it was sent: path, length and digest of the body, trailers. */
const echoing: RequestListener = (request, response) => {
  const hash = createHash('sha256');
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    hash.update(chunk);
  });
  request.on('end', () => {
    const { url, trailers } = request;
    response.end(`${url} ${bytes} ${hash.digest('hex')} ${JSON.stringify(trailers)};`);
  });
};

async function opened({ port }: GatewayFixture): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

async function residentMb(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1]) / 1024;
}

for (const engine of engines) {
  describe(`engine ${engine}`, () => {
    let fixture: GatewayFixture;
    before(async () => {
      fixture = await GatewayFixture.start(engine);
    });
    after(() => fixture[Symbol.asyncDispose]());

    test('a request that comes octet by octet is one request', async () => {
      await fixture.single(echoing);
      const socket = await opened(fixture);
      let received = '';
      socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
      const chunked = 'transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n';
      const text = `POST /drip HTTP/1.1\r\nHost: svc.localhost\r\n${chunked}`.repeat(2);
      for (const octet of text) {
        socket.write(octet);
        await new Promise((resolve) => setImmediate(resolve));
      }
      const want = `/drip 5 ${sha256('abcde')} {};`;
      await until(() => received.split(want).length === 3);
      socket.destroy();
    });

    test('a hundred pipelined requests with bodies are answered in order', async () => {
      await fixture.single(echoing);
      const socket = await opened(fixture);
      let received = '';
      socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
      const bodies = Array.from({ length: 100 }, (_, index) => 'x'.repeat(index * 37));
      const requests = bodies.map((body, index) => {
        const head = `POST /${index} HTTP/1.1\r\nHost: svc.localhost\r\n`;
        return index % 2 === 0
          ? `${head}content-length: ${body.length}\r\n\r\n${body}`
          : `${head}transfer-encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
      });
      socket.write(requests.join(''));
      await until(() => received.includes('/99 '));
      const answers = received.match(/\/\d+ \d+ [0-9a-f]{64}/g);
      const want = bodies.map((body, index) => `/${index} ${body.length} ${sha256(body)}`);
      assert.deepEqual(answers, want);
      socket.destroy();
    });

    test('who sends a body that nobody reads is stopped', async () => {
      await fixture.single(() => {}, { requestTimeoutMs: 60_000 });
      const socket = await opened(fixture);
      socket.write('POST / HTTP/1.1\r\nHost: svc.localhost\r\ncontent-length: 1000000000\r\n\r\n');
      let isFull = false;
      while (!isFull) {
        isFull = await new Promise<boolean>((resolve) => {
          const timer = setTimeout(() => resolve(true), 300);
          if (!socket.write(Buffer.alloc(1024 * 1024))) {
            socket.once('drain', () => {
              clearTimeout(timer);
              resolve(false);
            });
          }
        });
        assert.ok(socket.bytesWritten < 100_000_000, 'it was not stopped');
      }
      socket.destroy();
    });

    test('bodies of 10 MB both ways, of either framing, are whole while weights change every 50 ms', async () => {
      const listener: RequestListener = (request, response) => {
        if (request.url === '/chunked') response.flushHeaders();
        else response.setHeader('content-length', request.headers['content-length'] ?? 0);
        request.pipe(response);
      };
      const r1 = await fixture.instance(listener, 'r1');
      const r2 = await fixture.instance(listener, 'r2');
      const over = new AbortController();
      let changes = 0;
      const changing = (async () => {
        while (!over.signal.aborted) {
          const weightPercent = changes % 2 === 0 ? 50 : 0.1;
          await fixture.route([
            { revisionId: 'r1', weightPercent: 100 - weightPercent, endpoints: [r1] },
            { revisionId: 'r2', weightPercent, endpoints: [r2] },
          ]);
          changes += 1;
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      })();
      await until(() => changes > 0);
      const seen = new Set<string>();
      const one = async (path: string) => {
        const body = randomBytes(10 * 1024 * 1024);
        const headers: Record<string, string> =
          path === '/chunked'
            ? { 'transfer-encoding': 'chunked' }
            : { 'content-length': `${body.length}` };
        const answer = await fixture.send({ method: 'POST', path, headers, body });
        assert.equal(answer.status, 200);
        assert.equal(sha256(answer.body), sha256(body));
        seen.add(String(answer.headers['x-tidegate-revision']));
      };
      // Which of them a request goes to is drawn: more rounds until both have had one, as few may be over in one weight's time.
      const isDone = (round: number) => round >= 4 && changes > 5 && seen.size === 2;
      for (let round = 0; round < 100 && !isDone(round); round += 1) {
        await Promise.all(['/chunked', '/length', '/chunked', '/length'].map(one));
      }
      over.abort();
      await changing;
      assert.ok(changes > 5, `${changes} changes`);
      assert.deepEqual(seen, new Set(['r1', 'r2']));
    });
  });
}

test('trailers go both ways, without those that frame or authorize', async () => {
  await using fixture = await GatewayFixture.start('fast');
  await fixture.single((request, response) => {
    request.resume();
    request.on('end', () => {
      response.writeHead(200, { trailer: 'x-checksum' });
      response.write(JSON.stringify(request.trailers));
      response.addTrailers({ 'x-checksum': 'abc', authorization: 'secret' });
      response.end();
    });
  });
  const head =
    'POST / HTTP/1.1\r\nHost: svc.localhost\r\nTE: trailers\r\nConnection: close, te\r\n';
  const body =
    'transfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nx-mine: 1\r\nauthorization: x\r\n\r\n';
  const received = await fixture.raw(`${head}${body}`);
  assert.match(received, /\{"x-mine":"1"\}/);
  assert.match(received, /\r\n0\r\nx-checksum: abc\r\n\r\n$/);
});

// node:http has all pipelined requests answered at once, so the other engine grows with them.
test('who sends requests and reads no answers is not given memory without end', async () => {
  await using fixture = await GatewayFixture.start('fast');
  const body = Buffer.alloc(256 * 1024);
  await fixture.single((_request, response) => response.end(body));
  const before = await residentMb(fixture.process.file.pid);
  const sockets = await Promise.all(Array.from({ length: 20 }, () => opened(fixture)));
  for (const socket of sockets) {
    socket.pause();
    socket.write('GET / HTTP/1.1\r\nHost: svc.localhost\r\n\r\n'.repeat(1000));
  }
  let last = -1;
  await until(async () => {
    const now = await residentMb(fixture.process.file.pid);
    const isSettled = Math.abs(now - last) < 1;
    last = now;
    await new Promise((resolve) => setTimeout(resolve, 200));
    return isSettled;
  });
  // 20 x 1000 x 256 KB would be 5 GB.
  assert.ok(last - before < 120, `grew from ${before} to ${last} MB`);
  for (const socket of sockets) socket.destroy();
});
