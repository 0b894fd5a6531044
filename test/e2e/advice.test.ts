/**
 * What the gate advises, done by the real server, gateway and processes: a dead candidate is parked and goes back by its
 * probes, and of two instances the one that fails is replaced.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { release } from './release.fixture.ts';
import { rolloutEnd, startWorld, waitFor, type World } from './world.fixture.ts';

/** Fails every request in the first instance of its revision. */
const badInstance = `
import { createServer } from 'node:http';
const isBad = process.env.VERSION === 'v2' && process.env.TIDEGATE_INSTANCE.endsWith('-1');
createServer((request, response) => {
  response.statusCode = isBad && request.url !== '/readyz' ? 500 : 200;
  response.end();
}).listen(Number(process.env.PORT), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
`;

describe('what the gate advises is done', { concurrency: true }, () => {
  let world: World;

  before(async () => {
    world = await startWorld();
  });

  after(() => world[Symbol.asyncDispose]());

  test('a dead candidate is parked, and goes back by what its probes show', async () => {
    const wish = { name: 'parked', instances: 4, gate: { incident: '1s' } };
    await world.applyAndWait(release({ ...wish, version: 'v1' }));
    await using load = world.load({ service: 'parked', rps: 100, connections: 8 });
    const faults = { FAIL_PERCENT: '100' };
    await world.apply(release({ ...wish, instances: 2, version: 'v2', faults }));
    await waitFor('the parking', async () => {
      const { status } = await world.service('parked');
      return status.phase === 'Parked' && status.rollout?.phase === 'parked' ? status : null;
    });
    const end = await rolloutEnd(world, 'parked', { timeoutMs: 150_000 });
    assert.equal(end.outcome, 'rolled-back');
    assert.equal(end.cause?.kind, 'gate-failed', end.cause?.sentence);
    const { errors } = await load.stop();
    assert.ok(errors <= 120, `${errors} requests failed`);
    const decisions = (await world.events())
      .filter(({ rolloutId }) => rolloutId === end.id)
      .map(({ decision }) => decision);
    assert.ok(decisions.includes('park') && decisions.includes('probe'), decisions.join(' '));
  });

  test('the one of two instances that fails is replaced, and the version is promoted', async () => {
    const path = await world.write(badInstance, 'bad-instance.mjs');
    const gate = { replaceWithin: '20s' };
    const wish = { name: 'one', command: ['node', path], instances: 2, gate };
    await world.applyAndWait(release({ ...wish, version: 'v1' }));
    await using load = world.load({ service: 'one', rps: 100, connections: 8 });
    await world.apply(release({ ...wish, version: 'v2' }));
    const end = await rolloutEnd(world, 'one', { timeoutMs: 150_000 });
    assert.equal(end.outcome, 'promoted', end.cause?.sentence);
    const { byError } = await load.stop();
    // Its requests were let finish: what failed are its own answers.
    assert.deepEqual(byError, {});
    const { status } = await world.service('one');
    const ids = status.instances
      .filter((each) => each.revisionId === end.toRevisionId)
      .map((each) => each.id.slice(end.toRevisionId.length));
    assert.deepEqual(ids.toSorted(), ['-2', '-3']);
  });
});
