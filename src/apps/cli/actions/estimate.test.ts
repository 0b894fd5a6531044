import assert from 'node:assert/strict';
import { test } from 'node:test';

import { runCli, startFakeServer } from '../cli.fixture.ts';
import { movingService } from '../wire-samples.fixture.ts';

const item = {
  service: 'checkout',
  rolloutId: 'checkout-2',
  requestsPerSecond: 800,
  baseErrorRatio: 0.001,
  sentences: ['checkout-2 is at step 2 of 3 (50 %), judging', '100 % in about 12 s'],
  totalMs: 12_000,
};

test('a rollout under way is estimated by the name of its service, or by its own', async () => {
  await using server = await startFakeServer({
    'GET /v1/estimate/checkout': () => ({ items: [item] }),
    'GET /v1/estimate/checkout-2': () => ({ items: [item] }),
  });
  for (const name of ['checkout', 'checkout-2']) {
    const ran = await runCli(['estimate', name], server);
    assert.equal(ran.code, 0, ran.stderr);
    assert.equal(ran.stdout, `checkout-2\n  ${item.sentences.join('\n  ')}\n`);
  }
  const data = await runCli(['estimate', 'checkout', '-o', 'json'], server);
  assert.deepEqual(JSON.parse(data.stdout).items[0], item);
});

test('files and a rollout are not estimated at once, nor a rollout by figures', async () => {
  const rows: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /give either -f FILE, before a rollout/],
    [['checkout', '-f', 'x'], /give either -f FILE/],
    [['checkout', '--rps', '5'], /cannot take --rps or --base-errors during a rollout/],
  ];
  for (const [argv, says] of rows) {
    const ran = await runCli(['estimate', ...argv]);
    assert.equal(ran.code, 2, argv.join(' '));
    assert.match(ran.stderr, says);
  }
});

test('describe gives all that is known of a gate as data', async () => {
  const service = movingService('checkout');
  await using server = await startFakeServer({ 'GET /v1/services/checkout': () => service });
  const ran = await runCli(['describe', 'checkout', '-o', 'json'], server);
  assert.equal(ran.code, 0, ran.stderr);
  const { gate } = JSON.parse(ran.stdout).status.rollout;
  assert.deepEqual(gate.metrics, service.status.rollout?.gate?.metrics);
  assert.equal(gate.beforeAfter, null);
});
