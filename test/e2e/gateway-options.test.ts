/** What `tidegate up` hands on to the gateway: metrics, spans, the access log. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { makeWorld, waitFor } from './world.fixture.ts';

test('metrics, spans and access log of the gateway are options of up', async () => {
  await using world = await makeWorld();
  const log = join(world.folder, 'access.log');
  const more = ['--otlp', 'http://127.0.0.1:1/v1/traces', '--access-log', log];
  const sample = ['--access-log-sample', '0.5', '--access-log-query'];
  const limit = ['--gateway-limit', 'connections=100', '--gateway-limit', 'requestBodyBytes=1000'];
  const started = await world.run([...world.upArguments, ...more, ...sample, ...limit]);
  assert.equal(started.code, 0, started.stderr);
  const metricsUrl = /^metrics: (\S+)$/m.exec(started.stdout)?.[1] ?? '';
  await fetch(`${world.gatewayUrl}/nobody?a=b`);
  const metrics = await (await fetch(metricsUrl)).text();
  assert.match(metrics, /^tidegate_gateway_spans_total\{outcome="lost"\} \d+$/m);
  assert.match(metrics, /^tidegate_gateway_refusals_total\{reason="unknown-host"\} 1$/m);
  const lines = await waitFor('a line in the access log', async () => {
    const text = await readFile(log, 'utf8');
    return text === '' ? null : text;
  });
  const line = JSON.parse(lines) as Readonly<Record<string, unknown>>;
  assert.deepEqual([line['url.path'], line['url.query']], ['/nobody', 'a=b']);
  assert.equal((await world.status()).gateway.metricsUrl, metricsUrl);
});

test('metrics can be turned off, and an option that makes no sense is said in one line', async () => {
  await using world = await makeWorld();
  const off = await world.run([...world.upArguments, '--gateway-metrics', 'off']);
  assert.equal(off.code, 0, off.stderr);
  assert.ok(!off.stdout.includes('metrics:'));
  assert.equal((await world.run(['down'])).code, 0);

  const rows: readonly (readonly [flags: readonly string[], code: number, says: RegExp])[] = [
    [['--access-log', '-'], 2, /^error: cannot write the access log to standard output/],
    [
      ['--access-log', '/proc/none/x'],
      1,
      /^error: cannot start the server: .*ENOENT.*--access-log/,
    ],
    [['--gateway-limit', 'heads=5'], 1, /--limit heads=5: must be NAME=NUMBER with a name of/],
    [['--access-log-sample', '2'], 1, /--access-log-sample 2: must be above 0 and at most 1/],
  ];
  for (const [flags, code, says] of rows) {
    const ran = await world.run([...world.upArguments, ...flags]);
    assert.match(ran.stderr, says);
    assert.equal(ran.code, code);
  }
});
