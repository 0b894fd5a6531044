import assert from 'node:assert/strict';
import { test } from 'node:test';
import { usualCacheRule } from '../../../domain/cache/cache-rule.fixture.ts';
import type { CachePurge } from '../../../domain/cache/cache-rule.ts';
import { GatewayFixture, until } from '../gateway-fixture.ts';

const workers = 3;
/** So many connections reach several workers, whichever the kernel gives them to. */
const callers = 40;
/** On a slow machine a fetch takes longer than what is usual to wait for one. */
const policy = { cache: { ...usualCacheRule, waitMs: 60_000 } };

test('each worker has a cache of its own and fetches once; purges and changes reach all of them', async () => {
  await using fixture = await GatewayFixture.start('fast', { workers });
  let [value, asked] = [1, 0];
  const endpoint = await fixture.instance((request, response) => {
    if (request.method === 'POST') value += 1;
    else asked += 1;
    response.writeHead(200, { 'cache-control': 'max-age=600', 'cache-tag': 'it' });
    response.end(`${value}`);
  });
  const backends = [{ revisionId: 'r1', weightPercent: 100, endpoints: [endpoint] }];
  await fixture.route(backends, { policy });
  const all = async (path: string): Promise<readonly string[]> => {
    const answers = Array.from({ length: callers }, () => fixture.sendAnew({ path }));
    return (await Promise.all(answers)).map(({ body }) => body.toString());
  };

  // Many at once: no worker asks twice.
  assert.deepEqual(new Set(await all('/a')), new Set(['1']));
  assert.ok(asked >= 1 && asked <= workers, `${asked} fetches`);

  // In every process before the table is acknowledged, so nobody is given what was before.
  value = 2;
  const purges: CachePurge[] = [{ atMs: Date.now(), what: { kind: 'tag', tag: 'it' } }];
  const { atMs } = purges[0] ?? { atMs: 0 };
  await until(() => Date.now() > atMs);
  await fixture.route(backends, { policy, cachePurges: purges });
  assert.deepEqual(new Set(await all('/a')), new Set(['2']));

  // By whichever worker it goes: the others hear of it soon, and none goes back.
  await fixture.sendAnew({ path: '/a', method: 'POST' });
  await until(async () => (await all('/a')).every((each) => each === '3'));
  assert.deepEqual(new Set(await all('/a')), new Set(['3']));
});
