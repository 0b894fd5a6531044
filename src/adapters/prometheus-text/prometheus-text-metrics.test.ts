import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { MetricSelection } from '../../domain/traffic/samples/metric-selection.ts';
import { testInstanceMetrics } from '../../ports/instance-metrics.contract.ts';
import { InstanceMetricsError } from '../../ports/instance-metrics.ts';
import { PrometheusTextMetrics } from './prometheus-text-metrics.ts';

const pair: MetricSelection = {
  kind: 'counter',
  bad: { name: 'events_total', labels: { outcome: 'bad' } },
  total: { name: 'events_total', labels: {} },
};

async function serve(listener: RequestListener) {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async (): Promise<void> => {
    if (!server.listening) return;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  };
  const { port } = server.address() as AddressInfo;
  const endpoint = { instanceId: 'v1-0', host: '127.0.0.1', port };
  return { endpoint, close, [Symbol.asyncDispose]: close };
}

function say(response: ServerResponse, text: string, type = 'text/plain; version=0.0.4'): void {
  response.writeHead(200, { 'content-type': type });
  response.end(text);
}

testInstanceMetrics('prometheus text', async () => {
  let text = '';
  const server = await serve((_, response) => say(response, text));
  return {
    metrics: new PrometheusTextMetrics(),
    endpoint: server.endpoint,
    pair,
    histogram: { kind: 'histogram', histogram: { name: 'took_seconds', labels: {} } },
    publish(published) {
      if (published === null) {
        text = '# TYPE events_total counter\n';
        return;
      }
      const { bad, total, histogram } = published;
      text = `# TYPE events_total counter
events_total{outcome="bad"} ${String(bad).replace('Infinity', '+Inf')}
events_total{outcome="good"} ${Number.isFinite(bad) ? total - bad : total}
# TYPE took_seconds histogram
took_seconds_bucket{le="0.1"} ${histogram[0]}
took_seconds_bucket{le="1"} ${histogram[1]}
took_seconds_bucket{le="+Inf"} ${histogram[2]}
took_seconds_sum 4.5
took_seconds_count ${histogram[2]}
`;
    },
    gauge: { name: 'jobs_waiting', labels: { of: 'mail' } },
    show(value) {
      const written = String(value).replace('Infinity', '+Inf');
      const other = 'jobs_waiting{of="other"} 99\n';
      text = value === null ? other : `${other}jobs_waiting{of="mail"} ${written}\n`;
    },
    leave: server.close,
    [Symbol.asyncDispose]: server.close,
  };
});

const ok = 'events_total 1\n';
const answers: readonly (readonly [
  name: string,
  listener: RequestListener,
  code: InstanceMetricsError['code'],
  message: RegExp,
])[] = [
  [
    'that knows no such path',
    (_, response) => response.writeHead(404).end(),
    'refused',
    /^GET \/metrics answered 404$/,
  ],
  [
    'that sends elsewhere',
    (_, response) => response.writeHead(302, { location: '/other' }).end(),
    'refused',
    /answered 302/,
  ],
  [
    'that answers a page',
    (_, response) => say(response, '<html></html>', 'text/html'),
    'refused',
    /answered text\/html, not text\/plain/,
  ],
  [
    'that compresses',
    (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('x'),
    'refused',
    /answered in gzip, which was not asked for/,
  ],
  [
    'whose text breaks the format',
    (_, response) => say(response, 'events_total 1\noops\n'),
    'malformed',
    /no Prometheus text: line 2, column 5: there should be a value, but the line ends/,
  ],
  [
    'whose text has no UTF-8',
    (_, response) => response.writeHead(200).end(Buffer.from([0x61, 0xff, 0x0a])),
    'malformed',
    /no UTF-8/,
  ],
  [
    'that ends in the middle of a line',
    (_, response) => say(response, 'events_total 1\nevents_total{outcome="ba'),
    'malformed',
    /line 2: it has no end; was the text cut off/,
  ],
  [
    'that hangs up in the middle',
    (_, response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write(ok, () => response.destroy());
    },
    'unreachable',
    /was cut off/,
  ],
  [
    'that says more than is read',
    (_, response) => say(response, '# a comment of 32 characters...\n'.repeat(65_537)),
    'too-large',
    /answered more than 2097152 bytes/,
  ],
  ['that says nothing', () => {}, 'late', /no whole answer within 300 ms/],
  [
    'that never ends',
    (_, response) => {
      response.writeHead(200);
      response.write(ok);
    },
    'late',
    /no whole answer within 300 ms/,
  ],
];

for (const [name, listener, code, message] of answers) {
  test(`an instance ${name} is an error: ${code}`, async () => {
    await using server = await serve(listener);
    const metrics = new PrometheusTextMetrics({ timeoutMs: code === 'late' ? 300 : 60_000 });
    const from = { endpoint: server.endpoint, path: '/metrics' };
    await assert.rejects(metrics.read(from, [pair], AbortSignal.timeout(120_000)), (error) => {
      assert.ok(error instanceof InstanceMetricsError, String(error));
      assert.match(error.message, message);
      assert.equal(error.code, code);
      return true;
    });
  });
}

test('as much as is allowed is read, by its path, without a connection kept', async () => {
  const seen: (string | undefined)[] = [];
  await using server = await serve((request, response) => {
    seen.push(request.url, request.headers.connection);
    const comments = '# a comment of 32 characters...\n'.repeat(65_535);
    say(response, `${comments}${ok.padEnd(32, ' ').replace(/\n( +)$/, '$1\n')}`);
  });
  const from = { endpoint: server.endpoint, path: '/stats?format=prometheus' };
  const readings = await new PrometheusTextMetrics({ timeoutMs: 60_000 }).read(
    from,
    [pair],
    AbortSignal.timeout(120_000),
  );
  assert.deepEqual(readings, [{ kind: 'counter', bad: 0, total: 1 }]);
  assert.deepEqual(seen, ['/stats?format=prometheus', 'close']);
});

test('an abort in the middle ends the look with its reason', async () => {
  const stop = new AbortController();
  const reason = new Error('enough');
  await using server = await serve(() => stop.abort(reason));
  const from = { endpoint: server.endpoint, path: '/metrics' };
  await assert.rejects(new PrometheusTextMetrics().read(from, [pair], stop.signal), reason);
});
