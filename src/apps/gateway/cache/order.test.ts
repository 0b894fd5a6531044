import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { usualCacheRule } from '../../../domain/cache/cache-rule.fixture.ts';
import type { TrafficPolicy } from '../../../domain/traffic/resilience/traffic-policy.ts';
import { engines, GatewayFixture } from '../gateway-fixture.ts';
import { rule as jwt, tokenOf } from '../identity/tokens.fixture.ts';

/** Who is refused is not given what is stored, in both engines. */
for (const engine of engines) {
  describe(`engine ${engine}`, () => {
    let fixture: GatewayFixture;
    before(async () => {
      fixture = await GatewayFixture.start(engine);
    });
    after(() => fixture[Symbol.asyncDispose]());

    async function cached(
      policy: TrafficPolicy,
      control = 'public, max-age=600',
    ): Promise<IncomingMessage[]> {
      const seen: IncomingMessage[] = [];
      await fixture.single(
        (request, response) => {
          seen.push(request);
          response.writeHead(200, { 'cache-control': control }).end('answer');
        },
        { policy: { cache: usualCacheRule, ...policy } },
      );
      return seen;
    }

    const bearer = async (claims: Record<string, unknown> = {}) => ({
      authorization: `Bearer ${await tokenOf({ claims })}`,
    });
    const isHit = (status: unknown): boolean => String(status).startsWith('tidegate; hit');

    test('a rate limit counts what the cache answers, and refuses it as well', async () => {
      const limit = { name: 'cached', ratePerSecond: 1 / 3600, burst: 3, per: { kind: 'route' } };
      const seen = await cached({ rateLimits: [limit as never] });
      const path = `/${engine}/limit`;
      const answers = [];
      for (let turn = 0; turn < 5; turn += 1) answers.push(await fixture.send({ path }));
      assert.deepEqual(
        answers.map(({ status }) => status),
        [200, 200, 200, 429, 429],
      );
      assert.deepEqual(
        answers.map(({ headers }) => isHit(headers['cache-status'])),
        [false, true, true, false, false],
      );
      assert.equal(seen.length, 1);
    });

    test('without a right token nothing that is stored is given', async () => {
      const seen = await cached({ jwt });
      const path = `/${engine}/token`;
      const right = await bearer();
      assert.equal((await fixture.send({ path, headers: right })).status, 200);
      const again = await fixture.send({ path, headers: right });
      assert.ok(isHit(again.headers['cache-status']));
      for (const headers of [{}, { authorization: 'Bearer x' }, await bearer({ aud: 'nobody' })]) {
        const { status, body } = await fixture.send({ path, headers });
        assert.equal(status, 401);
        assert.ok(!body.toString().includes('answer'));
      }
      assert.equal(seen.length, 1);
    });

    test('whom no rule allows to ask is not given what is stored for another', async () => {
      const role = { claim: 'role', values: ['admin'] };
      const admins = { name: 'admins', action: 'ALLOW', from: [], to: [], when: [role] } as const;
      const seen = await cached({ jwt, authorization: { mode: 'enforce', rules: [admins] } });
      const path = `/${engine}/admins`;
      const admin = await bearer({ role: 'admin' });
      await fixture.send({ path, headers: admin });
      assert.ok(isHit((await fixture.send({ path, headers: admin })).headers['cache-status']));
      const { status, headers, body } = await fixture.send({ path, headers: await bearer() });
      assert.equal(status, 403);
      assert.ok(!isHit(headers['cache-status']) && !body.toString().includes('answer'));
      assert.equal(seen.length, 1);
    });

    test('an answer to a request with Authorization is kept only where it says so (RFC 9111 section 3.5)', async () => {
      const headers = { authorization: 'Basic eDp5' };
      const rows: readonly (readonly [control: string, isKept: boolean])[] = [
        ['max-age=600', false],
        ['private, max-age=600', false],
        ['proxy-revalidate, max-age=600', false],
        ['public, max-age=600', true],
        ['s-maxage=600', true],
        ['must-revalidate, max-age=600', true],
      ];
      for (const [control, isKept] of rows) {
        const seen = await cached({}, control);
        const path = `/${engine}/${encodeURIComponent(control)}`;
        await fixture.send({ path, headers });
        const other = await fixture.send({ path });
        assert.equal(isHit(other.headers['cache-status']), isKept, control);
        assert.equal(seen.length, isKept ? 1 : 2, control);
      }
    });
  });
}
