/** Writes that are sent twice, or that mean a state which is over: done once, or not at all. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';

import { problemSchema, serviceSchema } from '../../src/api/wire.ts';
import { release } from './release.fixture.ts';
import { startWorld, waitFor, type World } from './world.fixture.ts';

const tokenListSchema = z.object({ items: z.array(z.object({ person: z.string() })) });

describe('writes', () => {
  let world: World;

  before(async () => {
    world = await startWorld();
    await world.applyAndWait(release({ version: 'v1' }));
  });

  after(() => world[Symbol.asyncDispose]());

  function post(path: string, body: object, headers: Record<string, string> = {}) {
    return world.request(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  }

  test('a write with an Idempotency-Key is done once, also when the server is killed in between', async () => {
    const wish = {
      person: 'ann',
      role: 'viewer',
      services: ['*/*'],
      lastsMs: 3_600_000,
      who: 'me',
    };
    const headers = { 'idempotency-key': '"one-token"' };
    const first = await post('/v1/tokens', wish, headers);
    assert.equal(first.status, 200, await first.clone().text());
    const again = await post('/v1/tokens', wish, headers);
    assert.equal(again.headers.get('idempotency-replayed'), 'true');
    assert.deepEqual(await again.json(), await first.json());
    assert.equal((await post('/v1/tokens', { ...wish, person: 'ben' }, headers)).status, 422);
    const action = { action: 'restart', who: 'me' };
    const restart = { 'idempotency-key': '"one-restart"' };
    const done = await post('/v1/services/pay/actions', action, restart);
    assert.equal(done.status, 200, await done.clone().text());
    await world.killServer();
    await world.up();
    const replayed = await post('/v1/services/pay/actions', action, restart);
    assert.deepEqual([replayed.status, await replayed.json()], [200, await done.json()]);
    // The secret is on no disk, so it cannot be said again; nor is there a second token.
    const secret = await post('/v1/tokens', wish, headers);
    assert.equal(secret.status, 409);
    assert.match(problemSchema.parse(await secret.json()).detail, /was done and answered with 200/);
    const { items } = tokenListSchema.parse(await (await world.request('/v1/tokens')).json());
    assert.deepEqual(
      items.map(({ person }) => person),
      ['ann'],
    );
  });

  test('a write that names an older resourceVersion is refused with the one that is, and does nothing', async () => {
    // The restart of the test before makes entries of its own until it is over.
    const version = await waitFor('the end of the restart', async () => {
      const { status, metadata } = await world.service('pay');
      return status.restart?.phase === 'running' ? null : metadata.resourceVersion;
    });
    const stale = { action: 'restart', who: 'me', resourceVersion: '1' };
    const refused = await post('/v1/services/pay/actions', stale);
    assert.equal(refused.status, 409);
    const problem = problemSchema.parse(await refused.json());
    assert.equal(problem.resourceVersion, version);
    assert.match(problem.detail, /pay has changed/);
    const { resourceVersion: _, ...bare } = stale;
    const byHeader = await post('/v1/services/pay/actions', bare, { 'if-match': '"1"' });
    assert.equal(byHeader.status, 409);
    const odd = await post('/v1/services/pay/actions', bare, { 'if-match': 'W/"x"' });
    assert.equal(odd.status, 400);
    assert.equal((await world.service('pay')).metadata.resourceVersion, version);
    const files = [{ path: '/x/pay.yaml', text: 'kind: nothing' }];
    const unread = await post('/v1/apply', { files, who: 'me', resourceVersions: { pay: 'x' } });
    assert.equal(unread.status, 400);
    const good = await post('/v1/services/pay/actions', bare, { 'if-match': `"${version}"` });
    assert.equal(good.status, 200, await good.clone().text());
  });

  test('what is read again unchanged is not sent again', async () => {
    const first = await world.request('/v1/tokens');
    const etag = first.headers.get('etag');
    assert.match(etag ?? '', /^W\/"[\w-]{27}"$/);
    const again = await world.request('/v1/tokens', { headers: { 'if-none-match': etag ?? '' } });
    assert.deepEqual([again.status, await again.text()], [304, '']);
    const other = await world.request('/v1/tokens', { headers: { 'if-none-match': 'W/"x"' } });
    assert.equal(other.status, 200);
    const service = serviceSchema.parse(await (await world.request('/v1/services/pay')).json());
    assert.equal(service.metadata.namespace, 'default');
    const types = service.status.conditions.map(({ type, status }) => `${type}=${status}`);
    assert.ok(types.includes('Available=True'), types.join());
  });
});
