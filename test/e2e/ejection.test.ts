/** An instance that fails is ejected by the gateway, which server, ledger and command line tell, and is let in again when it is well. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { test } from 'node:test';

import { startWorld, waitFor, type World } from './world.fixture.ts';

/** Says who it is, in the place of a version. With a file `<instance>.failing` in its folder it answers users with 503; its probes stay well. */
const program = `
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
const id = process.env.TIDEGATE_INSTANCE;
createServer((request, response) => {
  if (request.url !== '/readyz' && existsSync(id + '.failing')) response.statusCode = 503;
  response.end(JSON.stringify({ version: id }));
}).listen(Number(process.env.PORT), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
`;

const release = `apiVersion: tidegate.dev/v1
kind: Service
metadata: { name: who }
spec:
  run: { command: [node, program.mjs] }
  scale: { min: 3 }
  health: { ready: /readyz, startTimeout: 60s }
  traffic:
    timeout: 30s
    outlierDetection: { consecutiveGatewayErrors: 2, baseEjectionTime: 1s }
`;

async function ejected(world: World): Promise<readonly string[]> {
  const { instances } = (await world.service('who')).status;
  return instances.filter((each) => each.isEjected === true).map(({ id }) => id);
}

async function told(world: World, what: RegExp): Promise<boolean> {
  return (await world.events()).some(({ sentence }) => what.test(sentence));
}

/** Statuses by who answered. */
async function visits(world: World, count: number): Promise<Map<string, Set<number>>> {
  const seen = new Map<string, Set<number>>();
  for (let number = 0; number < count; number += 1) {
    const { status, version } = await world.visit('who');
    seen.set(version, (seen.get(version) ?? new Set()).add(status));
  }
  return seen;
}

test('the instance that fails gets nothing until it is well, and everybody is told', async () => {
  await using world = await startWorld();
  await world.write(program, 'program.mjs');
  await world.applyAndWait(release);
  const ids = (await world.service('who')).status.instances.map(({ id }) => id);
  const [bad = '', ...others] = ids;
  assert.deepEqual([...(await visits(world, 30)).keys()].toSorted(), ids.toSorted());

  const marker = await world.write('', `${bad}.failing`);
  await waitFor('it to be ejected', async () => {
    await visits(world, 6);
    return (await ejected(world)).includes(bad);
  });
  assert.deepEqual(await ejected(world), [bad]);
  // It is ready all the same: its probes are well, and nobody starts it again.
  const status = await world.must('status');
  assert.match(status.stdout, /ready, ejected|1 ejected/);
  const out = new RegExp(`^the gateway has ejected, because of failures in a row, .*${bad} of who`);
  await waitFor('the entry', () => told(world, out));
  await waitFor('the others alone', async () => {
    const seen = await visits(world, 12);
    return !seen.has(bad) && others.every((id) => seen.has(id));
  });

  await rm(marker);
  await waitFor('it to be let in again', async () => {
    await visits(world, 12);
    return (await ejected(world)).length === 0;
  });
  const after = await visits(world, 30);
  assert.deepEqual(new Set(after.keys()), new Set(ids));
  assert.deepEqual(new Set([...after.values()].flatMap((each) => [...each])), new Set([200]));
  const back = new RegExp(`^the gateway does not eject any more .*${bad} of who`);
  await waitFor('the entry that it is back', () => told(world, back));
  const { instances } = (await world.service('who')).status;
  assert.ok(instances.every(({ restarts }) => restarts === 0));
  await world.verifyLedger();
});
