import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { parseExposition } from '../../src/adapters/prometheus-text/exposition-text.ts';
import { PrometheusTextMetrics } from '../../src/adapters/prometheus-text/prometheus-text-metrics.ts';
import type { MetricSelection } from '../../src/domain/traffic/samples/metric-selection.ts';
import { freePort } from '../e2e/free-port.fixture.ts';
import { waitFor } from '../e2e/world.fixture.ts';

/** Metrics that nobody here wrote: those of HAProxy's own Prometheus exporter, of Debian's package haproxy. */
const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin'];
const program = folders.map((folder) => join(folder, 'haproxy')).find((path) => existsSync(path));
/** For what is to be answered. */
const boundMs = 60_000;
const skip = program === undefined ? 'not installed: haproxy' : false;

async function startHaproxy(path: string) {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-metrics-'));
  const [port, metricsPort] = [await freePort(), await freePort()];
  const file = join(folder, 'haproxy.cfg');
  await writeFile(file, configuration(port, metricsPort));
  const proxy = spawn(path, ['-db', '-f', file], { stdio: 'ignore' });
  return {
    url: `http://127.0.0.1:${port}`,
    metricsUrl: `http://127.0.0.1:${metricsPort}/metrics`,
    endpoint: { instanceId: 'haproxy', host: '127.0.0.1', port: metricsPort },
    async [Symbol.asyncDispose]() {
      const ended = once(proxy, 'exit');
      proxy.kill('SIGKILL');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function configuration(port: number, metricsPort: number): string {
  return `defaults
  mode http
  timeout client 5s
  timeout server 5s
  timeout connect 5s
frontend metrics
  bind 127.0.0.1:${metricsPort}
  http-request use-service prometheus-exporter if { path /metrics }
frontend shop
  bind 127.0.0.1:${port}
  http-request return status 500 if { path /bad }
  http-request return status 200
`;
}

const answers = (labels: Readonly<Record<string, string>>) => ({
  name: 'haproxy_frontend_http_responses_total',
  labels: { proxy: 'shop', ...labels },
});
const failed: MetricSelection = {
  kind: 'counter',
  bad: answers({ code: '5xx' }),
  total: answers({}),
};

test(
  "HAProxy's exporter is read whole, and its counters are what was answered",
  { skip },
  async () => {
    await using haproxy = await startHaproxy(program ?? '');
    const { url, metricsUrl, endpoint } = haproxy;
    let asked = 0;
    await waitFor('HAProxy', async () => {
      const answer = await fetch(url).catch(() => null);
      if (answer !== null) asked += 1;
      return answer?.status === 200 || null;
    });
    const text = await (await fetch(metricsUrl)).text();
    const exposition = parseExposition(text, () => true);
    assert.ok(!('fault' in exposition), 'fault' in exposition ? exposition.fault : '');
    assert.ok(exposition.samples.length > 100 && exposition.types.size > 50);

    const metrics = new PrometheusTextMetrics({ timeoutMs: boundMs });
    const look = async () => {
      const from = { endpoint, path: '/metrics' };
      const [reading] = await metrics.read(from, [failed], AbortSignal.timeout(boundMs));
      assert.ok(reading?.kind === 'counter', JSON.stringify(reading));
      return reading;
    };
    // HAProxy counts an answer when it has ended, which may be after its caller has it.
    const counted = (total: number) =>
      waitFor('its counters', async () => {
        const seen = await look();
        return seen.total >= total ? seen : null;
      });
    const before = await counted(asked);
    for (const path of ['/', '/bad', '/', '/bad', '/bad']) await (await fetch(url + path)).text();
    const after = await counted(before.total + 5);
    assert.deepEqual([after.bad - before.bad, after.total - before.total], [3, 5]);
  },
);
