import assert from 'node:assert/strict';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { Endpoint } from '../../domain/traffic/routing/route-table.ts';
import type { EngineKind } from './engine-kind.ts';
import { engines, GatewayFixture, until } from './gateway-fixture.ts';

/** What an instance does when a request's head is there; it is called for each piece that comes. */
type Behaviour = (socket: Socket, request: string) => void;

/** Behind a piece of an answer, when the caller has it: no sooner, and it may be lost; no later, as nobody waits for luck. */
const resets = (socket: Socket): void => void socket.resetAndDestroy();

const answer = (body: string, headers = '') =>
  `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n${headers}\r\n${body}`;

interface Row {
  readonly instance: string;
  readonly does: Behaviour;
  /** Done when the caller has `hello`. */
  readonly doesThen?: (socket: Socket) => void;
  /** What the caller's connection brings until it is closed or has been silent for a while. */
  readonly caller: RegExp;
  /** Status class the request is counted by; null: not at all. */
  readonly counted: number | null;
  readonly only?: EngineKind;
}

const failed = 5;

const rows: readonly Row[] = [
  {
    instance: 'answers',
    does: (socket) => socket.write(answer('hello')),
    caller: /^HTTP\/1\.1 200 OK[^]*hello$/,
    counted: 1,
  },
  {
    instance: 'resets at once',
    does: (socket) => socket.resetAndDestroy(),
    caller: /^HTTP\/1\.1 502 [^]*"reason":"reset"/,
    counted: failed,
  },
  {
    instance: 'closes without an answer',
    does: (socket) => socket.end(),
    caller: /^HTTP\/1\.1 502 [^]*"reason":"reset"/,
    counted: failed,
  },
  {
    instance: 'says nothing',
    does: () => {},
    caller: /^HTTP\/1\.1 504 [^]*"reason":"timeout"/,
    counted: failed,
  },
  {
    instance: 'stalls within its head',
    does: (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-le'),
    caller: /^HTTP\/1\.1 504 [^]*"reason":"timeout"/,
    counted: failed,
  },
  {
    instance: 'closes within its head',
    does: (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-le'),
    caller: /^HTTP\/1\.1 502 [^]*"reason":"reset"/,
    counted: failed,
  },
  {
    instance: 'closes within a body of known length',
    does: (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello'),
    caller: /^HTTP\/1\.1 (?:200 OK[^]*content-length: 10\r\n[^]*hello|502[^]*)$|^$/,
    counted: failed,
  },
  {
    instance: 'resets within a chunked body',
    does: (socket) =>
      socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n'),
    doesThen: resets,
    // No last chunk: the caller sees that it is not whole.
    caller: /^HTTP\/1\.1 200 OK[^]*5\r\nhello\r\n$/,
    counted: failed,
  },
  {
    instance: 'ends an answer of unknown length by closing',
    does: (socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nhello'),
    caller: /^HTTP\/1\.1 200 OK[^]*5\r\nhello\r\n0\r\n\r\n$/,
    counted: 1,
  },
  {
    instance: 'ends an answer of unknown length by a reset',
    does: (socket) => socket.write('HTTP/1.1 200 OK\r\n\r\nhello'),
    doesThen: resets,
    caller: /^HTTP\/1\.1 200 OK[^]*5\r\nhello\r\n$/,
    counted: failed,
    // undici takes the reset for the end.
    only: 'fast',
  },
  {
    instance: 'half-closes behind its answer',
    does: (socket) => socket.end(answer('hello')),
    caller: /^HTTP\/1\.1 200 OK[^]*hello$/,
    counted: 1,
  },
  {
    instance: 'says less than it sends',
    does: (socket) => socket.write(`${answer('hello')}HTTP/1.1 200 OK\r\n\r\nforged`),
    caller: /^HTTP\/1\.1 200 OK(?:(?!forged)[^])*hello$/,
    counted: 1,
  },
  {
    instance: 'answers HEAD with a body',
    does: (socket, request) => {
      if (request.startsWith('HEAD')) socket.write(answer('hello'));
      else socket.write(answer('second'));
    },
    caller: /^HTTP\/1\.1 200 OK(?:(?!hello)[^])*$/,
    counted: 1,
  },
  {
    instance: 'sends length and chunked',
    does: (socket) => {
      socket.write(
        'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
      );
    },
    caller: /^HTTP\/1\.1 502 /,
    counted: failed,
    only: 'fast',
  },
  {
    instance: 'sends two lengths',
    does: (socket) =>
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello'),
    caller: /^HTTP\/1\.1 502 /,
    counted: failed,
    only: 'fast',
  },
  {
    instance: 'sends a chunk size that is none',
    does: (socket) =>
      socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n'),
    caller: /^HTTP\/1\.1 502 /,
    counted: failed,
    only: 'fast',
  },
  {
    instance: 'folds a header',
    does: (socket) => socket.write('HTTP/1.1 200 OK\r\na: b\r\n c\r\ncontent-length: 0\r\n\r\n'),
    caller: /^HTTP\/1\.1 502 /,
    counted: failed,
    only: 'fast',
  },
  {
    instance: 'switches protocols unasked',
    does: (socket) =>
      socket.write('HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
    caller: /^HTTP\/1\.1 502 /,
    counted: failed,
  },
  {
    instance: 'sends 1xx without end',
    does: (socket) => socket.write('HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n'.repeat(40)),
    caller: /^(?:HTTP\/1\.1 103 [^]*)?HTTP\/1\.1 502 /,
    counted: failed,
    only: 'fast',
  },
  {
    instance: 'sends early hints that close the connection, and its answer behind them',
    does: (socket) =>
      socket.write(`HTTP/1.1 103 Early Hints\r\nconnection: close\r\n\r\n${answer('hello')}`),
    caller: /^HTTP\/1\.1 502 /,
    counted: failed,
    only: 'fast',
  },
  {
    instance: 'sends early hints',
    does: (socket) => socket.write(`HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n${answer('hello')}`),
    caller: /^HTTP\/1\.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP\/1\.1 200 OK[^]*hello$/,
    counted: 1,
    only: 'fast',
  },
];

for (const engine of engines) {
  describe(`engine ${engine}`, () => {
    let fixture: GatewayFixture;
    const servers: Server[] = [];
    before(async () => {
      fixture = await GatewayFixture.start(engine);
    });
    after(async () => {
      for (const server of servers) server.close();
      await fixture[Symbol.asyncDispose]();
    });

    async function instance(instanceId: string, does: Behaviour): Promise<Endpoint> {
      const server = createServer({ allowHalfOpen: true }, (socket) => {
        socket.on('error', () => {});
        socket.on('end', () => socket.end());
        socket.on('data', (bytes) => does(socket, bytes.toString('latin1')));
      });
      servers.push(server);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return { instanceId, host: '127.0.0.1', port: (server.address() as AddressInfo).port };
    }

    for (const [index, row] of rows.entries()) {
      if (row.only !== undefined && row.only !== engine) continue;
      test(`the caller of an instance that ${row.instance} sees what is so`, async () => {
        const revisionId = `r${index}`;
        let connection: Socket | null = null;
        const endpoint = await instance(revisionId, (socket, request) => {
          connection = socket;
          row.does(socket, request);
        });
        const isLate = row.caller.source.includes('504');
        const backends = [{ revisionId, weightPercent: 100, endpoints: [endpoint] }];
        await fixture.route(backends, isLate ? { requestTimeoutMs: 1000 } : {});
        const method = row.instance.includes('HEAD') ? 'HEAD' : 'GET';
        const request = `${method} / HTTP/1.1\r\nHost: svc.localhost\r\nConnection: close\r\n\r\n`;
        let isDone = false;
        const received = await fixture.raw(request, (text) => {
          if (!isDone && connection !== null && text.includes('hello')) {
            isDone = true;
            row.doesThen?.(connection);
          }
          return false;
        });
        assert.match(received, row.caller);
        await until(() => fixture.requests(revisionId) === 1);
        const want = [0, 0, 0, 0, 0, 0];
        if (row.counted !== null) want[row.counted] = 1;
        assert.deepEqual(fixture.counted(revisionId), want);
      });
    }

    test('bytes that an instance sends unasked reach nobody', async () => {
      let requests = 0;
      let closed = 0;
      const endpoint = await instance('babbles', (socket) => {
        requests += 1;
        socket.on('close', () => (closed += 1));
        socket.write(answer(`answer ${requests}`), () =>
          setTimeout(() => socket.write(answer('forged')), 10),
        );
      });
      await fixture.route([{ revisionId: 'babbles', weightPercent: 100, endpoints: [endpoint] }]);
      for (let sent = 1; sent <= 3; sent += 1) {
        const { body } = await fixture.send();
        assert.equal(body.toString(), `answer ${sent}`);
        // Not before the gateway has heard it: an answer that overtakes a request is one.
        await until(() => closed === sent);
      }
    });
  });
}

test('a dead instance costs its revision evidence and its callers nothing while another one lives', async () => {
  await using fixture = await GatewayFixture.start('fast');
  const alive = await fixture.instance((_request, response) => response.end('alive'), 'alive');
  const dead = { instanceId: 'dead-0', host: '127.0.0.1', port: 1 };
  await fixture.route([{ revisionId: 'half', weightPercent: 100, endpoints: [dead, alive] }]);
  for (let sent = 0; sent < 10; sent += 1) {
    const { status, body } = await fixture.send({ method: 'POST', body: 'x' });
    assert.deepEqual([status, body.toString()], [200, 'alive']);
  }
  await until(() => fixture.requests('half') === 10);
  assert.deepEqual(fixture.counted('half'), [0, 5, 0, 0, 0, 5]);
});

test('a GET on a kept connection that the instance closes is tried again, a POST is not', async () => {
  await using fixture = await GatewayFixture.start('fast');
  let idleMs = Infinity;
  // After half a second of idleness a close is nobody's fault, so one that a busy machine made so long shows nothing.
  for (let trial = 1; idleMs > 400; trial += 1) {
    assert.ok(trial <= 20, 'the machine is too busy for this');
    idleMs = await closedWhenKept(fixture, `once-${trial}`);
  }
});

/** How long the longest of its connections was idle before it was used again. */
async function closedWhenKept(fixture: GatewayFixture, revisionId: string): Promise<number> {
  const answeredMs = new Map<Socket, number>();
  let idleMs = 0;
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', () => {
      const nowMs = performance.now();
      const sinceMs = answeredMs.get(socket);
      answeredMs.set(socket, nowMs);
      if (sinceMs === undefined) socket.write(answer('first'));
      else {
        idleMs = Math.max(idleMs, nowMs - sinceMs);
        socket.destroy();
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const endpoint = { instanceId: revisionId, host: '127.0.0.1', port };
  await fixture.route([{ revisionId, weightPercent: 100, endpoints: [endpoint] }]);
  const statuses: number[] = [];
  for (const method of ['GET', 'GET', 'POST']) {
    statuses.push((await fixture.send({ method })).status);
  }
  assert.deepEqual(statuses, [200, 200, 502]);
  await until(() => fixture.requests(revisionId) === 3);
  server.close();
  // Closed when it had hardly been idle, it is a failure of the instance, although the caller saw none.
  if (idleMs <= 400) assert.deepEqual(fixture.counted(revisionId), [0, 1, 0, 0, 0, 2]);
  return idleMs;
}
