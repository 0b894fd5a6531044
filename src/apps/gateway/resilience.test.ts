import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import {
  type TrafficPolicy,
  usualOutlierDetection,
  usualRetries,
} from '../../domain/traffic/resilience/traffic-policy.ts';
import { engines, GatewayFixture, until } from './gateway-fixture.ts';

const dead = (instanceId: string) => ({ instanceId, host: '127.0.0.1', port: 1 });
const fine = (request: IncomingMessage, response: ServerResponse): void => {
  request.resume();
  response.end('fine');
};
const outliers: TrafficPolicy = {
  outlierDetection: { ...usualOutlierDetection, consecutiveGatewayErrors: 2 },
  retries: { ...usualRetries, attempts: 0 },
};
const limits = {
  maxConnections: null,
  maxPendingRequests: null,
  maxRequests: null,
  maxRetries: null,
};

for (const engine of engines) {
  describe(`engine ${engine}`, () => {
    let fixture: GatewayFixture;
    before(async () => {
      fixture = await GatewayFixture.start(engine);
    });
    after(() => fixture[Symbol.asyncDispose]());

    test('an ejection is told, costs the split nothing, and a revision with one instance has none', async () => {
      const one = await fixture.instance(fine, 'one');
      const two = await fixture.instance(fine, 'two');
      const name = `r-${engine}`;
      const backends = [
        { revisionId: `${name}-stable`, weightPercent: 50, endpoints: [one, dead('out')] },
        { revisionId: `${name}-new`, weightPercent: 25, endpoints: [dead('only')] },
        { revisionId: `${name}-last`, weightPercent: 25, endpoints: [two] },
      ];
      await fixture.route(backends, { policy: outliers });
      const revisions: (string | undefined)[] = [];
      for (let sent = 0; sent < 40; sent += 1) {
        const { headers } = await fixture.send();
        revisions.push(headers['x-tidegate-revision'] as string | undefined);
      }
      const requests = () => backends.map(({ revisionId }) => fixture.requests(revisionId));
      await until(() => requests().reduce((sum, count) => sum + count, 0) === 40);
      assert.deepEqual(requests(), [20, 10, 10]);
      assert.deepEqual(fixture.counted(`${name}-stable`), [0, 18, 0, 0, 0, 2]);
      assert.deepEqual(fixture.counted(`${name}-new`), [0, 0, 0, 0, 0, 10]);
      assert.deepEqual([...fixture.client.ejectedIds], ['out']);
      const counts = fixture.samples.flatMap((sample) => sample.counts);
      const told = counts.filter(({ ejections = 0 }) => ejections > 0);
      assert.deepEqual(
        told.map(({ instanceId }) => instanceId),
        ['out'],
      );
      await fixture.route(backends.slice(1, 2).map((each) => ({ ...each, weightPercent: 100 })));
      await until(() => fixture.client.ejectedIds.size === 0);
    });

    test('while revisions share a route nobody is ejected unless the service asks for it', async () => {
      const one = await fixture.instance(fine, 'one');
      const backends = [
        { revisionId: 'shared', weightPercent: 100, endpoints: [one, dead('kept')] },
        { revisionId: 'other', weightPercent: 0, endpoints: [] },
      ];
      const policy = { retries: { ...usualRetries, attempts: 0 } };
      await fixture.route(backends, { policy });
      const statuses = async (): Promise<number> => {
        let failed = 0;
        for (let sent = 0; sent < 40; sent += 1)
          failed += (await fixture.send()).status === 502 ? 1 : 0;
        return failed;
      };
      assert.equal(await statuses(), 20);
      await fixture.route(backends.slice(0, 1), { policy });
      assert.equal(await statuses(), 5);
    });

    test('a request beyond the breaker is refused at once, and takes its place when there is one', async () => {
      const waiting: ServerResponse[] = [];
      const endpoint = await fixture.instance((_request, response) => {
        waiting.push(response);
      });
      await fixture.route([{ revisionId: 'full', weightPercent: 100, endpoints: [endpoint] }], {
        policy: { circuitBreaker: { ...limits, maxRequests: 2 } },
      });
      const taken = [fixture.send(), fixture.send()];
      await until(() => waiting.length === 2);
      const { status, headers, body } = await fixture.send();
      assert.equal(status, 503);
      assert.equal(headers['x-tidegate-reason'], 'circuit-open');
      assert.equal(headers['retry-after'], '1');
      assert.equal(headers['content-type'], 'application/problem+json');
      assert.match(body.toString(), /2 requests under way/);
      for (const response of waiting.splice(0)) response.end();
      for (const { status: done } of await Promise.all(taken)) assert.equal(done, 200);
      const next = fixture.send();
      await until(() => waiting.length === 1);
      waiting[0]?.end();
      assert.equal((await next).status, 200);
    });
  });
}

test('requests wait for a connection up to the limit, also to another instance, and none is forgotten', async () => {
  await using fixture = await GatewayFixture.start('fast');
  const waiting: ServerResponse[] = [];
  let most = 0;
  const hold = (_request: IncomingMessage, response: ServerResponse): void => {
    waiting.push(response);
    most = Math.max(most, waiting.length);
  };
  const endpoints = [await fixture.instance(hold, 'a'), await fixture.instance(hold, 'b')];
  await fixture.route([{ revisionId: 'few', weightPercent: 100, endpoints }], {
    policy: { circuitBreaker: { ...limits, maxConnections: 2, maxPendingRequests: 6 } },
  });
  const sent = Array.from({ length: 12 }, async () => {
    const { status, headers } = await fixture.send();
    if (status === 503) assert.equal(headers['x-tidegate-reason'], 'circuit-open');
    return status;
  });
  const refused: number[] = [];
  for (const each of sent) void each.then((status) => refused.push(status));
  await until(() => refused.length === 4 && waiting.length === 2);
  while (refused.length < 12) {
    waiting.shift()?.end('done');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const statuses = (await Promise.all(sent)).toSorted((a, b) => a - b);
  assert.deepEqual(statuses, [...Array<number>(8).fill(200), ...Array<number>(4).fill(503)]);
  assert.equal(most, 2);
});

test('a body is sent again whole, if it is small and its length is known, and another instance answers', async () => {
  await using fixture = await GatewayFixture.start('fast');
  const bodies: string[] = [];
  const answering = (status: number) => (request: IncomingMessage, response: ServerResponse) => {
    let body = '';
    request.on('data', (bytes: Buffer) => (body += bytes.toString('latin1')));
    request.on('end', () => {
      bodies.push(body);
      response.statusCode = status;
      response.end();
    });
  };
  const endpoints = [
    await fixture.instance(answering(503), 'busy'),
    await fixture.instance(answering(200), 'well'),
  ];
  const retries = {
    ...usualRetries,
    onStatuses: [503],
    methods: 'idempotent',
    backOffMs: 1,
  } as const;
  const rows: readonly (readonly [method: string, body: string, want: number])[] = [
    ['PUT', 'small', 200],
    ['PUT', 'x'.repeat(60_000), 200],
    ['PUT', 'x'.repeat(70_000), 503],
    ['POST', 'small', 503],
  ];
  for (const [index, [method, body, want]] of rows.entries()) {
    for (const isInPieces of [false, true]) {
      // A revision of its own, so that the busy one has the first turn.
      const revisionId = `again-${index}-${isInPieces}`;
      const policy = { retries };
      await fixture.route([{ revisionId, weightPercent: 100, endpoints }], { policy });
      bodies.length = 0;
      const received = await sendBody(fixture.port, method, body, isInPieces);
      assert.match(received, new RegExp(`^HTTP/1\\.1 ${want}`), `${method} ${body.length}`);
      const seen = bodies.map((each) => each === body);
      assert.deepEqual(seen, want === 200 ? [true, true] : [true], `${method} ${body.length}`);
      await until(() => fixture.requests(revisionId) === 1);
      assert.equal(fixture.counted(revisionId)[4], 1);
    }
  }
});

/** What comes back; in pieces, head and body are two writes. */
function sendBody(
  port: number,
  method: string,
  body: string,
  isInPieces: boolean,
): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  let received = '';
  socket.on('data', (bytes) => (received += bytes.toString('latin1')));
  socket.on('error', () => {});
  socket.on('close', () => resolve(received));
  const head =
    `${method} / HTTP/1.1\r\nHost: svc.localhost\r\n` +
    `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
  if (!isInPieces) socket.write(head + body);
  else socket.write(head, () => setTimeout(() => socket.write(body), 50));
  return promise;
}

test('an instance that closes what it promised to keep has that counted, though its caller saw no failure', async () => {
  await using fixture = await GatewayFixture.start('fast');
  for (const [promise, failures] of [
    ['', 0],
    ['keep-alive: timeout=30\r\n', 1],
  ] as const) {
    const seen = new Map<object, number>();
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', () => {
        const requests = (seen.get(socket) ?? 0) + 1;
        seen.set(socket, requests);
        if (requests === 2) socket.destroy();
        else socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 2\r\n${promise}\r\nok`);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const revisionId = `keeps${failures}`;
    const endpoint = { instanceId: revisionId, host: '127.0.0.1', port };
    await fixture.route([{ revisionId, weightPercent: 100, endpoints: [endpoint] }]);
    assert.equal((await fixture.send()).status, 200);
    // The connection has to be idle for half a second.
    await new Promise((resolve) => setTimeout(resolve, 900));
    assert.equal((await fixture.send()).status, 200);
    await until(() => fixture.requests(revisionId) === 2);
    assert.equal(fixture.counted(revisionId)[5], failures, promise);
    server.close();
  }
});
