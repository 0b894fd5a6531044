/** A service sleeps while nobody asks, and who asks waits for it and is served. */
import assert from 'node:assert/strict';
import { get } from 'node:http';
import { test } from 'node:test';

import type { ScalingView } from '../../src/api/scaling-wire.ts';
import { release } from './release.fixture.ts';
import { kill, rolloutEnd, startWorld, waitFor, type World } from './world.fixture.ts';

/** Sleeps some 6 s after the last request; 20 callers at once want one instance. */
const scale =
  '{ min: 0, max: 3, on: { concurrency: 100 }, window: 6s, toZero: { retentionPeriod: 0s, wakeTimeout: 10m } }';

test('twenty callers wake a service that sleeps, and all are answered by one instance', async () => {
  await using world = await startWorld();
  await world.applyAndWait(release({ version: 'v1', scale, timeout: '60s' }));
  await asleep(world);
  assert.match((await world.must('status')).stdout, /asleep since .*\(0-3\)/);
  assert.match((await world.must('describe', 'pay')).stdout, /asleep since /);

  const answers = await Promise.all(Array.from({ length: 20 }, () => ask(world)));
  assert.deepEqual(new Set(answers), new Set([200]));
  const all = await orders(world);
  assert.match(all[0] ?? '', /from 1 to 0 instances/);
  const wakes = all.filter((sentence) => /from 0 to/.test(sentence));
  assert.ok(wakes.length > 0, JSON.stringify(all));
  for (const sentence of wakes) {
    assert.match(sentence, /from 0 to 1 instances: \d+ requests? waits? at the gateway/);
  }
  await asleep(world);
});

test('a waking instance that is killed is started again, and nobody who waits notices', async () => {
  await using world = await startWorld();
  const slow = { READY_AFTER: '8' };
  await world.applyAndWait(release({ version: 'v1', scale, faults: slow, timeout: '60s' }));
  await asleep(world);
  const answers = Promise.all(Array.from({ length: 5 }, () => ask(world)));
  const pid = await waitFor('a process', async () => {
    const { status } = await world.service('pay');
    return status.instances.find(({ state }) => state === 'starting')?.pid ?? undefined;
  });
  kill(pid);
  assert.deepEqual(new Set(await answers), new Set([200]));
  const [instance] = (await world.service('pay')).status.instances;
  assert.equal(instance?.restarts, 1);
});

test('an instance that never gets ready leaves nobody waiting for ever', async () => {
  await using world = await startWorld();
  // Ready at its first start only, which the folder remembers.
  const script = `import { existsSync, writeFileSync } from 'node:fs';
    import { createServer } from 'node:http';
    const mark = new URL('started', import.meta.url);
    if (existsSync(mark)) setInterval(() => {}, 1000);
    else {
      writeFileSync(mark, '');
      createServer((_request, response) => response.end()).listen(Number(process.env.PORT), '127.0.0.1');
    }
    process.on('SIGTERM', () => process.exit(0));`;
  await world.write(script, 'once.mjs');
  const short = scale.replace('wakeTimeout: 10m', 'wakeTimeout: 2s');
  await world.applyAndWait(serviceOf('once.mjs', short));
  await asleep(world);
  assert.equal(await ask(world), 503);
  // What nobody can use is given up again.
  await asleep(world);
});

test('instances that end at once are told of at once', async () => {
  await using world = await startWorld();
  const script = `import { existsSync, writeFileSync } from 'node:fs';
    import { createServer } from 'node:http';
    const mark = new URL('started', import.meta.url);
    if (existsSync(mark)) process.exit(3);
    writeFileSync(mark, '');
    createServer((_request, response) => response.end()).listen(Number(process.env.PORT), '127.0.0.1');
    process.on('SIGTERM', () => process.exit(0));`;
  await world.write(script, 'brief.mjs');
  await world.applyAndWait(serviceOf('brief.mjs', scale));
  await asleep(world);
  // They could wait for ten minutes.
  assert.equal(await ask(world), 503);
});

test('requests wait while the server is away, and are served when it is back', async () => {
  await using world = await startWorld();
  await world.applyAndWait(release({ version: 'v1', scale, timeout: '60s' }));
  await asleep(world);
  await world.killServer();
  const answers = Promise.all(Array.from({ length: 3 }, () => ask(world)));
  await world.up();
  assert.deepEqual(new Set(await answers), new Set([200]));
});

test('a service that sleeps gets a new revision, and a rollback goes to one that sleeps', async () => {
  await using world = await startWorld();
  const steps = ['{ weight: 50%, gate: false, approval: true }', '100%'];
  const wish = { scale, steps, timeout: '60s' };
  await world.applyAndWait(release({ version: 'v1', ...wish }));
  await asleep(world);
  await world.apply(release({ version: 'v2', ...wish }));
  assert.equal((await world.run(['rollout', 'status', 'pay', '--timeout', '170s'])).code, 4);
  const [stable, candidate] = (await world.service('pay')).status.scaling ?? [];
  assert.equal(stable?.ordered, 0, 'nobody has asked for it');
  assert.equal(candidate?.ordered, 1, 'it shows that it starts');
  await world.must('rollout', 'abort', 'pay');
  assert.equal((await rolloutEnd(world, 'pay')).outcome, 'rolled-back');
  assert.equal((await scalingOf(world)).ordered, 0);
  assert.equal(await ask(world), 200);
});

/** On a connection of its own, so that all come at once. */
function ask(world: World): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { agent: false, headers: { host: 'pay.localhost' } };
    const request = get(world.gatewayUrl, options, (response) => {
      response.resume();
      response.on('error', reject).on('end', () => resolve(response.statusCode ?? 0));
    });
    request.on('error', reject);
  });
}

/** Any program of the world's own folder. */
function serviceOf(script: string, wanted: string): string {
  return `apiVersion: tidegate.dev/v1
kind: Service
metadata: { name: pay }
spec:
  run: { command: [node, ${script}] }
  health: { startTimeout: 60s }
  scale: ${wanted}
`;
}

async function asleep(world: World): Promise<void> {
  await waitFor('sleep', async () => {
    const { status } = await world.service('pay');
    return status.instances.length === 0 && status.scaling?.[0]?.ordered === 0;
  });
}

async function orders(world: World): Promise<readonly string[]> {
  const all = await world.events();
  return all.flatMap(({ decision, sentence }) => (decision === 'scale' ? [sentence] : []));
}

async function scalingOf(world: World): Promise<ScalingView> {
  const { status } = await world.service('pay');
  return status.scaling?.[0] ?? assert.fail('its number does not follow the load');
}
