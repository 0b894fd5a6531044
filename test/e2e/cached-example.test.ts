/** The files of examples/cached, as its README says: what is kept, what takes it away, and what a rollout does to it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';

import { rolloutEnd, projectFolder, startWorld, type World } from './world.fixture.ts';

interface Seen {
  readonly status: number;
  readonly cache: string;
  readonly price: number | null;
  readonly version: string;
}

/** On a connection of its own. */
async function visit(world: World, method: string, path: string): Promise<Seen> {
  const asked = request({
    host: '127.0.0.1',
    port: world.ports.gateway,
    method,
    path,
    agent: false,
    headers: { host: 'catalogue.localhost' },
  });
  asked.end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece as Buffer);
  const text = Buffer.concat(pieces).toString();
  const { price = null, version = '' } = text === '' ? {} : (JSON.parse(text) as Partial<Seen>);
  const cache = String(response.headers['cache-status']);
  return { status: response.statusCode ?? 0, cache, price, version };
}

test('the example keeps its answers, gives them up when they change, and not for a rollout', async () => {
  await using world = await startWorld();
  const apply = async (name: string): Promise<void> => {
    await world.must('apply', '-f', join(projectFolder, 'examples/cached', `${name}.yaml`));
    const { outcome, cause } = await rolloutEnd(world, 'catalogue', { timeoutMs: 300_000 });
    assert.equal(outcome, 'promoted', cause?.sentence);
  };
  await apply('catalogue-v1');
  const product = (query = ''): Promise<Seen> => visit(world, 'GET', `/products/7${query}`);

  assert.equal((await product()).cache, 'tidegate; fwd=uri-miss; stored');
  assert.match((await product('?utm_source=x')).cache, /^tidegate; hit/);
  await visit(world, 'PUT', '/products/7?price=90');
  // A query that is not ignored is another resource, so the one without it is still there.
  assert.equal((await product()).price, 100);
  await visit(world, 'POST', '/products/7/sale');
  assert.equal((await product()).price, 100);

  const purge = ['cache', 'purge', 'catalogue', '--tag', 'product-7', '-o', 'json'];
  const { stdout } = await world.must(...purge, '--reason', 'it is on sale');
  const receipt = JSON.parse(stdout) as { entryIndex: number; isInForce: boolean };
  assert.equal(receipt.isInForce, true);
  assert.deepEqual(await product(), {
    status: 200,
    cache: 'tidegate; fwd=uri-miss; stored',
    price: 50,
    version: 'v1',
  });
  const event = (await world.events()).find(({ index }) => index === receipt.entryIndex);
  assert.match(event?.sentence ?? '', /purge of catalogue: .*product-7/);
  assert.equal(event?.by?.why, 'it is on sale');

  await apply('catalogue-v2');
  assert.equal((await product()).version, 'v2');
  const described = (await world.must('describe', 'catalogue')).stdout;
  assert.match(
    described,
    /Cache: .*staleIfError 10m.*memory 16Mi.*ignoreQuery utm_\*.*tags catalogue/,
  );
  const wrong = ['cache', 'purge', 'catalogue', '--tag', 'a,b', '--reason', 'it is no tag'];
  const refused = await world.run(wrong);
  assert.notEqual(refused.code, 0);
  assert.match(refused.stderr, /no comma/);
  await world.must('verify');
});
