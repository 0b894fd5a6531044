import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { EngineFixture } from '../fast/engine.fixture.ts';
import { until } from '../gateway-fixture.ts';
import { SpanRecorder } from './span-recorder.ts';

/** A reader of protobuf that knows no message: fields by number, length-delimited ones as bytes. */
function fieldsOf(bytes: Buffer): Map<number, (Buffer | bigint)[]> {
  const fields = new Map<number, (Buffer | bigint)[]>();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const octet = bytes[at] ?? 0;
      at += 1;
      value |= BigInt(octet & 127) << shift;
      if (octet < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    let value: Buffer | bigint;
    if (tag % 8 === 0) value = varint();
    else if (tag % 8 === 1) {
      value = bytes.readBigUInt64LE(at);
      at += 8;
    } else {
      assert.equal(tag % 8, 2, 'a wire type that is not used here');
      const length = Number(varint());
      value = bytes.subarray(at, at + length);
      at += length;
    }
    const number = Math.floor(tag / 8);
    fields.set(number, [...(fields.get(number) ?? []), value]);
  }
  assert.equal(at, bytes.length);
  return fields;
}

function all(bytes: Buffer, ...path: readonly number[]): readonly Buffer[] {
  let found: readonly Buffer[] = [bytes];
  for (const number of path) {
    found = found.flatMap((each) => (fieldsOf(each).get(number) ?? []) as Buffer[]);
  }
  return found;
}

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string | null;
  readonly name: string;
  readonly startMs: number;
  readonly durationMs: number;
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly isError: boolean;
}

function spanOf(bytes: Buffer): Span {
  const fields = fieldsOf(bytes);
  const octets = (number: number) => fields.get(number)?.[0] as Buffer | undefined;
  const nanos = (number: number) => Number(fields.get(number)?.[0]);
  const attributes = all(bytes, 9).map((each) => {
    const [key] = all(each, 1);
    const [value] = all(each, 2);
    const inner = value === undefined ? new Map() : fieldsOf(value);
    return [String(key), inner.has(1) ? String(inner.get(1)?.[0]) : Number(inner.get(3)?.[0])];
  });
  assert.equal(fields.get(6)?.[0], 2n);
  return {
    traceId: octets(1)?.toString('hex') ?? '',
    spanId: octets(2)?.toString('hex') ?? '',
    parentId: octets(4)?.toString('hex') ?? null,
    name: String(octets(5)),
    startMs: nanos(7) / 1e6,
    durationMs: (nanos(8) - nanos(7)) / 1e6,
    attributes: Object.fromEntries(attributes) as Span['attributes'],
    isError: fields.has(15),
  };
}

class Collector implements AsyncDisposable {
  readonly spans: Span[] = [];
  readonly #server: Server;

  /** Refuses the first so many with 503. */
  static async start(refusals = 0): Promise<Collector> {
    const collector = new Collector(refusals);
    collector.#server.listen(0, '127.0.0.1');
    await once(collector.#server, 'listening');
    return collector;
  }

  private constructor(refusals: number) {
    let refusalsLeft = refusals;
    this.#server = createServer((request: IncomingMessage, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        if (refusalsLeft > 0) {
          refusalsLeft -= 1;
          response.writeHead(503).end();
          return;
        }
        // The request, ResourceSpans, ScopeSpans, Span.
        this.spans.push(...all(Buffer.concat(chunks), 1, 2, 2).map(spanOf));
        response.end();
      });
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1/traces`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

/** Answers with the traceparent it got, or, when asked for it, not at all. */
function serve(socket: Socket): void {
  socket.on('error', () => {});
  socket.on('data', (bytes) => {
    const request = bytes.toString('latin1');
    if (request.includes(' /dead ')) {
      socket.destroy();
      return;
    }
    const trace = /\r\ntraceparent: (.*)\r\n/.exec(request)?.[1] ?? 'none';
    const status = request.includes(' /bad ') ? '500 Bad' : '200 OK';
    socket.write(`HTTP/1.1 ${status}\r\ncontent-length: ${trace.length}\r\n\r\n${trace}`);
  });
}

async function ask(
  fixture: EngineFixture,
  path: string,
  traceparent: string | null,
): Promise<string> {
  const socket = await fixture.connect();
  let received = '';
  socket.on('data', (bytes) => (received += bytes.toString('latin1')));
  const trace = traceparent === null ? '' : `traceparent: ${traceparent}\r\n`;
  socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${trace}\r\n`);
  await once(socket, 'close');
  return received.slice(received.indexOf('\r\n\r\n') + 4);
}

const traceId = '0af7651916cd43dd8448eb211c80319c';
const parentId = 'b7ad6b7169203331';

test('every request is a span of the trace it came with, and the instance is its child', async () => {
  await using collector = await Collector.start();
  const spans = new SpanRecorder(collector.url, assert.fail);
  await using fixture = await EngineFixture.start(['a'], serve, { spans });
  const before = Date.now();
  const continued = await ask(fixture, '/', `00-${traceId}-${parentId}-01`);
  const begun = await ask(fixture, '/', null);
  const malformed = await ask(fixture, '/', `00-${'0'.repeat(32)}-${parentId}-01`);
  const unsampled = await ask(fixture, '/', `00-${traceId}-${parentId}-00`);
  await ask(fixture, '/bad', null);
  await ask(fixture, '/dead', null);
  await until(() => collector.spans.length === 5);
  assert.equal(unsampled, `00-${traceId}-${parentId}-00`);
  const [first, second, third, bad, dead] = collector.spans;
  assert.equal(continued, `00-${traceId}-${first?.spanId}-01`);
  assert.deepEqual([first?.traceId, first?.parentId], [traceId, parentId]);
  assert.equal(begun, `00-${second?.traceId}-${second?.spanId}-01`);
  assert.equal(second?.parentId, null);
  assert.equal(malformed, `00-${third?.traceId}-${third?.spanId}-01`);
  assert.notEqual(third?.traceId, second?.traceId);
  assert.deepEqual(first?.attributes, {
    'http.request.method': 'GET',
    'tidegate.service': 'svc',
    'tidegate.revision': 'r1',
    'tidegate.instance': 'i-1',
    'http.response.status_code': 200,
  });
  assert.equal(first?.name, 'GET svc');
  assert.ok(first.startMs >= before - 10_000 && first.startMs <= Date.now() + 10_000);
  assert.ok(first.durationMs > 0 && first.durationMs < 60_000);
  assert.equal(first.isError, false);
  assert.deepEqual([bad?.isError, bad?.attributes['http.response.status_code']], [true, 500]);
  assert.deepEqual([dead?.isError, dead?.attributes['error.type']], [true, 'reset']);
  assert.equal(dead?.attributes['http.response.status_code'], 502);
});

test('a request with a fault that was injected on purpose says so', async () => {
  await using collector = await Collector.start();
  const spans = new SpanRecorder(collector.url, assert.fail);
  await using fixture = await EngineFixture.start(['a'], serve, { spans });
  await ask(fixture, '/', null);
  const fault = { id: 'drill-1', untilMs: Date.now() + 600_000, matches: [] };
  const abort = { percent: 100, with: 503 };
  fixture.reroute((route) => ({ ...route, faults: [{ ...fault, abort }] }));
  await ask(fixture, '/', null);
  const delay = { percent: 100, fixedDelayMs: 5 };
  fixture.reroute((route) => ({ ...route, faults: [{ ...fault, id: 'drill-2', delay }] }));
  await ask(fixture, '/', null);
  await until(() => collector.spans.length === 3, 60_000);
  assert.deepEqual(
    collector.spans.map(({ attributes }) => [
      attributes['http.response.status_code'],
      attributes['error.type'],
      attributes['tidegate.fault'],
    ]),
    [
      [200, undefined, undefined],
      [503, 'fault-injected', 'drill-1'],
      [200, undefined, 'drill-2'],
    ],
  );
});

test('a request that authorization would refuse says so, and by which rule', async () => {
  await using collector = await Collector.start();
  const spans = new SpanRecorder(collector.url, assert.fail);
  await using fixture = await EngineFixture.start(['a'], serve, { spans });
  const authorized = (action: 'ALLOW' | 'DENY', path: string): void => {
    const to = [{ methods: [], paths: [path] }];
    const rules = [{ name: 'r', action, from: [], to, when: [] }];
    const authorization = { mode: 'audit', rules } as const;
    fixture.reroute((route) => ({ ...route, policy: { authorization } }));
  };
  authorized('ALLOW', '*');
  await ask(fixture, '/', null);
  authorized('ALLOW', '/other');
  await ask(fixture, '/', null);
  authorized('DENY', '*');
  await ask(fixture, '/', null);
  await until(() => collector.spans.length === 3, 60_000);
  assert.deepEqual(
    collector.spans.map(({ attributes }) => [
      attributes['http.response.status_code'],
      attributes['tidegate.authorization.mode'],
      attributes['tidegate.authorization.rule'],
    ]),
    [
      [200, undefined, undefined],
      [200, 'audit', undefined],
      [200, 'audit', 'r'],
    ],
  );
});

test('spans of more than one block all arrive, once each', async () => {
  await using collector = await Collector.start();
  // A collector on a machine that is busy with other tests answers late, and is not away.
  const spans = new SpanRecorder(collector.url, assert.fail, 50_000);
  await using fixture = await EngineFixture.start(['a'], serve, { spans });
  const socket = await fixture.connect();
  let answers = 0;
  socket.on('data', (bytes) => (answers += bytes.toString('latin1').split('HTTP/1.1').length - 1));
  const requests = 3000;
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(requests));
  await until(() => answers === requests);
  await until(() => spans.counts.exported === requests);
  assert.equal(collector.spans.length, requests);
  assert.equal(new Set(collector.spans.map(({ spanId }) => spanId)).size, requests);
  assert.deepEqual(spans.counts, { exported: requests, lost: 0, dropped: 0 });
});

test('a collector that is away costs spans, which are counted, and no request', async () => {
  const spans = new SpanRecorder('http://127.0.0.1:1/v1/traces', assert.fail);
  await using fixture = await EngineFixture.start(['a'], serve, { spans });
  for (let sent = 0; sent < 3; sent += 1) {
    assert.match(await ask(fixture, '/', null), /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  }
  await until(() => spans.counts.lost === 3);
});

const troubles: readonly (readonly [
  name: string,
  attempts: number,
  serve: (socket: Socket) => void,
  /** Absent: the usual time, in which a collector that answers has answered. */
  timeoutMs?: number,
])[] = [
  ['cannot take them', 4, (socket) => answerEach(socket, '503 Unavailable')],
  ['does not want them', 1, (socket) => answerEach(socket, '400 Bad')],
  ['hangs up', 4, (socket) => socket.once('data', () => socket.destroy())],
  ['says nothing', 4, (socket) => socket.resume(), 500],
];

function answerEach(socket: Socket, status: string): void {
  socket.on('data', (bytes) => {
    if (!isRequest(bytes)) return;
    socket.write(`HTTP/1.1 ${status}\r\ncontent-length: 0\r\n\r\n`);
  });
}

function isRequest(bytes: Buffer): boolean {
  return bytes.includes('POST / HTTP/1.1');
}

for (const [name, attempts, answer, timeoutMs] of troubles) {
  test(`a collector that ${name} is asked a bounded number of times, and callers notice nothing`, async () => {
    let asked = 0;
    const sockets = new Set<Socket>();
    const collector = createTcpServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('data', (bytes) => (asked += isRequest(bytes) ? 1 : 0));
      answer(socket);
    });
    collector.listen(0, '127.0.0.1');
    await once(collector, 'listening');
    const { port } = collector.address() as AddressInfo;
    const spans = new SpanRecorder(`http://127.0.0.1:${port}/`, assert.fail, timeoutMs);
    await using fixture = await EngineFixture.start(['a'], serve, { spans });
    assert.match(await ask(fixture, '/', null), /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    await until(() => spans.counts.lost === 1 && asked >= attempts);
    assert.equal(asked, attempts);
    // The next one is tried once, until the collector takes one again.
    await ask(fixture, '/', null);
    await until(() => spans.counts.lost === 2 && asked > attempts);
    assert.equal(asked, attempts + 1);
    assert.equal(spans.counts.exported, 0);
    for (const socket of sockets) socket.destroy();
    collector.close();
  });
}

test('spans that a collector could not take at once are there in the end, once', async () => {
  await using collector = await Collector.start(2);
  const spans = new SpanRecorder(collector.url, assert.fail);
  await using fixture = await EngineFixture.start(['a'], serve, { spans });
  await ask(fixture, '/', null);
  await until(() => spans.counts.exported === 1);
  assert.equal(collector.spans.length, 1);
  assert.equal(spans.counts.lost, 0);
});
