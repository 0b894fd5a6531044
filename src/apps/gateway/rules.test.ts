import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { RequestMatch } from '../../domain/traffic/routing/request-match.ts';
import type { RuleTimeouts } from '../../domain/traffic/routing/route-rules.ts';
import { engines, GatewayFixture, until } from './gateway-fixture.ts';

const everything: RequestMatch = {
  path: { type: 'PathPrefix', value: '/' },
  method: null,
  headers: [],
  queryParams: [],
  cookies: [],
};
const slow: RequestMatch = { ...everything, path: { type: 'PathPrefix', value: '/slow' } };

/** Requests below /slow have these timeouts; the service's own are long. */
function ruleOf(timeouts: RuleTimeouts) {
  return { rules: [{ name: 'slow', matches: [slow], timeouts }] };
}

for (const engine of engines) {
  describe(`engine ${engine}`, () => {
    let fixture: GatewayFixture;
    before(async () => {
      fixture = await GatewayFixture.start(engine);
    });
    after(() => fixture[Symbol.asyncDispose]());

    for (const [name, timeouts, reason] of [
      ['the whole request', { requestMs: 150 }, 'timeout'],
      ['an attempt', { requestMs: 60_000, backendRequestMs: 150 }, 'backend-timeout'],
      ['silence', { idleMs: 150 }, 'idle-timeout'],
    ] as const) {
      test(`a rule's limit of ${name} gives 504, and others wait as long as before`, async () => {
        const held: (() => void)[] = [];
        await fixture.single((_request, response) => {
          held.push(() => response.end('at last'));
        }, ruleOf(timeouts));
        const other = fixture.send({ path: '/other' });
        await until(() => held.length === 1);
        const late = await fixture.send({ path: '/slow/report' });
        assert.equal(late.status, 504, late.body.toString());
        assert.equal(late.headers['content-type'], 'application/problem+json');
        assert.equal(late.headers['x-tidegate-reason'], reason);
        for (const release of held) release();
        assert.equal((await other).body.toString(), 'at last');
      });
    }

    test('a rule may take smaller bodies than the gateway, and others are not touched', async () => {
      await fixture.single(
        (request, response) => request.resume().on('end', () => response.end()),
        {
          rules: [{ name: 'small', matches: [slow], maxBodyBytes: 3 }],
        },
      );
      const chunked = { 'transfer-encoding': 'chunked' };
      const rows = [
        ['/slow', 'abc', {}, 200],
        ['/slow', 'abcd', {}, 413],
        ['/slow', 'abc', chunked, 200],
        ['/slow', 'abcd', chunked, 413],
        ['/other', 'abcd', chunked, 200],
      ] as const;
      for (const [path, body, headers, status] of rows) {
        const answer = await fixture.send({ method: 'POST', path, headers, body });
        assert.equal(answer.status, status, `${path} ${body}`);
      }
    });

    test('a rule may give more time than its service has', async () => {
      const held: (() => void)[] = [];
      await fixture.single((_request, response) => void held.push(() => response.end('late')), {
        requestTimeoutMs: 200,
        ...ruleOf({ requestMs: 60_000 }),
      });
      const allowed = fixture.send({ path: '/slow' });
      await until(() => held.length === 1);
      assert.equal((await fixture.send({ path: '/other' })).status, 504);
      for (const release of held) release();
      assert.equal((await allowed).status, 200);
    });

    for (const [name, timeouts] of [
      ['whole request', { requestMs: 1500 }],
      ['attempt', { backendRequestMs: 1500 }],
    ] as const) {
      test(`an answer that goes on beyond the limit of its ${name} is cut and counts as failed`, async () => {
        let timer: NodeJS.Timeout | undefined;
        await fixture.single((request, response) => {
          response.write('.');
          timer = setInterval(() => response.write('.'), 20);
          request.on('close', () => clearInterval(timer));
        }, ruleOf(timeouts));
        const failedBefore = fixture.counted('r1')[5] ?? 0;
        await assert.rejects(fixture.send({ path: '/slow' }));
        clearInterval(timer);
        await until(() => fixture.counted('r1')[5] === failedBefore + 1);
      });
    }

    test('silence within an answer cuts it', async () => {
      await fixture.single(
        (_request, response) => void response.write('.'),
        ruleOf({ idleMs: 1500 }),
      );
      await assert.rejects(fixture.send({ path: '/slow' }));
    });

    test('an answer that keeps moving is not silent', async () => {
      await fixture.single(
        (_request, response) => {
          let left = 10;
          const timer = setInterval(() => {
            response.write('.');
            left -= 1;
            if (left > 0) return;
            clearInterval(timer);
            response.end();
          }, 300);
        },
        // Less than all of it takes, and more than this process stands still.
        ruleOf({ idleMs: 2500 }),
      );
      assert.equal((await fixture.send({ path: '/slow' })).body.toString(), '..........');
    });

    test('requests that match all of path, method, header, query and cookie go to the candidate', async () => {
      const name = (revision: string) =>
        fixture.instance((_request, response) => {
          response.end(revision);
        }, revision);
      const match: RequestMatch = {
        path: { type: 'Exact', value: '/new' },
        method: 'GET',
        headers: [{ name: 'x-team', value: 'shop' }],
        queryParams: [{ name: 'v', value: '2' }],
        cookies: [{ name: 'beta', value: 'yes' }],
      };
      await fixture.route(
        [
          { revisionId: 'r1', weightPercent: 100, endpoints: [await name('r1')] },
          { revisionId: 'r2', weightPercent: 0, endpoints: [await name('r2')] },
        ],
        { matches: [{ match, revisionId: 'r2' }] },
      );
      const headers = { 'X-Team': 'shop', cookie: 'a=b; beta=yes' };
      const all = { path: '/new?u=1&v=2', headers };
      for (const [options, want] of [
        [all, 'r2'],
        [{ ...all, path: '/new/?v=2' }, 'r1'],
        [{ ...all, path: '/new?v=3' }, 'r1'],
        [{ ...all, method: 'PUT' }, 'r1'],
        [{ ...all, headers: { ...headers, 'X-Team': 'ops' } }, 'r1'],
        [{ ...all, headers: { ...headers, cookie: 'beta=no' } }, 'r1'],
      ] as const) {
        assert.equal((await fixture.send(options)).body.toString(), want, JSON.stringify(options));
      }
    });

    test('a key stays with a revision while weights rise, by what reaches the instances', async () => {
      const endpoints = await Promise.all(
        ['r1', 'r2'].map((revision) =>
          fixture.instance((_request, response) => void response.end(revision), revision),
        ),
      );
      const key = { kind: 'cookie', name: 'sid' } as const;
      const users = Array.from({ length: 40 }, (_, index) => `sid=user-${index}`);
      let before = new Set<string>();
      for (const weight of [0, 10, 50, 90, 100]) {
        await fixture.route(
          endpoints.map((endpoint, index) => ({
            revisionId: `r${index + 1}`,
            weightPercent: index === 0 ? 100 - weight : weight,
            endpoints: [endpoint],
          })),
          { sticky: { key, seed: 'svc-1' } },
        );
        const now = new Set<string>();
        for (const cookie of [...users, ...users]) {
          const answer = await fixture.send({ headers: { cookie } });
          if (answer.body.toString() === 'r2') now.add(cookie);
          else assert.ok(!now.has(cookie), 'one user got both revisions at one weight');
        }
        const left = [...before].filter((user) => !now.has(user));
        assert.deepEqual(left, [], `went back to stable at ${weight} %`);
        before = now;
      }
      assert.equal(before.size, users.length);
    });
  });
}
