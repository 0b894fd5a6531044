/** A revision that is asleep: requests wait at the gateway until an instance is there, within bounds. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { type AddressInfo, connect, createServer } from 'node:net';
import { test } from 'node:test';
import type { Backend } from '../../../domain/traffic/routing/route-table.ts';
import type { WakeRule } from '../../../domain/traffic/wake-rule.ts';
import { type Answer, boundMs, engines, GatewayFixture, until } from '../gateway-fixture.ts';

const wake: WakeRule = { timeoutMs: 600_000, requestsMax: 100 };

const switched =
  'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n';

function asleep(rule: WakeRule = wake, weightPercent = 100): Backend {
  return { revisionId: 'r1', weightPercent, endpoints: [], wake: rule };
}

/** As the gateway has told its listener. */
function waiting(fixture: GatewayFixture): number {
  return fixture.client.underWay?.get('r1') ?? 0;
}

function assertRefused({ status, headers }: Answer, reason: string): void {
  assert.equal(status, 503);
  assert.equal(headers['x-tidegate-reason'], reason);
  assert.equal(headers['retry-after'], '1');
  assert.equal(headers['content-type'], 'application/problem+json');
}

for (const engine of engines) {
  for (const workers of [1, 2]) {
    test(`${engine}, workers ${workers}: requests wait, are told of, and all go out when an instance is there`, async () => {
      await using fixture = await GatewayFixture.start(engine, { workers });
      let told = 0;
      fixture.client.onUnderWay = () => (told += 1);
      await fixture.route([asleep()]);
      const body = Buffer.alloc(300_000, 'x');
      const sent = Array.from({ length: 20 }, (_, index) =>
        fixture.sendAnew(index % 2 === 0 ? {} : { method: 'POST', body }),
      );
      await until(() => waiting(fixture) === 20);
      assert.ok(told > 0);
      let bytes = 0;
      const endpoint = await fixture.instance((request, response) => {
        request.on('data', (chunk: Buffer) => (bytes += chunk.length));
        request.on('end', () => response.end('awake'));
      });
      await fixture.route([{ ...asleep(), endpoints: [endpoint] }]);
      for (const answer of await Promise.all(sent)) {
        assert.equal(answer.status, 200);
        assert.equal(answer.body.toString(), 'awake');
      }
      assert.equal(bytes, 10 * body.length);
      await until(() => waiting(fixture) === 0);
      await until(() => fixture.counted('r1')[1] === 20);
      assert.equal(fixture.counted('r1')[5], 0, 'who waited was not refused');
      const metrics = await (await fetch(`${fixture.adminUrl}/metrics`)).text();
      // Of each worker that had some.
      const starts = /^tidegate_gateway_cold_starts_total\{.*tidegate_service="svc".*\} [12]$/m;
      assert.ok(
        starts.test(metrics),
        metrics
          .split('\n')
          .filter((line) => /cold/.test(line))
          .join(),
      );
    });
  }

  test(`${engine}: who waits keeps its connection, and the next request on it is served`, async () => {
    await using fixture = await GatewayFixture.start(engine);
    await fixture.route([asleep()]);
    const head = 'HTTP/1.1\r\nhost: svc.localhost\r\n\r\n';
    const both = fixture.raw(`GET /one ${head}GET /two ${head}`, (got) => got.includes('/two'));
    // One engine reads no further, the other has both.
    await until(() => waiting(fixture) >= 1);
    await fixture.single((request, response) => response.end(request.url));
    const got = await both;
    assert.ok(got.indexOf('/one') > 0 && got.indexOf('/one') < got.indexOf('/two'), got);
  });

  test(`${engine}: an upgrade waits as well`, async () => {
    await using fixture = await GatewayFixture.start(engine);
    await fixture.route([asleep()]);
    const upgrade =
      'GET /chat HTTP/1.1\r\nhost: svc.localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n';
    const answered = fixture.raw(upgrade, (got) => got.includes('hello'));
    await until(() => waiting(fixture) === 1);
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.write(`${switched}hello`));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const endpoint = { instanceId: 'r1-1', host: '127.0.0.1', port };
    await fixture.route([{ ...asleep(), endpoints: [endpoint] }]);
    assert.match(await answered, /^HTTP\/1\.1 101 /);
    server.close();
  });

  test(`${engine}: beyond the bound in number they are answered 503, and those within it wait on`, async () => {
    await using fixture = await GatewayFixture.start(engine);
    await fixture.route([asleep({ ...wake, requestsMax: 2 })]);
    const within = [fixture.sendAnew(), fixture.sendAnew()];
    await until(() => waiting(fixture) === 2);
    assertRefused(await fixture.sendAnew(), 'wake-overflow');
    await until(() => fixture.counted('r1')[5] === 1);
    await fixture.single((_request, response) => response.end());
    for (const { status } of await Promise.all(within)) assert.equal(status, 200);
  });

  test(`${engine}: beyond the bound in time they are answered 503`, async () => {
    await using fixture = await GatewayFixture.start(engine);
    await fixture.route([asleep({ ...wake, timeoutMs: 1_000 })]);
    assertRefused(await fixture.sendAnew(), 'wake-timeout');
    await until(() => fixture.counted('r1')[5] === 1);
    await until(() => waiting(fixture) === 0);
  });

  test(`${engine}: where instances do not come up nobody waits, and who waits is told at once`, async () => {
    await using fixture = await GatewayFixture.start(engine);
    await fixture.route([asleep()]);
    const early = fixture.sendAnew();
    await until(() => waiting(fixture) === 1);
    await fixture.route([asleep({ ...wake, isFailing: true })]);
    for (const answer of [await early, await fixture.sendAnew()])
      assertRefused(answer, 'wake-failed');
  });

  test(`${engine}: callers that leave are forgotten`, async () => {
    await using fixture = await GatewayFixture.start(engine);
    await fixture.route([asleep()]);
    const socket = connect(fixture.port, fixture.host);
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.write('GET / HTTP/1.1\r\nhost: svc.localhost\r\n\r\n');
    await until(() => waiting(fixture) === 1);
    socket.resetAndDestroy();
    await until(() => waiting(fixture) === 0);
    let asked = 0;
    await fixture.single((_request, response) => {
      asked += 1;
      response.end();
    });
    assert.equal((await fixture.sendAnew()).status, 200);
    assert.equal(asked, 1);
  });

  test(`${engine}: callers that end their connection are forgotten, and those that end their side alone are not`, async () => {
    await using fixture = await GatewayFixture.start(engine);
    await fixture.route([asleep()]);
    const request = 'GET / HTTP/1.1\r\nhost: svc.localhost\r\nconnection: close\r\n\r\n';
    const gone = connect(fixture.port, fixture.host);
    gone.on('error', () => {});
    await once(gone, 'connect');
    gone.write(request);
    await until(() => waiting(fixture) === 1);
    gone.destroy();
    await until(() => waiting(fixture) === 0);
    if (engine !== 'fast') return;
    const half = connect({ port: fixture.port, host: fixture.host, allowHalfOpen: true });
    let got = '';
    half.on('error', () => {});
    half.on('data', (chunk) => (got += chunk.toString('latin1')));
    await once(half, 'connect');
    half.end(request);
    await until(() => got.split('100 Continue').length === 3);
    assert.equal(waiting(fixture), 1);
    const ended = once(half, 'end');
    await fixture.single((_request, response) => response.end('here'));
    await ended;
    assert.match(got, /HTTP\/1\.1 200 .*here$/s);
  });

  test(`${engine}: another revision's requests do not wait, and a revision that leaves sends its own on`, async () => {
    await using fixture = await GatewayFixture.start(engine);
    const awake = await fixture.instance((_request, response) => response.end('r2'));
    const r2 = { revisionId: 'r2', weightPercent: 50, endpoints: [awake] };
    await fixture.route([asleep(wake, 50), r2]);
    const sent = Array.from({ length: 10 }, () => fixture.sendAnew());
    await until(() => waiting(fixture) === 5 && fixture.requests('r2') === 5);
    await fixture.route([{ ...r2, weightPercent: 100 }]);
    for (const { body } of await Promise.all(sent)) assert.equal(body.toString(), 'r2');
  });

  test(`${engine}: a table that wakes nobody changes nothing for those who wait`, async () => {
    await using fixture = await GatewayFixture.start(engine);
    await fixture.route([asleep()]);
    const sent = fixture.sendAnew();
    await until(() => waiting(fixture) === 1);
    await fixture.route([asleep()], { requestTimeoutMs: boundMs - 1 });
    assert.equal(waiting(fixture), 1);
    await fixture.single((_request, response) => response.end());
    assert.equal((await sent).status, 200);
  });
}

test('over HTTP/2 streams wait beside each other', async () => {
  await using fixture = await GatewayFixture.start('fast', { arguments: ['--h2c'] });
  await fixture.route([asleep()]);
  const session = connectHttp2(`http://${fixture.host}:${fixture.port}`);
  session.on('error', () => {});
  const stream = () => {
    const request = session.request({ ':path': '/', ':authority': 'svc.localhost' });
    const status = new Promise<number>((resolve) => {
      request.on('response', (fields) => resolve(Number(fields[':status'])));
    });
    request.on('error', () => {});
    request.resume();
    return { request, status };
  };
  const streams = [stream(), stream(), stream()];
  await until(() => waiting(fixture) === 3);
  streams[1]?.request.close();
  await until(() => waiting(fixture) === 2);
  await fixture.single((_request, response) => response.end());
  assert.equal(await streams[0]?.status, 200);
  assert.equal(await streams[2]?.status, 200);
  session.destroy();
});
