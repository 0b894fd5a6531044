import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { GatewayFixture } from '../../src/apps/gateway/gateway-fixture.ts';
import { freePort } from '../e2e/free-port.fixture.ts';
import { waitFor } from '../e2e/world.fixture.ts';

/** The gateway's metrics as a real Prometheus reads them, of Debian's package prometheus. */
const folders = (process.env['PATH'] ?? '').split(delimiter);
const found = (name: string): string | undefined => {
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
};
const [prometheus, promtool] = [found('prometheus'), found('promtool')];
const skip =
  prometheus === undefined || promtool === undefined ? 'not installed: prometheus' : false;

async function startPrometheus(path: string, target: string) {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-prometheus-'));
  const port = await freePort();
  const file = join(folder, 'prometheus.yml');
  const scrape = { job_name: 'gateway', static_configs: [{ targets: [target] }] };
  // JSON is YAML.
  await writeFile(
    file,
    JSON.stringify({ global: { scrape_interval: '1s' }, scrape_configs: [scrape] }),
  );
  const server = spawn(
    path,
    [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--enable-feature=exemplar-storage',
    ],
    { stdio: 'ignore' },
  );
  const url = `http://127.0.0.1:${port}`;
  return {
    async ask(path: string, parameters: Record<string, string>): Promise<unknown> {
      const query = new URLSearchParams(parameters).toString();
      const answer = await fetch(`${url}/api/v1/${path}?${query}`).catch(() => null);
      if (answer === null || !answer.ok) return null;
      return ((await answer.json()) as { readonly data: unknown }).data;
    },
    async [Symbol.asyncDispose]() {
      const ended = once(server, 'exit');
      server.kill('SIGTERM');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

interface Vector {
  readonly result: readonly {
    readonly metric: Readonly<Record<string, string>>;
    readonly value: readonly [number, string];
  }[];
}

test(
  'Prometheus scrapes the gateway, its checker has nothing to say, and exemplars lead to traces',
  { skip, timeout: 900_000 },
  async () => {
    // Spans are made whether or not a collector is there to take them.
    const flags = ['--otlp', 'http://127.0.0.1:1/v1/traces'];
    await using fixture = await GatewayFixture.start('fast', { arguments: flags });
    await fixture.single((request, response) => {
      response.writeHead(request.url === '/bad' ? 500 : 200).end('hello');
    });
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const headers = { traceparent: `00-${traceId}-b7ad6b7169203331-01` };
    for (let sent = 0; sent < 20; sent += 1) await fixture.send({ headers });
    for (let sent = 0; sent < 5; sent += 1) await fixture.send({ path: '/bad' });
    await fixture.send({ host: 'nobody.localhost' });

    const text = await (await fetch(`${fixture.adminUrl}/metrics`)).text();
    const checked = spawnSync(promtool ?? '', ['check', 'metrics'], {
      input: text,
      encoding: 'utf8',
    });
    assert.deepEqual([checked.status, checked.stdout, checked.stderr], [0, '', '']);

    await using server = await startPrometheus(prometheus ?? '', new URL(fixture.adminUrl).host);
    const rows = await waitFor('a scrape', async () => {
      const query = 'http_server_request_duration_seconds_count{tidegate_service="svc"}';
      const data = (await server.ask('query', { query })) as Vector | null;
      return data === null || data.result.length < 2 ? null : data.result;
    });
    const counts = rows.map(({ metric, value }) =>
      [
        metric['http_response_status_code'],
        metric['http_request_method'],
        metric['tidegate_revision'],
        value[1],
      ].join(' '),
    );
    assert.deepEqual(new Set(counts), new Set(['2xx GET r1 20', '5xx GET r1 5']));
    const up = (await server.ask('query', { query: 'up{job="gateway"}' })) as Vector;
    assert.equal(up.result[0]?.value[1], '1');
    const quantile =
      'histogram_quantile(0.5, sum by (le) (http_server_request_duration_seconds_bucket))';
    const median = (await server.ask('query', { query: quantile })) as Vector;
    assert.ok(Number(median.result[0]?.value[1]) > 0);

    const exemplars = await waitFor('an exemplar', async () => {
      const nowSeconds = Date.now() / 1000;
      const query = 'http_server_request_duration_seconds_bucket{http_response_status_code="2xx"}';
      const [start, end] = [String(nowSeconds - 600), String(nowSeconds + 600)];
      const data = await server.ask('query_exemplars', { query, start, end });
      return Array.isArray(data) && data.length > 0 ? (data as readonly unknown[]) : null;
    });
    assert.ok(JSON.stringify(exemplars).includes(`"trace_id":"${traceId}"`));
  },
);
