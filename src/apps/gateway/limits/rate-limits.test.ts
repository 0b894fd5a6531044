import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { RateLimit, RateLimitKey } from '../../../domain/traffic/limits/rate-limit.ts';
import type { Route } from '../../../domain/traffic/routing/route-table.ts';
import { everyPath } from '../../../domain/traffic/routing/request-match.ts';
import { type Answer, engines, GatewayFixture, until } from '../gateway-fixture.ts';

/** One an hour: whatever the machine does, no token comes back while a test lasts. */
function limit(name: string, burst: number, per: RateLimitKey = { kind: 'route' }): RateLimit {
  return { name, ratePerSecond: 1 / 3600, burst, per };
}

function limited(...rateLimits: readonly RateLimit[]): Partial<Route> {
  return { policy: { rateLimits } };
}

function revisionOf({ headers }: Answer): string {
  return String(headers['x-tidegate-revision']);
}

for (const engine of engines) {
  describe(`engine ${engine}`, () => {
    let fixture: GatewayFixture;
    before(async () => {
      fixture = await GatewayFixture.start(engine);
    });
    after(() => fixture[Symbol.asyncDispose]());

    const ok = () => fixture.single((_, response) => response.end('ok'));
    const statuses = async (
      count: number,
      options: Parameters<typeof fixture.send>[0] = {},
    ): Promise<readonly number[]> => {
      const seen: number[] = [];
      for (let sent = 0; sent < count; sent += 1) seen.push((await fixture.send(options)).status);
      return seen;
    };

    test('answers tell what is left, and the one too many is 429 as the draft says', async () => {
      await fixture.single((_, response) => response.end('ok'), limited(limit('told', 2)));
      const first = await fixture.send();
      assert.equal(first.status, 200);
      assert.equal(first.headers['ratelimit-policy'], '"told";q=2;w=7200');
      assert.match(String(first.headers['ratelimit']), /^"told";r=1;t=3(600|5\d\d)$/);
      // A token is back in an hour from when it was taken, which may be some seconds ago.
      const second = String((await fixture.send()).headers['ratelimit']);
      assert.match(second, /^"told";r=0;t=7(200|1\d\d)$/);
      const over = await fixture.send({ method: 'POST', body: 'x' });
      assert.equal(over.status, 429);
      assert.equal(over.headers['x-tidegate-reason'], 'rate-limited');
      assert.match(String(over.headers['ratelimit']), /^"told";r=0;t=\d+$/);
      const waitSeconds = Number(over.headers['retry-after']);
      assert.ok(waitSeconds > 3000 && waitSeconds <= 3600, `${waitSeconds}`);
      assert.equal(over.headers['content-type'], 'application/problem+json');
      const problem = JSON.parse(over.body.toString());
      assert.equal(problem.type, 'https://iana.org/assignments/http-problem-types#quota-exceeded');
      assert.deepEqual(problem['violated-policies'], ['told']);
    });

    test('without limits nothing is told of any', async () => {
      await ok();
      const { headers } = await fixture.send();
      assert.equal(headers['ratelimit'], undefined);
      assert.equal(headers['ratelimit-policy'], undefined);
    });

    test('each value of a header has a bucket, those without it one together', async () => {
      const per = { kind: 'header', name: 'x-api-key' } as const;
      await fixture.single((_, response) => response.end(), limited(limit('keyed', 2, per)));
      const as = (key: string) => ({ headers: { 'x-api-key': key } });
      assert.deepEqual(await statuses(3, as('one')), [200, 200, 429]);
      assert.deepEqual(await statuses(3, as('two')), [200, 200, 429]);
      assert.deepEqual(await statuses(3), [200, 200, 429]);
      const long = (end: string) => as(`${'k'.repeat(2000)}${end}`);
      assert.deepEqual(await statuses(3, long('a')), [200, 200, 429]);
      assert.deepEqual(await statuses(1, long('b')), [200]);
    });

    test('an address has one bucket whatever its port is', async () => {
      const per = { kind: 'address' } as const;
      await fixture.single((_, response) => response.end(), limited(limit('address', 2, per)));
      const seen: number[] = [];
      for (let sent = 0; sent < 3; sent += 1) seen.push((await fixture.sendAnew()).status);
      assert.deepEqual(seen, [200, 200, 429]);
    });

    test('per instance a revision has as many times the limit as it has instances', async () => {
      const endpoints = [];
      for (let count = 0; count < 3; count += 1) {
        endpoints.push(await fixture.instance((_, response) => response.end()));
      }
      await fixture.route(
        [{ revisionId: 'r1', weightPercent: 100, endpoints }],
        limited(limit('each', 2, { kind: 'instance' })),
      );
      assert.equal((await fixture.send()).headers['ratelimit-policy'], '"each";q=6;w=7200');
      assert.deepEqual(await statuses(6), [200, 200, 200, 200, 200, 429]);
    });

    test('who is beyond one limit uses up no other', async () => {
      const per = { kind: 'header', name: 'x-api-key' } as const;
      const limits = limited(limit('all', 4), limit('mine', 1, per));
      await fixture.single((_, response) => response.end(), limits);
      const as = (key: string) => ({ headers: { 'x-api-key': key } });
      assert.deepEqual(await statuses(9, as('loud')), [200, ...Array(8).fill(429)]);
      const other = await fixture.send(as('other'));
      const told = /^"all";r=2;t=7(200|1\d\d), "mine";r=0;t=3(600|5\d\d)$/;
      assert.match(String(other.headers['ratelimit']), told);
    });

    test("a rule's limit is for its requests, beside the service's", async () => {
      const match = { path: everyPath, method: null, headers: [], queryParams: [], cookies: [] };
      const search = { ...match, path: { type: 'PathPrefix', value: '/search' } as const };
      const rule = { name: 'search', matches: [search], rateLimits: [limit('search', 1)] };
      await fixture.single((_, response) => response.end(), {
        ...limited(limit('whole', 4)),
        rules: [rule],
      });
      assert.deepEqual(await statuses(2, { path: '/search?q=1' }), [200, 429]);
      assert.deepEqual(await statuses(4), [200, 200, 200, 429]);
    });

    test('a table that changes weights gives nobody a new bucket; another limit is a new one', async () => {
      const endpoint = await fixture.instance((_, response) => response.end());
      const backends = (weightPercent: number) => [
        { revisionId: 'r1', weightPercent: 100 - weightPercent, endpoints: [endpoint] },
        { revisionId: 'r2', weightPercent, endpoints: [endpoint] },
      ];
      await fixture.route(backends(10), limited(limit('kept', 2)));
      assert.deepEqual(await statuses(2), [200, 200]);
      await fixture.route(backends(50), limited(limit('kept', 2)));
      assert.deepEqual(await statuses(1), [429]);
      await fixture.route(backends(50), limited(limit('kept', 3)));
      assert.deepEqual(await statuses(4), [200, 200, 200, 429]);
    });

    test('requests that are refused take no turn of the split and are no evidence', async () => {
      const [r1, r2] = [
        await fixture.instance((_, response) => response.end(), 'r1'),
        await fixture.instance((_, response) => response.end(), 'r2'),
      ];
      const per = { kind: 'header', name: 'x-api-key' } as const;
      await fixture.route(
        [
          { revisionId: 'r1', weightPercent: 50, endpoints: [r1] },
          { revisionId: 'r2', weightPercent: 50, endpoints: [r2] },
        ],
        limited(limit('turns', 20, per)),
      );
      const requestsBefore = fixture.requests('r1') + fixture.requests('r2');
      const as = (key: string) => ({ headers: { 'x-api-key': key } });
      await statuses(20, as('loud'));
      const seen: string[] = [];
      for (let sent = 0; sent < 20; sent += 1) {
        seen.push(revisionOf(await fixture.send(as('fair'))));
        assert.equal((await fixture.send(as('loud'))).status, 429);
      }
      assert.equal(seen.filter((each) => each === 'r2').length, 10);
      await until(() => fixture.requests('r1') + fixture.requests('r2') === requestsBefore + 40);
      const metrics = await (await fetch(`${fixture.adminUrl}/metrics`)).text();
      assert.match(metrics, /tidegate_gateway_rate_limited_total\{[^}]*"turns"[^}]*\} 20\b/);
    });
  });
}

test('three workers share one bucket, whichever of them the kernel deals requests to', async () => {
  await using fixture = await GatewayFixture.start('fast', { workers: 3 });
  const [burst, ahead] = [30, 10];
  await fixture.single((_, response) => response.end(), limited(limit('shared', burst)));
  let allowed = 0;
  const send = async (): Promise<void> => {
    if ((await fixture.sendAnew()).status === 200) allowed += 1;
  };
  // Those that one worker holds and does not use come back to the others after a while.
  await until(async () => {
    await Promise.all(Array.from({ length: 5 }, send));
    return allowed >= burst;
  });
  for (let sent = 0; sent < 60; sent += 1) await send();
  assert.ok(allowed <= burst + ahead, `${allowed} of ${burst}`);
});
