/** What probes say of real processes, and where the gateway sends requests because of it. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { get } from 'node:http';
import { test } from 'node:test';

import { startWorld, waitFor, type World } from './world.fixture.ts';

/** Says who it is. A file `<instance>.unready` or `<instance>.dead` in its folder makes its probes fail. */
const program = `
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
const id = process.env.TIDEGATE_INSTANCE;
const fails = { '/readyz': 'unready', '/livez': 'dead' };
createServer((request, response) => {
  if (existsSync(id + '.' + fails[request.url])) response.statusCode = 503;
  response.end(id);
}).listen(Number(process.env.PORT), '127.0.0.1');
`;

const check = `
import { existsSync } from 'node:fs';
process.exit(existsSync(process.env.TIDEGATE_INSTANCE + '.dead') ? 1 : 0);
`;

function release(instances: number): string {
  return `apiVersion: tidegate.dev/v1
kind: Service
metadata: { name: who }
spec:
  run: { command: [node, program.mjs] }
  scale: { min: ${instances} }
  health:
    startup: { tcp: true, period: 100ms, failureThreshold: 600 }
    ready: { http: /readyz, period: 200ms, timeout: 30s }
    live: { exec: [node, check.mjs], period: 500ms, timeout: 30s, failureThreshold: 2 }
    stopGrace: 10s
  traffic: { timeout: 30s }
`;
}

async function start(world: World, instances: number): Promise<readonly string[]> {
  await world.write(program, 'program.mjs');
  await world.write(check, 'check.mjs');
  await world.applyAndWait(release(instances));
  return (await world.service('who')).status.instances.map(({ id }) => id);
}

/** Who answered, or the status where it was not 200. */
function visit(world: World): Promise<string> {
  const options = { agent: false, headers: { host: 'who.localhost' } };
  return new Promise((resolve, reject) => {
    const request = get(world.gatewayUrl, options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('error', reject);
      response.on('end', () => {
        resolve(response.statusCode === 200 ? text : `status ${response.statusCode}`);
      });
    });
    request.on('error', reject);
  });
}

async function visitors(world: World, count: number): Promise<ReadonlySet<string>> {
  const seen = new Set<string>();
  for (let number = 0; number < count; number += 1) seen.add(await visit(world));
  return seen;
}

async function instance(world: World, id: string) {
  return (await world.service('who')).status.instances.find((each) => each.id === id);
}

test('an unready instance gets no new requests until it is ready again', async () => {
  await using world = await startWorld();
  const [first = '', ...others] = await start(world, 3);
  assert.deepEqual(await visitors(world, 30), new Set([first, ...others]));
  const marker = await world.write('', `${first}.unready`);
  await waitFor('it to be unready', async () => {
    return (await instance(world, first))?.state === 'unready';
  });
  await waitFor('the gateway to leave it out', async () => !(await visitors(world, 12)).has(first));
  assert.deepEqual(await visitors(world, 60), new Set(others));
  assert.equal((await instance(world, first))?.restarts, 0);
  await rm(marker);
  await waitFor('its requests', async () => (await visitors(world, 12)).has(first));
});

test('failed liveness starts the process again, and no request is lost', async () => {
  await using world = await startWorld();
  const [first = ''] = await start(world, 2);
  const before = await instance(world, first);
  const load = { isOn: true, wrong: new Set<string>() };
  const loading = Promise.all(
    Array.from({ length: 8 }, async () => {
      while (load.isOn) {
        const answer = await visit(world);
        if (answer.startsWith('status')) load.wrong.add(answer);
      }
    }),
  );
  const marker = await world.write('', `${first}.dead`);
  const reason = /^killed after .*check\.mjs exited with code 1, 2 times in a row$/;
  await waitFor('its end', async () => reason.test((await instance(world, first))?.reason ?? ''));
  await rm(marker);
  const again = await waitFor('it to be ready again', async () => {
    const now = await instance(world, first);
    return now?.state === 'ready' ? now : null;
  });
  assert.notEqual(again.pid, before?.pid);
  load.isOn = false;
  await loading;
  assert.deepEqual([...load.wrong], []);
});
