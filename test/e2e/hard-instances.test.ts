/** Instances that are hard to live with, under load: who eats memory, who starts slowly, who does not want to go. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { release } from './release.fixture.ts';
import { rolloutEnd, startWorld, waitFor, type World } from './world.fixture.ts';

/** Serves, and from a moment after its start on takes more and more memory. Bounded, should nobody end it. */
const hungry = `
import { createServer } from 'node:http';
const server = createServer((request, response) => response.end('ok'));
const eaten = [];
const eat = () => { if (eaten.length < 80) { eaten.push(Buffer.alloc(10_000_000, 1)); setTimeout(eat, 20); } };
server.listen(Number(process.env.PORT), '127.0.0.1', () => setTimeout(eat, 500));
process.on('SIGTERM', () => process.exit(0));
`;

const slowly = { timeoutMs: 300_000 };

describe('a candidate', { concurrency: true }, () => {
  let world: World;

  before(async () => {
    world = await startWorld();
  });

  after(() => world[Symbol.asyncDispose]());

  test('that eats memory is ended at its limit and goes back by a sentence that names it; stable is unharmed', async () => {
    const resources = '{ limits: { memory: 300Mi } }';
    const name = 'hungry';
    await world.applyAndWait(release({ name, version: 'v1', resources }));
    const [before] = (await world.service(name)).status.instances;
    const program = await world.write(hungry, 'hungry.mjs');
    // Next to nobody asks it, so that it is no failed request that ends it.
    await using load = world.load({ service: name, rps: 1, connections: 2 });
    await world.apply(release({ name, version: 'v2', resources, command: ['node', program] }));
    const seen = await waitFor('its end at the limit', async () => {
      const { instances } = (await world.service(name)).status;
      return instances.find(({ outOfMemory }) => outOfMemory !== undefined);
    });
    assert.ok((seen.outOfMemory?.memoryBytes ?? 0) >= 300 * 2 ** 20);
    assert.ok(seen.restarts >= 1);
    const end = await rolloutEnd(world, name, slowly);
    assert.equal(end.outcome, 'rolled-back');
    assert.match(end.cause?.sentence ?? '', /OOMKilled/);
    const { status } = await waitFor('the end of the candidate', async () => {
      const service = await world.service(name);
      return service.status.instances.every(({ id }) => id === before?.id) ? service : null;
    });
    const [stable] = status.instances;
    assert.deepEqual([stable?.pid, stable?.restarts, stable?.state], [before?.pid, 0, 'ready']);
    const entry = (await world.events()).find(
      ({ service, decision }) => service === name && decision === 'roll-back',
    );
    assert.match(entry?.sentence ?? '', /OOMKilled/);
    const { errors, requests } = await load.stop();
    // Those that each of its ends met.
    assert.ok(errors <= 8 && requests > 0, `${errors} of ${requests} requests failed`);
    const told = await world.must('describe', name);
    assert.match(told.stdout, /Limits stable: +memory 300Mi enforced by (watching|cgroup)/);
  });

  test('that starts slowly gets no request before it is ready, and then its share', async () => {
    const name = 'slow';
    await world.applyAndWait(release({ name, version: 'v1' }));
    await using load = world.load({ service: name, rps: 100 });
    const faults = { READY_AFTER: '5' };
    await world.apply(release({ name, version: 'v2', faults, health: { startTimeout: '120s' } }));
    let early = 0;
    await waitFor('its start', async () => {
      const { rollout } = (await world.service(name)).status;
      if (rollout?.to.version !== 'v2') return false;
      if (rollout.phase === 'starting') early += rollout.totals.candidate.requests;
      return rollout.phase !== 'starting';
    });
    assert.equal(early, 0);
    const end = await rolloutEnd(world, name, slowly);
    assert.equal(end.outcome, 'promoted', end.cause?.sentence);
    const { errors, requests, byError, byStatus } = await load.stop();
    assert.equal(errors, 0, JSON.stringify({ requests, byError, byStatus }));
  });

  test('that follows one which ignores SIGTERM takes its place without a lost request, and the old one is killed', async () => {
    const name = 'stubborn';
    const health = { stopGrace: '1s' };
    const faults = { IGNORE_SIGTERM: 'true' };
    await world.applyAndWait(release({ name, version: 'v1', instances: 2, health, faults }));
    await using load = world.load({ service: name, rps: 100 });
    await world.apply(release({ name, version: 'v2', instances: 2, health, faults }));
    const end = await rolloutEnd(world, name, slowly);
    assert.equal(end.outcome, 'promoted', end.cause?.sentence);
    const isNew = ({ revisionId }: { readonly revisionId: string }): boolean =>
      revisionId === end.toRevisionId;
    const both = await waitFor('the end of the old instances', async () => {
      const { instances } = (await world.service(name)).status;
      return instances.every(isNew) ? instances : null;
    });
    assert.equal(both.length, 2);
    await world.must('restart', name, '--timeout', '170s');
    const { errors, requests, byError, byStatus } = await load.stop();
    assert.equal(errors, 0, JSON.stringify({ requests, byError, byStatus }));
  });
});
