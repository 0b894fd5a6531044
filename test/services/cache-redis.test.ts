import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createClient } from '@redis/client';
import { RedisCache } from '../../src/adapters/redis/redis-cache.ts';
import { GatewayFixture, until } from '../../src/apps/gateway/gateway-fixture.ts';
import { usualCacheRule } from '../../src/domain/cache/cache-rule.fixture.ts';
import type { StoredAnswer } from '../../src/domain/cache/stored-answer.ts';
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

const answer: StoredAnswer = {
  status: 200,
  fields: [['etag', '"a"']],
  body: Buffer.from([0, 255, 10, 13]),
  requestAtMs: 1,
  terms: {
    responseAtMs: 1,
    initialAgeMs: 0,
    lifetimeMs: 60_000,
    staleWhileRevalidateMs: 0,
    staleIfErrorMs: 0,
    alwaysValidates: false,
    neverStale: false,
  },
  vary: [],
  tags: ['t'],
};

test('what was put is given to who it is for, until it is removed; what is foreign is nothing', async () => {
  await using store = new RedisCache(redis.url, () => {});
  await until(() => store.isReady);
  const none = (): null => null;
  await store.put('r1\n/a', { secondary: '', answer }, 60_000, signal);
  const found = await store.get('r1\n/a', none, signal);
  assert.deepEqual(found, { secondary: '', answer });
  assert.equal(await store.get('r2\n/a', none, signal), null);
  const german = { ...answer, vary: ['accept-language'] };
  const header = (language: string) => (): string => language;
  await store.put('r1\n/b', { secondary: 'accept-language=:de', answer: german }, 60_000, signal);
  assert.deepEqual((await store.get('r1\n/b', header('de'), signal))?.answer, german);
  assert.equal(await store.get('r1\n/b', header('en'), signal), null);
  await store.remove(['r1\n/a'], signal);
  assert.equal(await store.get('r1\n/a', none, signal), null);
  const client = createClient({ url: redis.url });
  await client.connect();
  for await (const keys of client.scanIterator({ MATCH: 'tidegate:cache:*' })) {
    for (const key of keys) {
      for (const field of await client.hKeys(key))
        if (field !== 'vary') await client.hSet(key, field, 'TGC1 of somebody');
    }
  }
  client.destroy();
  assert.equal(await store.get('r1\n/b', header('de'), signal), null);
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
  await using probe = new RedisCache(redis.url, () => {});
  let path = 0;
  const isShared = async (): Promise<boolean> => {
    path += 1;
    assert.equal((await one.send({ path: `/${path}` })).status, 200);
    const primary = `r1\nGET\nsvc.localhost\n/${path}`;
    const lies = async (): Promise<boolean> => {
      // Away or slow at the moment: asked again, or for the next path.
      const found = await probe.get(primary, () => null, signal).catch(() => null);
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
