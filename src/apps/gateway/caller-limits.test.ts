import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { callerLimitsOf, usualCallerLimits } from './caller-limits.ts';
import { EngineFixture } from './fast/engine.fixture.ts';
import { usualDeadlines } from './fast/parts.ts';
import { engines, GatewayFixture, until } from './gateway-fixture.ts';

/** A connection that says nothing until it is asked to. */
async function open(fixture: GatewayFixture): Promise<{ socket: Socket; received: () => string }> {
  const socket = connect(fixture.port, '127.0.0.1');
  let received = '';
  socket.on('data', (bytes) => (received += bytes.toString('latin1')));
  socket.on('error', () => {});
  await once(socket, 'connect');
  return { socket, received: () => received };
}

async function refusals(fixture: GatewayFixture, reason: string): Promise<number> {
  const text = await (await fetch(`${fixture.adminUrl}/metrics`)).text();
  const line = `tidegate_gateway_refusals_total{reason="${reason}"} `;
  return Number(
    text
      .split('\n')
      .find((each) => each.startsWith(line))
      ?.slice(line.length) ?? 0,
  );
}

const get = 'GET / HTTP/1.1\r\nHost: svc.localhost\r\n\r\n';

const connectionRows = [
  { limit: 'connections=2', status: 503, reason: 'too-many-connections' },
  { limit: 'connectionsPerAddress=2', status: 429, reason: 'too-many-connections-of-caller' },
] as const;

for (const engine of engines) {
  for (const { limit, status, reason } of connectionRows) {
    test(`${limit}, ${engine}: the third connection gets ${status}, until one has ended`, async () => {
      await using fixture = await GatewayFixture.start(engine, { arguments: ['--limit', limit] });
      await fixture.single((_, response) => response.end('hello'));
      const [first, second] = [await open(fixture), await open(fixture)];
      first.socket.write(get);
      await until(() => first.received().includes('hello'));
      const third = await open(fixture);
      await until(() => third.socket.closed || third.socket.readableEnded);
      assert.match(third.received(), new RegExp(`^HTTP/1\\.1 ${status} `));
      assert.match(third.received(), /content-type: application\/problem\+json/);
      assert.match(third.received(), /\r\nretry-after: 1\r\n/);
      assert.match(third.received(), new RegExp(`"reason":"${reason}"`));
      third.socket.destroy();
      assert.equal(await refusals(fixture, reason), 1);
      second.socket.destroy();
      // That it is gone is seen a moment later.
      await until(async () =>
        (await fixture.raw(get, (got) => got.includes('hello'))).includes('200 OK'),
      );
      first.socket.write(get);
      await until(() => first.received().split('hello').length === 3);
      first.socket.destroy();
    });
  }

  test(`${engine}: a connection carries so many requests, and the last answer says so`, async () => {
    const limit = ['--limit', 'requestsPerConnection=2'];
    await using fixture = await GatewayFixture.start(engine, { arguments: limit });
    await fixture.single((_, response) => response.end('hello'));
    const { socket, received } = await open(fixture);
    socket.write(get);
    await until(() => received().includes('hello'));
    assert.ok(!/connection: close/i.test(received()));
    socket.write(get);
    await once(socket, 'close');
    assert.equal(received().split('200 OK').length, 3);
    assert.match(received(), /connection: close/i);
  });

  test(`${engine}: a body over the limit gets 413, and no instance has it whole`, async () => {
    const limit = ['--limit', 'requestBodyBytes=10'];
    await using fixture = await GatewayFixture.start(engine, { arguments: limit });
    const whole: string[] = [];
    await fixture.single((request, response) => {
      let body = '';
      request.on('data', (chunk) => (body += String(chunk)));
      request.on('error', () => {});
      request.on('end', () => {
        whole.push(body);
        response.end();
      });
    });
    const rows = [
      ['content-length', 10, 200],
      ['chunked', 10, 200],
      ['content-length', 11, 413],
      ['chunked', 11, 413],
    ] as const;
    for (const [framing, bytes, status] of rows) {
      const body = 'x'.repeat(bytes);
      const headers = framing === 'chunked' ? { 'transfer-encoding': 'chunked' } : {};
      const answer = await fixture.send({ method: 'POST', headers, body });
      assert.equal(answer.status, status, `${framing} ${bytes}`);
      if (status === 413) assert.match(answer.body.toString(), /"reason":"body-too-large"/);
    }
    assert.deepEqual(whole, ['x'.repeat(10), 'x'.repeat(10)]);
    assert.equal(await refusals(fixture, 'body-too-large'), 2);
    // It was the caller's fault, so it says nothing about the instance.
    await until(() => fixture.counted('r1')[1] === 2);
    assert.deepEqual(fixture.counted('r1'), [0, 2, 0, 0, 0, 0]);
  });
}

test('compat: a head that drips and does not end gets 408, as the fast engine gives it', async () => {
  await using fixture = await GatewayFixture.start('compat');
  const { socket, received } = await open(fixture);
  socket.write('GET / HTTP/1.1\r\nHost: svc.localhost\r\nX: ');
  const dripping = setInterval(() => socket.write('x'), 200);
  await until(() => socket.closed || socket.readableEnded);
  clearInterval(dripping);
  assert.match(received(), /^HTTP\/1\.1 408 /);
  socket.destroy();
});

test('a caller that takes nothing of its answer is let go, and the instance is not to blame', async () => {
  const deadlines = { ...usualDeadlines, takeMs: 300 };
  const serve = (socket: Socket): void => {
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n');
      const send = (): void => {
        while (socket.writable && socket.write('x'.repeat(65_536))) continue;
      };
      socket.on('drain', send);
      send();
    });
  };
  await using fixture = await EngineFixture.start(['a'], serve, { deadlines });
  const caller = await fixture.connect();
  caller.pause();
  caller.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  const isUnderWay = (): boolean => fixture.counters.all().some(({ underWay }) => underWay === 1);
  await until(isUnderWay);
  await until(() => !isUnderWay());
  const [counter] = fixture.counters.all();
  assert.deepEqual([...(counter?.byStatusClass ?? [])], [0, 0, 0, 0, 0, 0]);
  caller.destroy();
});

test('limits of connections are shared by the processes that serve together', () => {
  assert.deepEqual(callerLimitsOf([], 1), usualCallerLimits);
  const shared = callerLimitsOf(['connections=5', 'requestBodyBytes=0'], 0.5);
  assert.ok(typeof shared !== 'string');
  assert.deepEqual([shared.connections, shared.connectionsPerAddress], [3, 6000]);
  assert.deepEqual([shared.requestBodyBytes, shared.requestsPerConnection], [0, 100_000]);
});

for (const text of [
  'connections',
  'connections=',
  'connections=-1',
  'connections=0',
  'heads=5',
  'connections=1e3',
]) {
  test(`--limit ${text} is refused with the names there are`, () => {
    const said = callerLimitsOf([text], 1);
    assert.match(typeof said === 'string' ? said : '', new RegExp(`^--limit ${text}: must be `));
  });
}
