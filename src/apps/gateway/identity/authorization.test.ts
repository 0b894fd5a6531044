import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type {
  Authorization,
  AuthorizationRule,
} from '../../../domain/authorization/authorization.ts';
import { usualCacheRule } from '../../../domain/cache/cache-rule.fixture.ts';
import type { TrafficPolicy } from '../../../domain/traffic/resilience/traffic-policy.ts';
import { engines, GatewayFixture, type SendOptions, until } from '../gateway-fixture.ts';
import { KeyServer, keySet, rule as tokenRule, tokenOf } from './tokens.fixture.ts';

const rule = (name: string, change: Partial<AuthorizationRule>): AuthorizationRule => ({
  name,
  action: 'ALLOW',
  from: [],
  to: [],
  when: [],
  ...change,
});
const here = [{ principals: [], namespaces: [], ipBlocks: ['127.0.0.0/8', '::1'] }];
const rules = [
  rule('reads', { from: here, to: [{ methods: ['GET'], paths: ['/orders/*'] }] }),
  rule('known', { from: [{ principals: ['*'], namespaces: [], ipBlocks: [] }] }),
  rule('no-exports', { action: 'DENY', to: [{ methods: [], paths: ['/orders/export'] }] }),
];

for (const engine of engines) {
  describe(`engine ${engine}`, () => {
    let fixture: GatewayFixture;
    let folder: string;
    let logPath: string;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'tidegate-access-'));
      logPath = join(folder, 'access.log');
      fixture = await GatewayFixture.start(engine, { arguments: ['--access-log', logPath] });
    });
    after(async () => {
      await fixture[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    });

    let asked: string[] = [];
    const guard = async (authorization: Authorization, more: TrafficPolicy = {}): Promise<void> => {
      asked = [];
      await fixture.single(
        (request, response) => {
          asked.push(`${request.method} ${request.url}`);
          response.end('ok');
        },
        { policy: { authorization, ...more } },
      );
    };
    const status = async (options: SendOptions): Promise<number> =>
      (await fixture.send(options)).status;

    test('what no rule allows is 403, says no more than that, and no instance hears of it', async () => {
      await guard({ mode: 'enforce', rules });
      assert.equal(await status({ path: '/orders/1' }), 200);
      const refused: readonly SendOptions[] = [
        { path: '/' },
        { path: '/orders/1', method: 'POST', body: 'x' },
        { path: '/orders/../admin' },
        { path: '/orders/..%2fadmin' },
        { path: '/orders/export' },
        { path: '/orders/%65xport' },
        { path: '/orders//export' },
        { path: '/orders/Export/' },
      ];
      const told = new Set<string>();
      for (const options of refused) {
        const answer = await fixture.send(options);
        assert.equal(answer.status, 403, options.path);
        assert.equal(answer.headers['x-tidegate-reason'], 'forbidden');
        assert.equal(answer.headers['content-type'], 'application/problem+json');
        told.add(answer.body.toString());
      }
      assert.equal(told.size, 1, 'whether a rule denied it is not told');
      assert.match([...told].join(''), /no rule of the service allows this request/);
      assert.doesNotMatch([...told].join(''), /export|reads/);
      assert.deepEqual(asked, ['GET /orders/1']);
      assert.equal(await status({ path: '/orders/1' }), 200, 'the connection goes on');
    });

    test('operators find the rule in the access log, and counts by action in the metrics', async () => {
      await guard({ mode: 'enforce', rules });
      await fixture.send({ path: '/orders/export?here' });
      await fixture.send({ path: '/nowhere' });
      const lines = async () =>
        (await readFile(logPath, 'utf8'))
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => JSON.parse(line) as Record<string, unknown>);
      await until(async () =>
        (await lines()).some(
          (line) =>
            line['tidegate.authorization.rule'] === 'no-exports' &&
            line['http.response.status_code'] === 403 &&
            line['error.type'] === 'forbidden',
        ),
      );
      const bare = async () => (await lines()).find((line) => line['url.path'] === '/nowhere');
      await until(async () => (await bare()) !== undefined);
      assert.equal((await bare())?.['tidegate.authorization.mode'], 'enforce');
      assert.equal((await bare())?.['tidegate.authorization.rule'], undefined);
      const text = await (await fetch(`${fixture.adminUrl}/metrics`)).text();
      for (const action of ['ALLOW', 'DENY', 'none']) {
        const sample = new RegExp(
          `tidegate_gateway_authorizations_total\\{[^}]*tidegate_action="${action}"[^}]*\\} [1-9]`,
        );
        assert.match(text, sample);
      }
    });

    test('audit serves everything, and tells what would be refused', async () => {
      await guard({ mode: 'audit', rules });
      assert.equal(await status({ path: `/audited-${engine}` }), 200);
      await until(async () => {
        const line = (await readFile(logPath, 'utf8'))
          .split('\n')
          .find((each) => each.includes(`/audited-${engine}"`));
        if (line === undefined) return false;
        const said = JSON.parse(line) as Record<string, unknown>;
        return said['tidegate.authorization.mode'] === 'audit';
      });
    });

    test('what is told of a request that waits for the cache is not what is told of those meanwhile', async () => {
      const path = `/awaited-${engine}`;
      const held = Promise.withResolvers<void>();
      let isAsked = false;
      await fixture.single(
        (request, response) => {
          if (request.url !== path) return void response.end('ok');
          isAsked = true;
          void held.promise.then(() =>
            response.writeHead(200, { 'cache-control': 'max-age=60' }).end('one for both'),
          );
        },
        { policy: { authorization: { mode: 'audit', rules }, cache: usualCacheRule } },
      );
      const first = status({ path });
      await until(() => isAsked);
      const second = status({ path });
      // Sent behind the one that waits; allowed, so with nothing to be told.
      for (let count = 0; count < 5; count += 1) await status({ path: '/orders/1' });
      held.resolve();
      assert.deepEqual(await Promise.all([first, second]), [200, 200]);
      await until(async () => {
        const lines = (await readFile(logPath, 'utf8')).split('\n');
        const told = lines.filter((each) => each.includes(`${path}"`));
        return told.length === 2 && told.every((line) => line.includes('"audit"'));
      });
    });

    test('the time in which a token was checked is part of what the request took', async () => {
      await using keys = await KeyServer.start(keySet);
      keys.mode = 'slow';
      const path = `/checked-${engine}`;
      const jwt = { ...tokenRule, keys: { kind: 'url', url: keys.url } as const };
      await fixture.single((_request, response) => response.end('ok'), { policy: { jwt } });
      const headers = { authorization: `Bearer ${await tokenOf()}` };
      assert.equal(await status({ path, headers }), 503);
      let seconds = 0;
      await until(async () => {
        const lines = (await readFile(logPath, 'utf8')).split('\n');
        const told = lines.find((each) => each.includes(`${path}"`));
        if (told === undefined) return false;
        seconds = Number(/"http.server.request.duration":([\d.]+)/.exec(told)?.[1]);
        return true;
      });
      // Keys are waited for three seconds; what came too late was refused at once.
      assert.ok(seconds > 2, `${seconds} s`);
    });

    test('claims come of a token that was checked, and of nothing else', async () => {
      const { privateKey, publicKey } = await generateKeyPair('ES256');
      const text = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256' }] });
      const tokenOf = (role: unknown) =>
        new SignJWT({ role })
          .setProtectedHeader({ alg: 'ES256' })
          .setIssuer('i')
          .setAudience('a')
          .setExpirationTime('1h')
          .sign(privateKey);
      const jwt = {
        issuer: 'i',
        audiences: ['a'],
        keys: { kind: 'set', text } as const,
        claims: [],
      };
      const when = [{ claim: 'role', values: ['admin'] }];
      await guard({ mode: 'enforce', rules: [rule('admins', { when })] }, { jwt });
      const ask = async (token: string | null): Promise<number> => {
        const authorization = token === null ? {} : { authorization: `Bearer ${token}` };
        return status({ headers: { role: 'admin', ...authorization }, path: '/?role=admin' });
      };
      assert.equal(await ask(null), 401);
      assert.equal(await ask(await tokenOf('guest')), 403);
      assert.equal(await ask(await tokenOf(['guest', 'admin'])), 200);
      assert.equal(await ask(await tokenOf('admin')), 200);
    });

    test('what is refused takes no token of a limit', async () => {
      const limit = {
        name: `l-${engine}`,
        ratePerSecond: 1 / 3600,
        burst: 1,
        per: { kind: 'route' },
      } as const;
      await guard({ mode: 'enforce', rules }, { rateLimits: [limit] });
      for (let turn = 0; turn < 3; turn += 1) assert.equal(await status({ path: '/no' }), 403);
      assert.equal(await status({ path: '/orders/1' }), 200);
      assert.equal(await status({ path: '/orders/1' }), 429);
    });
  });
}
