import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createClient } from '@redis/client';
import { cacheValue } from '../../src/adapters/redis/cache-value.ts';
import { RedisCache } from '../../src/adapters/redis/redis-cache.ts';
import { GatewayFixture, until } from '../../src/apps/gateway/gateway-fixture.ts';
import { farScopeOf } from '../../src/apps/gateway/cache/far-scope.ts';
import { primaryKey } from '../../src/domain/cache/cache-key.ts';
import { usualCacheRule } from '../../src/domain/cache/cache-rule.fixture.ts';
import { storedAnswer } from '../../src/domain/cache/stored-answer.fixture.ts';
import { cacheStoreContract } from '../../src/ports/cache-store.contract.ts';
import { RedisFixture } from './redis.fixture.ts';

let redis: RedisFixture;
before(async () => {
  redis = await RedisFixture.start();
});
after(() => redis[Symbol.asyncDispose]());

/** A gateway waits 25 ms for Redis, and lets it rest when it is late: on a slow machine many tries go by. */
const sharedWithinMs = 300_000;
const signal = AbortSignal.timeout(900_000);

function tick(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}

/** It connects by itself. */
async function connected(): Promise<RedisCache> {
  const store = new RedisCache(redis.url, () => {});
  await until(() => store.isReady);
  return store;
}

cacheStoreContract('redis', connected);

test('what is foreign or damaged is nothing', async () => {
  await using store = await connected();
  const none = (): null => null;
  const answer = storedAnswer();
  const client = createClient({ url: redis.url });
  await client.connect();
  // Others may have left answers there.
  await client.flushAll();
  const good = cacheValue({ primary: 'key', secondary: '' }, answer);
  const ofAnother = cacheValue({ primary: 'another', secondary: '' }, answer);
  const splitting = storedAnswer({ fields: [['x', 'a\r\nset-cookie: b']] });
  const values: readonly (readonly [vary: Buffer | string, value: Buffer | string])[] = [
    ['[]', 'TGC1 of somebody'],
    ['[]', good.subarray(0, -1)],
    ['[]', Buffer.concat([good, Buffer.from('x')])],
    ['[]', ofAnother],
    ['[]', cacheValue({ primary: 'key', secondary: '' }, splitting)],
    ['[]', ''],
    ['["x-other"]', good],
    ['no json', good],
    ['[1]', good],
  ];
  try {
    await store.put('key', { secondary: '', answer }, 60_000, signal);
    const [name = ''] = await client.keys('tidegate:cache:*');
    for (const [vary, value] of values) {
      await client.del(name);
      await client.hSet(name, { vary, '=': value });
      assert.equal(await store.get('key', none, signal), null, `${String(vary)} ${String(value)}`);
    }
    await client.hSet(name, { vary: '[]', '=': good });
    assert.deepEqual((await store.get('key', none, signal))?.answer, answer);
    // Not even a hash: it cannot be known what it has.
    await client.del(name);
    await client.set(name, 'a text');
    await assert.rejects(store.get('key', none, signal));
  } finally {
    await client.flushAll();
    client.destroy();
  }
});

test('two gateways share what one has fetched, and a Redis that is killed and back is no error', async () => {
  const more = { arguments: ['--redis-url-file', redis.urlFile] };
  await using one = await GatewayFixture.start('fast', more);
  await using two = await GatewayFixture.start('fast', more);
  let asked = 0;
  const endpoint = await one.instance((_request, response) => {
    asked += 1;
    response.writeHead(200, { 'cache-control': 'max-age=600' }).end('answer');
  });
  const backends = [{ revisionId: 'r1', weightPercent: 100, endpoints: [endpoint] }];
  const policy = { cache: usualCacheRule };
  await one.route(backends, { policy });
  await two.route(backends, { policy });
  await using probe = await connected();
  let path = 0;
  const isShared = async (): Promise<boolean> => {
    path += 1;
    assert.equal((await one.send({ path: `/${path}` })).status, 200);
    const resource = { scheme: 'http', authority: 'svc.localhost', path: `/${path}` } as const;
    const primary = primaryKey(resource, 'r1', usualCacheRule);
    const key = `${farScopeOf(usualCacheRule)}\n${primary}`;
    const lies = async (): Promise<boolean> => {
      // Away or slow at the moment: asked again, or for the next path.
      const found = await probe.get(key, () => null, signal).catch(() => null);
      return found !== null;
    };
    // It is written behind the answer, and not at all while Redis is away.
    for (let look = 0; look < 50 && !(await lies()); look += 1) await tick();
    const { status, headers } = await two.send({ path: `/${path}` });
    assert.equal(status, 200);
    return String(headers['cache-status']).includes('detail=redis');
  };
  await until(isShared, sharedWithinMs);
  await redis.kill();
  for (let turn = 0; turn < 100; turn += 1) {
    path += 1;
    for (const gateway of [one, two, one]) {
      const { status, body } = await gateway.send({ path: `/${path}` });
      assert.deepEqual([status, body.toString()], [200, 'answer']);
    }
  }
  await redis.startAgain();
  await until(isShared, sharedWithinMs);
  assert.ok(asked > 0);
});
