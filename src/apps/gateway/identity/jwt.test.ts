import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { after, before, describe, test } from 'node:test';
import type { JwtRule } from '../../../domain/traffic/jwt-rule.ts';
import { everyPath } from '../../../domain/traffic/routing/request-match.ts';
import type { Route } from '../../../domain/traffic/routing/route-table.ts';
import { type Answer, engines, GatewayFixture, until } from '../gateway-fixture.ts';
import { attacks, ec, jwkOf, KeyServer, keySet, other, rule, tokenOf } from './tokens.fixture.ts';

function guarded(jwt: JwtRule): Partial<Route> {
  return { policy: { jwt } };
}

for (const engine of engines) {
  describe(`engine ${engine}`, () => {
    let fixture: GatewayFixture;
    before(async () => {
      fixture = await GatewayFixture.start(engine);
    });
    after(() => fixture[Symbol.asyncDispose]());

    let asked: string[] = [];
    const guard = (change: Partial<Route>) => {
      asked = [];
      return fixture.single((request, response) => {
        asked.push(request.url ?? '');
        let body = '';
        request.on('data', (chunk: Buffer) => (body += chunk.toString()));
        request.on('end', () => response.end(`got ${body}`));
      }, change);
    };
    const sendWith = (token: string | null, path = '/', body?: string): Promise<Answer> => {
      const headers = token === null ? {} : { authorization: `Bearer ${token}` };
      const method = body === undefined ? 'GET' : 'POST';
      return fixture.send({ method, path, headers, ...(body === undefined ? {} : { body }) });
    };

    test('a right token goes through, with its request whole, first time and after', async () => {
      await guard(guarded(rule));
      const token = await tokenOf();
      for (const body of ['one', 'two', 'x'.repeat(300_000)]) {
        const answer = await sendWith(token, '/', body);
        assert.equal(answer.status, 200, answer.body.toString().slice(0, 200));
        assert.equal(answer.body.toString(), `got ${body}`);
      }
      const byEc = await tokenOf({ key: ec.privateKey, alg: 'ES256', header: { kid: 'ec' } });
      assert.equal((await sendWith(byEc)).status, 200);
      const lower = await fixture.send({ headers: { authorization: `bearer ${token}` } });
      assert.equal(lower.status, 200);
    });

    test('no token is 401 with a challenge, and no instance is asked', async () => {
      await guard(guarded(rule));
      for (const headers of [{}, { authorization: 'Basic eDp5' }, { authorization: 'Bearer ' }]) {
        const answer = await fixture.send({ headers });
        assert.equal(answer.status, 401);
        assert.equal(answer.headers['www-authenticate'], 'Bearer realm="svc"');
        assert.equal(answer.headers['x-tidegate-reason'], 'unauthorized');
        assert.equal(answer.headers['content-type'], 'application/problem+json');
      }
      assert.deepEqual(asked, []);
    });

    test('each attack is refused before an instance hears of it, and nothing of the token is told', async () => {
      await guard(guarded(rule));
      for (const [name, token] of await attacks()) {
        const answer = await sendWith(token);
        assert.equal(answer.status, 401, `${name}: ${answer.body.toString()}`);
        assert.match(
          String(answer.headers['www-authenticate']),
          /^Bearer realm="svc", error="invalid_token"$/,
          name,
        );
        const parts = token.split('.').filter((part) => part.length > 10);
        assert.ok(!parts.some((part) => answer.body.toString().includes(part)), name);
      }
      assert.deepEqual(asked, []);
      assert.equal((await sendWith(await tokenOf())).status, 200, 'a right one still goes through');
    });

    test('claims that are asked for are 403 when they are missing', async () => {
      const claims = [
        { name: 'role', values: ['admin', 'ops'] },
        { name: 'scope', values: ['orders:write'] },
      ];
      await guard(guarded({ ...rule, claims }));
      const rows = [
        [{ role: 'ops', scope: 'orders:read orders:write' }, 200],
        [{ role: ['guest', 'admin'], scope: 'orders:write' }, 200],
        [{ role: 'guest', scope: 'orders:write' }, 403],
        [{ role: 'ops' }, 403],
        [{ role: 'ops', scope: 'orders:write2' }, 403],
        [{ __proto__: { role: 'ops' }, scope: 'orders:write' }, 403],
      ] as const;
      for (const [given, status] of rows) {
        const answer = await sendWith(await tokenOf({ claims: { ...given } }));
        assert.equal(answer.status, status, JSON.stringify(given));
        if (status !== 403) continue;
        const challenge = 'Bearer realm="svc", error="insufficient_scope"';
        assert.equal(answer.headers['www-authenticate'], challenge);
      }
    });

    test("a rule's token is for its requests, and the others need none", async () => {
      const match = { path: everyPath, method: null, headers: [], queryParams: [], cookies: [] };
      const admin = { ...match, path: { type: 'PathPrefix', value: '/admin' } as const };
      await guard({ rules: [{ name: 'admin', matches: [admin], jwt: rule }] });
      assert.equal((await sendWith(null, '/')).status, 200);
      assert.equal((await sendWith(null, '/admin/users')).status, 401);
      assert.equal((await sendWith(await tokenOf(), '/admin/users')).status, 200);
      assert.deepEqual(asked, ['/', '/admin/users']);
    });

    test('a rate limit can go by a claim', async () => {
      const per = { kind: 'claim', name: 'sub' } as const;
      const limit = { name: `by-${engine}`, ratePerSecond: 1 / 3600, burst: 2, per };
      await guard({ policy: { jwt: rule, rateLimits: [limit] } });
      const statuses = async (...tokens: readonly string[]): Promise<readonly number[]> => {
        const seen: number[] = [];
        for (const token of tokens) seen.push((await sendWith(token)).status);
        return seen;
      };
      const [ann, again, bob] = [
        await tokenOf({ claims: { sub: 'ann' } }),
        await tokenOf({ claims: { sub: 'ann', jti: '2' } }),
        await tokenOf({ claims: { sub: 'bob' } }),
      ];
      assert.deepEqual(await statuses(ann, again, ann, bob), [200, 200, 429, 200]);
      assert.deepEqual(await statuses('a.b.c', bob, bob), [401, 200, 429]);
    });

    test('requests that wait behind one another on a connection are answered in order', async () => {
      await guard(guarded(rule));
      const [one, two] = [
        await tokenOf({ claims: { sub: 'p1' } }),
        await tokenOf({ claims: { sub: 'p2' } }),
      ];
      const request = (path: string, token: string) =>
        `GET ${path} HTTP/1.1\r\nHost: svc.localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`;
      const bytes = request('/a', one) + request('/b', 'a.b.c') + request('/c', two);
      const received = await fixture.raw(bytes, (text) => text.split('HTTP/1.1 ').length === 4);
      const statuses = [...received.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
      assert.deepEqual(statuses, ['200', '401', '200']);
      // Only the answers have an order: an engine may ask an instance for both at once.
      assert.deepEqual(asked.toSorted(), ['/a', '/c']);
    });

    test('keys come from their URL, a new one is found, and a flood of unknown ones asks seldom', async () => {
      await using issuerServer = await KeyServer.start(keySet);
      await guard(guarded({ ...rule, keys: { kind: 'url', url: issuerServer.url } }));
      assert.equal((await sendWith(await tokenOf())).status, 200);
      const before = issuerServer.fetches;
      for (let turn = 0; turn < 30; turn += 1) {
        const token = await tokenOf({ key: other.privateKey, header: { kid: `made-up-${turn}` } });
        assert.equal((await sendWith(token)).status, 401);
      }
      // One in five seconds at most; a slow machine may take a while for thirty.
      assert.ok(issuerServer.fetches - before < 15, `${issuerServer.fetches - before} fetches`);
      issuerServer.keys = { keys: [...keySet.keys, await jwkOf(other.publicKey, 'new', 'RS256')] };
      const byNew = await tokenOf({ key: other.privateKey, header: { kid: 'new' } });
      await until(async () => (await sendWith(byNew)).status === 200);
    });

    test("keys that are out of reach are nobody's fault: 503, and again when they are there", async () => {
      await using issuerServer = await KeyServer.start(keySet);
      await guard(guarded({ ...rule, keys: { kind: 'url', url: issuerServer.url } }));
      const token = await tokenOf({ claims: { jti: engine } });
      for (const broken of ['gone', 'garbage', 'no-keys', 'redirect', 'slow'] as const) {
        issuerServer.mode = broken;
        const answer = await sendWith(token);
        assert.equal(answer.status, 503, `${broken}: ${answer.body.toString()}`);
        assert.equal(answer.headers['x-tidegate-reason'], 'token-unchecked');
        assert.equal(answer.headers['retry-after'], '1');
        await until(async () => {
          issuerServer.mode = 'well';
          return (await sendWith(token)).status === 200;
        });
        await guard(
          guarded({ ...rule, keys: { kind: 'url', url: `${issuerServer.url}?${broken}` } }),
        );
      }
    });
  });
}

test('over HTTP/2 each stream has its own token, and none waits for another', async () => {
  await using fixture = await GatewayFixture.start('fast', { arguments: ['--h2c'] });
  await fixture.single((_, response) => response.end('ok'), guarded(rule));
  const session = connect(`http://127.0.0.1:${fixture.port}`);
  const ask = async (token: string | null): Promise<Record<string, unknown>> => {
    const more = token === null ? {} : { authorization: `Bearer ${token}` };
    const stream = session.request({ ':authority': 'svc.localhost', ...more });
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
    stream.resume();
    return headers;
  };
  try {
    const rows = [await tokenOf(), null, 'a.b.c', await tokenOf({ claims: { sub: 'y' } })];
    const answers = await Promise.all(rows.map(ask));
    assert.deepEqual(
      answers.map((headers) => headers[':status']),
      [200, 401, 401, 200],
    );
    assert.equal(answers[1]?.['www-authenticate'], 'Bearer realm="svc"');
  } finally {
    session.destroy();
  }
});
