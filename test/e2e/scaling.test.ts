/** Instances come and go with the load, and users notice nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { ScalingView } from '../../src/api/scaling-wire.ts';
import { release } from './release.fixture.ts';
import { rolloutEnd, startWorld, waitFor, type World } from './world.fixture.ts';

/** At 80 requests/s it wants all three, at 5 one. */
const scale =
  '{ min: 1, max: 3, on: { requestsPerSecond: 15 }, behavior: { scaleDown: { stabilizationWindow: 15s } } }';

test('instances follow the load, outlive the server, and leave without a lost request', async () => {
  await using world = await startWorld();
  await world.applyAndWait(release({ version: 'v1', scale, timeout: '30s' }));
  assert.equal((await scalingOf(world)).ordered, 1);
  await using many = world.load({ service: 'pay', rps: 80 });
  await waitFor('three instances', async () => (await scalingOf(world)).ready === 3);
  // Measured anew for a moment, whenever one has come.
  await waitFor('a description of all that counts', async () => {
    const { stdout } = await world.must('describe', 'pay');
    const isScaled = /Scaling stable: +3 desired, 3 ordered, 3 ready, 1 to 3: /.test(stdout);
    return (
      isScaled && /requestsPerSecond: +[\d.]+ an instance, target 15, asks for \d/.test(stdout)
    );
  });
  assert.match((await world.must('status')).stdout, /3 of 3 ready \(1-3\)/);

  await world.must('down', '--keep-instances');
  await world.up();
  const after = await scalingOf(world);
  assert.equal(after.ordered, 3, 'the number outlives the server');
  const counts = await many.stop();
  assert.equal(counts.errors, 0, JSON.stringify(counts.byError));

  await using few = world.load({ service: 'pay', rps: 5 });
  await waitFor('one instance', async () => {
    const { status } = await world.service('pay');
    return status.instances.length === 1 && status.scaling?.[0]?.ordered === 1;
  });
  const { errors, requests, byError } = await few.stop();
  assert.equal(errors, 0, JSON.stringify({ requests, byError }));
  const orders = (await world.events()).filter(({ decision }) => decision === 'scale');
  assert.match(
    orders[0]?.sentence ?? '',
    /from 1 to [23] instances: requestsPerSecond .*target 15/,
  );
  assert.match(orders.at(-1)?.sentence ?? '', /from [23] to [12] instances: requestsPerSecond/);
});

test('a step waits for room, and a rollback at half of the load finds stable as large as before', async () => {
  await using world = await startWorld();
  const steps = ['{ weight: 50%, gate: false, approval: true }', '100%'];
  const wish = { scale, steps, timeout: '30s' };
  await world.applyAndWait(release({ version: 'v1', ...wish }));
  await using load = world.load({ service: 'pay', rps: 80 });
  await waitFor('three instances', async () => (await scalingOf(world)).ready === 3);

  await world.apply(release({ version: 'v2', ...wish }));
  assert.equal((await world.run(['rollout', 'status', 'pay', '--timeout', '90s'])).code, 4);
  const halfway = await world.service('pay');
  const [stable, candidate] = halfway.status.scaling ?? [];
  assert.equal(stable?.ready, 3, 'stable can take everything back');
  assert.ok((candidate?.ready ?? 0) >= 2, `the candidate has ${candidate?.ready} for its half`);
  const story = (await world.events()).map(({ decision, weightPercent, sentence }) => {
    return { decision, weightPercent, sentence };
  });
  const half = story.findIndex((each) => each.decision === 'advance' && each.weightPercent === 50);
  const room = story.findIndex((each) => each.decision === 'scale' && /\bv2\b/.test(each.sentence));
  assert.ok(room >= 0 && room < half, JSON.stringify(story));

  await world.must('rollout', 'abort', 'pay');
  assert.equal((await rolloutEnd(world, 'pay')).outcome, 'rolled-back');
  assert.equal((await scalingOf(world)).ready, 3);
  const { errors, requests, byError } = await load.stop();
  assert.equal(errors, 0, JSON.stringify({ requests, byError }));
});

test('by concurrency one slow instance becomes three', async () => {
  await using world = await startWorld();
  const byConcurrency = '{ min: 1, max: 3, on: { concurrency: 4 } }';
  const wish = { scale: byConcurrency, faults: { DELAY_MS: '500' }, timeout: '30s' };
  await world.applyAndWait(release({ version: 'v1', ...wish }));
  await using load = world.load({ service: 'pay', rps: 30, connections: 64 });
  await waitFor('three instances', async () => (await scalingOf(world)).ready === 3);
  await waitFor('a description of what counts', async () => {
    const { stdout } = await world.must('describe', 'pay');
    return /concurrency: +[\d.]+ an instance, target 2\.8, asks for \d+/.test(stdout);
  });
  const { errors, requests, byError } = await load.stop();
  assert.equal(errors, 0, JSON.stringify({ requests, byError }));
});

test('a queue that instances publish starts more of them', async () => {
  await using world = await startWorld();
  await world.write(
    `import { createServer } from 'node:http';
    createServer((_request, response) => response.end('jobs_waiting{of="mail"} 50\\n')).listen(Number(process.env.PORT), '127.0.0.1');
    process.on('SIGTERM', () => process.exit(0));`,
    'queue.mjs',
  );
  const metric = `{ name: queue, gauge: 'jobs_waiting{of="mail"}', average: 25 }`;
  await world.applyAndWait(`apiVersion: tidegate.dev/v1
kind: Service
metadata: { name: pay }
spec:
  run: { command: [node, queue.mjs] }
  scale: { min: 1, max: 3, on: { metrics: [${metric}] } }
`);
  await waitFor('three instances', async () => (await scalingOf(world)).ready === 3);
  await waitFor('a description of what counts', async () => {
    const { stdout } = await world.must('describe', 'pay');
    return /queue: +50 an instance, target 25, asks for \d/.test(stdout);
  });
});

test('what an instance asks for stands beside what it uses', async () => {
  await using world = await startWorld();
  await world.applyAndWait(release({ version: 'v1' }));
  const seen = await waitFor('a sample', async () => {
    return (await world.service('pay')).status.resources?.[0];
  });
  assert.ok(seen.used.memoryBytes > 10_000_000, `${seen.used.memoryBytes} bytes`);
  assert.ok(seen.recommended.target.memoryBytes >= 128 * 2 ** 20);
  assert.deepEqual(seen.requests, { cpuCores: null, memoryBytes: null });
  const { stdout } = await world.must('describe', 'pay');
  assert.match(stdout, /Resources stable: +CPU nothing asked for, \d+m used, \d+m recommended/);
});

async function scalingOf(world: World): Promise<ScalingView> {
  const { status } = await world.service('pay');
  return status.scaling?.[0] ?? assert.fail('its number does not follow the load');
}
