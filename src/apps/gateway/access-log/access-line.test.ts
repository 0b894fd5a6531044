import assert from 'node:assert/strict';
import { test } from 'node:test';
import { method } from '../http1/methods.ts';
import { accessLine, type AccessRecord, dropLine } from './access-line.ts';

const record: AccessRecord = {
  endedAtMs: Date.UTC(2026, 10, 21, 12, 0, 0, 7),
  durationMs: 1.2345,
  method: method.get,
  methodText: 'GET',
  isSecure: false,
  target: '/cart/7?token=secret',
  authority: 'shop.localhost:8080',
  protocolVersion: '1.1',
  clientAddress: '127.0.0.1',
  userAgent: 'curl/8',
  status: 200,
  error: null,
  fault: null,
  access: null,
  requestBodyBytes: 0,
  responseBodyBytes: 12,
  destination: { service: 'shop', revisionId: 'r1', instanceId: 'r1-0' },
  trace: { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) },
};

const withQuery = { hasQuery: true };
const withoutQuery = { hasQuery: false };

test('a line is an object of JSON with the attributes of OpenTelemetry', () => {
  assert.deepEqual(JSON.parse(accessLine(record, withQuery)), {
    timestamp: '2026-11-21T12:00:00.007Z',
    'http.request.method': 'GET',
    'url.scheme': 'http',
    'url.path': '/cart/7',
    'url.query': 'token=secret',
    'server.address': 'shop.localhost:8080',
    'network.protocol.version': '1.1',
    'client.address': '127.0.0.1',
    'user_agent.original': 'curl/8',
    'http.response.status_code': 200,
    'http.server.request.duration': 0.001235,
    'http.request.body.size': 0,
    'http.response.body.size': 12,
    'tidegate.service': 'shop',
    'tidegate.revision': 'r1',
    'tidegate.instance': 'r1-0',
    trace_id: 'a'.repeat(32),
    span_id: 'b'.repeat(16),
  });
});

test('a fault that was injected on purpose is named', () => {
  const faulty = { ...record, status: 503, error: 'fault-injected', fault: 'shop-17' };
  const line: unknown = JSON.parse(accessLine(faulty, withQuery));
  assert.ok(typeof line === 'object' && line !== null && 'tidegate.fault' in line);
  assert.equal(line['tidegate.fault'], 'shop-17');
});

test('what is not known is not in it, and a query only on demand', () => {
  const bare = accessLine(
    {
      ...record,
      method: null,
      target: null,
      authority: null,
      userAgent: null,
      protocolVersion: null,
      status: 0,
    },
    withoutQuery,
  );
  assert.deepEqual(Object.keys(JSON.parse(bare) as object), [
    'timestamp',
    'url.scheme',
    'client.address',
    'http.server.request.duration',
    'http.request.body.size',
    'http.response.body.size',
    'tidegate.service',
    'tidegate.revision',
    'tidegate.instance',
    'trace_id',
    'span_id',
  ]);
  assert.ok(!accessLine(record, withoutQuery).includes('secret'));
});

test('a method that is not counted apart is told as it is', () => {
  const line = accessLine({ ...record, method: method.other, methodText: 'MKCOL' }, withoutQuery);
  const said = JSON.parse(line) as Record<string, unknown>;
  assert.deepEqual(
    [said['http.request.method'], said['http.request.method_original']],
    ['_OTHER', 'MKCOL'],
  );
});

test('no octet of a caller ends a line, begins a command of a terminal, or gets out of its field', () => {
  for (let code = 0; code < 256; code += 1) {
    const userAgent = `a${String.fromCharCode(code)}","forged":"${String.fromCharCode(code)}\\`;
    const line = accessLine({ ...record, userAgent, error: '\u2028\ud800' }, withoutQuery);
    assert.match(line, /^[ -~]*\n$/);
    const said = JSON.parse(line) as Record<string, unknown>;
    assert.equal(said['user_agent.original'], userAgent);
    assert.ok(!('forged' in said));
  }
});

test('a line has a bound whatever a caller sends', () => {
  const long = '\u0001'.repeat(100_000);
  const line = accessLine(
    { ...record, target: `/${long}?${long}`, authority: long, userAgent: long },
    withQuery,
  );
  assert.ok(line.length < 20_000, `${line.length} octets`);
  assert.ok((JSON.parse(line) as Record<string, string>)['url.path']?.endsWith('...'));
});

test('what was dropped is told as a line of its own', () => {
  assert.deepEqual(JSON.parse(dropLine(record.endedAtMs, 3)), {
    timestamp: '2026-11-21T12:00:00.007Z',
    'event.name': 'tidegate.access_log.dropped',
    'tidegate.access_log.dropped': 3,
  });
});
