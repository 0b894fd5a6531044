import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createClient } from '@redis/client';
import * as fc from 'fast-check';
import { lendScript } from '../../src/adapters/redis/lend-script.ts';
import { RedisTokens } from '../../src/adapters/redis/redis-tokens.ts';
import { GatewayFixture, until } from '../../src/apps/gateway/gateway-fixture.ts';
import { lend, type LentBucket, noLentBucket } from '../../src/domain/traffic/limits/token-loan.ts';
import { tokenSourceContract } from '../../src/ports/token-source.contract.ts';
import { RedisFixture } from './redis.fixture.ts';

let redis: RedisFixture;
before(async () => {
  redis = await RedisFixture.start();
});
after(() => redis[Symbol.asyncDispose]());

/** It connects by itself; before that it lends nothing. */
async function connected(): Promise<RedisTokens> {
  const tokens = new RedisTokens(redis.url, () => {});
  const ask = {
    key: { scope: 'connected', client: '' },
    shape: { msPerToken: 1, burst: 1 },
    owed: 0,
    wanted: 0,
    demand: 0,
    credit: 0,
  };
  await until(async () => {
    try {
      await tokens.lend([ask], AbortSignal.timeout(10_000));
      return true;
    } catch {
      // Not yet; asked again until the bound.
      return false;
    }
  });
  return tokens;
}

tokenSourceContract('redis', connected);

test('the script in Redis lends as the function does, to the last bit', async () => {
  const client = createClient({ url: redis.url });
  await client.connect();
  const steps = fc.array(
    fc.record({
      waitMs: fc.constantFrom(0, 1, 4.25, 5, 12.5, 1000, 40_000),
      owed: fc.integer({ min: -3, max: 12 }),
      wanted: fc.integer({ min: 0, max: 12 }),
      demand: fc.integer({ min: 0, max: 20 }),
      credit: fc.constantFrom(0, 1 / 3, 0.5, 1),
    }),
    { maxLength: 40 },
  );
  const shapes = fc.record({
    msPerToken: fc.constantFrom(1, 1000 / 3, 7.7, 60_000),
    burst: fc.integer({ min: 1, max: 50 }),
  });
  const key = { scope: 'script', client: '' };
  try {
    await fc.assert(
      fc.asyncProperty(shapes, steps, async (shape, all) => {
        await client.del('script');
        let bucket: LentBucket = noLentBucket;
        let nowMs = 1_763_000_000_000;
        for (const { waitMs, ...more } of all) {
          nowMs += waitMs;
          const ours = lend(bucket, { key, shape, ...more }, nowMs);
          bucket = ours.bucket;
          const { owed, wanted, demand, credit } = more;
          const given = [shape.msPerToken, shape.burst, owed, wanted, demand, credit, nowMs];
          const theirs = await client.eval(lendScript, {
            keys: ['script'],
            arguments: given.map(String),
          });
          const { tokens, ahead, waitMs: until, fullInMs, credit: left } = ours.loan;
          assert.deepEqual((theirs as unknown[]).map(Number), [
            tokens,
            ahead,
            until,
            fullInMs,
            left,
          ]);
        }
      }),
      { numRuns: 50 },
    );
  } finally {
    client.destroy();
  }
});

/** One an hour, so that none comes back while a test lasts. */
function hourly(name: string, burst: number) {
  const limit = { name, ratePerSecond: 1 / 3600, burst, per: { kind: 'route' } } as const;
  return { policy: { rateLimits: [limit] } };
}

/** What `gateways` let through: `atLeast`, and what comes of many more requests. */
async function used(gateways: readonly GatewayFixture[], atLeast: number): Promise<number> {
  let allowed = 0;
  const others = new Set<number>();
  const send = async (gateway: GatewayFixture): Promise<void> => {
    const { status } = await gateway.sendAnew();
    if (status === 200) allowed += 1;
    else if (status !== 429) others.add(status);
  };
  await until(async () => {
    await Promise.all(gateways.flatMap((gateway) => [send(gateway), send(gateway), send(gateway)]));
    return allowed >= atLeast;
  });
  for (let sent = 0; sent < 60; sent += 1) await Promise.all(gateways.map(send));
  assert.deepEqual([...others], [], 'nothing but 200 and 429');
  return allowed;
}

test('two gateways of three workers share one bucket; while Redis is away each has its own', async () => {
  const options = { workers: 3, arguments: ['--redis-url-file', redis.urlFile] };
  await using one = await GatewayFixture.start('fast', options);
  await using other = await GatewayFixture.start('fast', options);
  const both = [one, other];
  const apply = (name: string, burst: number) =>
    Promise.all(both.map((each) => each.single((_, answer) => answer.end(), hourly(name, burst))));
  const burst = 60;
  // A process that hears nothing from Redis in time asks its own gateway, so on a starved machine one try tells nothing.
  let together = Infinity;
  for (let tries = 0; tries < 5 && together >= 1.5 * burst; tries += 1) {
    await apply(`together-${tries}`, burst);
    together = await used(both, burst);
  }
  assert.ok(together < 1.5 * burst, `${together} of ${burst}, and twice that would be two buckets`);

  await redis.kill();
  await apply('apart', burst);
  // Twice the limit: there are two buckets.
  await used(both, 2 * burst);
  const log = async () => {
    const texts = await Promise.all(
      both.map((each) => readFile(join(each.stateFolder, 'gateway.log'), 'utf8')),
    );
    return texts.join('\n');
  };
  await until(async () => (await log()).includes('is away'));

  await redis.startAgain();
  await until(async () => (await log()).split('is back').length - 1 >= 6);
  await apply('again', burst);
  await used(both, burst);
});

test('a gateway says what is wrong with the file, and never its password', async () => {
  const open = (text: string) => () => new RedisTokens(text, () => {});
  assert.throws(open('http://x'), /redis:\/\/HOST:PORT/);
  assert.throws(open('redis://:hunter2@db.example'), (error: Error) => {
    return error.message.includes('in the clear') && !error.message.includes('hunter2');
  });
});
