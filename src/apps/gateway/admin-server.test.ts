import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { AdminServer } from './admin-server.ts';
import { engines, GatewayFixture, until } from './gateway-fixture.ts';
import { parseOpenMetrics } from './metrics/openmetrics.fixture.ts';

const openMetrics = { accept: 'application/openmetrics-text;version=1.0.0' };

async function metricsOf(fixture: GatewayFixture): Promise<ReturnType<typeof parseOpenMetrics>> {
  const answer = await fetch(`${fixture.adminUrl}/metrics`, { headers: openMetrics });
  assert.equal(
    answer.headers.get('content-type'),
    'application/openmetrics-text; version=1.0.0; charset=utf-8',
  );
  return parseOpenMetrics(await answer.text());
}

for (const engine of engines) {
  test(`what callers got is in the metrics of the engine ${engine}`, async () => {
    await using fixture = await GatewayFixture.start(engine);
    assert.equal((await fetch(`${fixture.adminUrl}/livez`)).status, 200);
    const early = await fetch(`${fixture.adminUrl}/readyz`);
    assert.deepEqual(
      [early.status, early.headers.get('content-type')],
      [503, 'application/problem+json'],
    );
    await fixture.single((request, response) => {
      if (request.url === '/cut') {
        request.socket.destroy();
        return;
      }
      request.resume();
      request.on('end', () => response.writeHead(request.url === '/bad' ? 500 : 200).end('hello'));
    });
    assert.equal((await fetch(`${fixture.adminUrl}/readyz`)).status, 200);
    await fixture.send();
    await fixture.send({ method: 'POST', path: '/bad', body: 'x'.repeat(150) });
    await fixture.send({ method: 'PUT', path: '/cut', body: 'x' });
    await fixture.send({ host: 'nobody.localhost' });
    await fixture.raw('GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n');
    const wanted = [
      'svc r1 http GET 2xx 1',
      'svc r1 http POST 5xx 1',
      'svc r1 http PUT 5xx reset 1',
      'http GET 4xx unknown-host 1',
    ];
    await until(async () => {
      const counted = (await metricsOf(fixture)).get('http_server_request_duration_seconds');
      const counts = counted?.samples.filter(({ name }) => name.endsWith('_count')) ?? [];
      const rows = counts.map(({ labels, value }) => [...Object.values(labels), value].join(' '));
      // The compat engine refuses a bad request after it has begun it.
      return wanted.every((row) => rows.includes(row));
    });
    const families = await metricsOf(fixture);
    const sum = (name: string) =>
      families.get(name)?.samples.find((each) => each.name.endsWith('_sum'))?.value;
    assert.equal(sum('http_server_request_body_size_bytes'), 151);
    const refusals = families.get('tidegate_gateway_refusals')?.samples ?? [];
    assert.deepEqual(
      new Map(refusals.map(({ labels, value }) => [labels['reason'], value])),
      new Map([
        ['reset', 1],
        ['unknown-host', 1],
        ['bad-request', 1],
      ]),
    );
    const build = families.get('tidegate_gateway_build')?.samples[0];
    assert.deepEqual([build?.labels['engine'], build?.value], [engine, 1]);
    for (const name of [
      'process_cpu_seconds',
      'process_resident_memory_bytes',
      'process_open_fds',
    ]) {
      assert.ok((families.get(name)?.samples[0]?.value ?? 0) > 0, name);
    }
    assert.equal(families.get('tidegate_gateway_config_version')?.samples[0]?.value, 1);
    assert.equal(families.get('http_server_active_requests')?.samples[0]?.value, 0);
  });
}

test('the fast engine says what is open towards callers and instances', async () => {
  await using fixture = await GatewayFixture.start('fast');
  const held: (() => void)[] = [];
  const endpoint = await fixture.single((request, response) => {
    if (request.url === '/wait') held.push(() => response.end('late'));
    else response.end('now');
  });
  const waiting = fixture.send({ path: '/wait' });
  await until(() => held.length === 1);
  await fixture.send();
  const families = await metricsOf(fixture);
  const connections = families.get('http_client_open_connections')?.samples ?? [];
  assert.deepEqual(
    connections.map(({ labels, value }) => [
      labels['tidegate_instance'],
      labels['http_connection_state'],
      value,
    ]),
    [
      [endpoint.instanceId, 'active', 1],
      [endpoint.instanceId, 'idle', 1],
    ],
  );
  assert.equal(families.get('tidegate_gateway_caller_connections')?.samples[0]?.value, 2);
  assert.equal(families.get('http_server_active_requests')?.samples[0]?.value, 1);
  held[0]?.();
  await waiting;
});

test('a gateway whose port for metrics is in use serves them on another one', async () => {
  await using first = await GatewayFixture.start('fast');
  const taken = Number(new URL(first.adminUrl).port);
  await using second = await GatewayFixture.start('fast', {
    admin: { host: '127.0.0.1', port: taken },
  });
  assert.notEqual(second.adminUrl, first.adminUrl);
  assert.equal((await fetch(`${second.adminUrl}/livez`)).status, 200);
});

test('what is not there, and what is not a look, gets a problem; a defect gets 500 and ends nothing', async () => {
  let isBroken = false;
  const server = new AdminServer({
    metrics: () => (isBroken ? Promise.reject(new Error('planted')) : Promise.resolve([])),
    notReady: () => null,
  });
  await using _ = server;
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  const url = `http://127.0.0.1:${port}`;
  assert.equal((await fetch(`${url}/`)).status, 404);
  const posted = await fetch(`${url}/metrics`, { method: 'POST', body: 'x' });
  assert.deepEqual([posted.status, posted.headers.get('allow')], [405, 'GET, HEAD']);
  assert.equal(await (await fetch(`${url}/metrics`, { method: 'HEAD' })).text(), '');
  assert.equal((await fetch(`${url}/metrics`)).status, 200);
  isBroken = true;
  assert.equal((await fetch(`${url}/metrics`)).status, 500);
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write('GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n');
  socket.resetAndDestroy();
  isBroken = false;
  assert.equal((await fetch(`${url}/livez`)).status, 200);
});
