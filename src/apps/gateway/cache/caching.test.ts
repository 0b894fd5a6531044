import assert from 'node:assert/strict';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { usualCacheRule } from '../../../domain/cache/cache-rule.fixture.ts';
import type { CacheRule } from '../../../domain/cache/cache-rule.ts';
import type { Route } from '../../../domain/traffic/routing/route-table.ts';
import { type Answer, engines, GatewayFixture, until } from '../gateway-fixture.ts';

/** Every case is run with both engines. */
for (const engine of engines) {
  describe(`engine ${engine}`, () => {
    let fixture: GatewayFixture;
    before(async () => {
      fixture = await GatewayFixture.start(engine);
    });
    after(() => fixture[Symbol.asyncDispose]());

    /** One instance behind a cache; gives what it was asked for. */
    async function cached(
      listener: RequestListener,
      rule: Partial<CacheRule> = {},
      change: Partial<Route> = {},
    ): Promise<IncomingMessage[]> {
      const seen: IncomingMessage[] = [];
      const route = { policy: { cache: { ...usualCacheRule, ...rule } }, ...change };
      await fixture.single((request, response) => {
        seen.push(request);
        listener(request, response);
      }, route);
      return seen;
    }

    const says = (control: string, more: Record<string, string> = {}) => {
      let turn = 0;
      return (_request: IncomingMessage, response: ServerResponse): void => {
        turn += 1;
        response.writeHead(200, { 'cache-control': control, ...more });
        response.end(`answer ${turn}`);
      };
    };
    const text = ({ body }: Answer): string => body.toString();
    let pathNumber = 0;
    /** Of one test only: routes of several tests share a revision's name, and so its cache if their rules are alike. */
    const ownPath = (): string => {
      pathNumber += 1;
      return `/${engine}/${pathNumber}`;
    };

    test('a fresh answer is given again, with its age and the word of the cache', async () => {
      const path = ownPath();
      const seen = await cached(says('max-age=600', { etag: '"a"', 'cache-tag': 'x' }));
      const first = await fixture.send({ path });
      const second = await fixture.send({ path });
      assert.deepEqual([text(first), text(second)], ['answer 1', 'answer 1']);
      assert.equal(first.headers['cache-status'], 'tidegate; fwd=uri-miss; stored');
      assert.match(String(second.headers['cache-status']), /^tidegate; hit; ttl=\d+$/);
      assert.match(String(second.headers['age']), /^\d+$/);
      assert.equal(second.headers['x-tidegate-revision'], 'r1');
      assert.equal(second.headers['content-length'], '8');
      assert.equal(second.headers['etag'], '"a"');
      assert.deepEqual(
        [first.headers['cache-tag'], second.headers['cache-tag']],
        [undefined, undefined],
      );
      assert.equal(seen.length, 1);
    });

    test('answers with the very same head are stored each, and hide their tags', async () => {
      // As within a second: no octet of their heads differs.
      const date = new Date().toUTCString();
      const seen = await cached(says('max-age=600', { date, age: '0', 'cache-tag': 'x' }));
      const paths = Array.from({ length: 100 }, ownPath);
      for (const path of paths) {
        const { headers } = await fixture.send({ path });
        assert.equal(headers['cache-status'], 'tidegate; fwd=uri-miss; stored', path);
        assert.equal(headers['cache-tag'], undefined);
      }
      for (const path of paths) {
        const { headers } = await fixture.send({ path });
        assert.match(String(headers['cache-status']), /hit/, path);
      }
      assert.equal(seen.length, 100);
    });

    test("what was asked with in place of a caller's conditions is not taken for them later", async () => {
      const path = ownPath();
      const seen = await cached((request, response) => {
        const isKnown = request.headers['if-none-match'] === '"own"';
        const control = request.headers['x-last'] === 'yes' ? 'max-age=600' : 'max-age=0';
        response.writeHead(isKnown ? 304 : 200, { etag: '"own"', 'cache-control': control });
        response.end();
      });
      await fixture.send({ path });
      const headers = { 'if-none-match': '"callers"' };
      for (let turn = 0; turn < 6; turn += 1) await fixture.send({ path, headers });
      assert.deepEqual(
        new Set(seen.slice(1).map((request) => request.headers['if-none-match'])),
        new Set(['"own"']),
      );
      // No cache any more: the caller's own go on.
      await fixture.single((request, response) => {
        seen.push(request);
        response.end();
      });
      await fixture.send({ path, headers });
      assert.equal(seen.at(-1)?.headers['if-none-match'], '"callers"');
    });

    test('HEAD, conditions and ranges are answered from a whole stored answer', async () => {
      const path = ownPath();
      const seen = await cached(says('max-age=600', { etag: '"a"' }));
      await fixture.send({ path });
      const head = await fixture.send({ path, method: 'HEAD' });
      assert.deepEqual([head.status, head.headers['content-length'], text(head)], [200, '8', '']);
      const same = await fixture.send({ path, headers: { 'if-none-match': '"a"' } });
      assert.deepEqual([same.status, text(same), same.headers['etag']], [304, '', '"a"']);
      const part = await fixture.send({ path, headers: { range: 'bytes=0-5' } });
      assert.deepEqual(
        [part.status, text(part), part.headers['content-range']],
        [206, 'answer', 'bytes 0-5/8'],
      );
      const beyond = await fixture.send({ path, headers: { range: 'bytes=9-' } });
      assert.deepEqual([beyond.status, beyond.headers['content-range']], [416, 'bytes */8']);
      assert.equal(seen.length, 1);
    });

    test('a part, and an answer to a condition of the caller, do not fill the cache', async () => {
      const path = ownPath();
      const seen = await cached((request, response) => {
        if (request.headers['if-none-match'] === '"a"')
          response.writeHead(304, { etag: '"a"' }).end();
        else if (request.headers.range !== undefined) {
          response.writeHead(206, {
            'content-range': 'bytes 0-1/8',
            'cache-control': 'max-age=60',
          });
          response.end('an');
        } else response.writeHead(200, { 'cache-control': 'max-age=60' }).end('answer 1');
      });
      assert.equal((await fixture.send({ path, headers: { range: 'bytes=0-1' } })).status, 206);
      assert.equal((await fixture.send({ path, headers: { 'if-none-match': '"a"' } })).status, 304);
      assert.equal(text(await fixture.send({ path })), 'answer 1');
      assert.equal(seen.length, 3);
    });

    test('what is not to be shared is fetched each time', async () => {
      const rows: readonly (readonly [Record<string, string>, Record<string, string>])[] = [
        [{ 'cache-control': 'no-store, max-age=60' }, {}],
        [{ 'cache-control': 'private, max-age=60' }, {}],
        [{ 'cache-control': 'max-age=60', 'set-cookie': 'a=1' }, {}],
        [{ 'cache-control': 'max-age=60', vary: '*' }, {}],
        [{}, {}],
        [{ 'cache-control': 'max-age=60' }, { authorization: 'Basic eDp5' }],
        [{ 'cache-control': 'max-age=60' }, { 'cache-control': 'no-store' }],
      ];
      for (const [fields, headers] of rows) {
        const path = ownPath();
        const seen = await cached((_request, response) => {
          response.writeHead(200, fields).end('x');
        });
        for (let turn = 0; turn < 2; turn += 1) await fixture.send({ path, headers });
        assert.equal(seen.length, 2, JSON.stringify([fields, headers]));
      }
    });

    test('each variant is a stored answer of its own', async () => {
      const path = ownPath();
      const seen = await cached((request, response) => {
        response.writeHead(200, { 'cache-control': 'max-age=600', vary: 'accept-language' });
        response.end(`in ${request.headers['accept-language'] ?? 'none'}`);
      });
      const get = async (language: string): Promise<string> =>
        text(await fixture.send({ path, headers: { 'accept-language': language } }));
      assert.deepEqual(
        [await get('de'), await get('en'), await get('de'), await get('EN')],
        ['in de', 'in en', 'in de', 'in en'],
      );
      assert.equal(seen.length, 2);
    });

    test('a stale answer is asked about, and a 304 makes it fresh', async () => {
      const path = ownPath();
      const seen = await cached((request, response) => {
        if (request.headers['if-none-match'] === '"a"') {
          response.writeHead(304, { etag: '"a"', 'cache-control': 'max-age=600' }).end();
        } else {
          response.writeHead(200, { etag: '"a"', 'cache-control': 'max-age=0' }).end('answer');
        }
      });
      const first = await fixture.send({ path });
      const second = await fixture.send({ path, headers: { 'if-none-match': '"other"' } });
      const third = await fixture.send({ path });
      assert.deepEqual([text(first), text(second), text(third)], ['answer', 'answer', 'answer']);
      assert.equal(second.headers['cache-status'], 'tidegate; fwd=stale; fwd-status=304');
      assert.match(String(third.headers['cache-status']), /hit/);
      assert.deepEqual(
        seen.map(({ headers }) => headers['if-none-match']),
        [undefined, '"a"'],
      );
    });

    test('only-if-cached is answered 504 when nothing is', async () => {
      const path = ownPath();
      const seen = await cached(says('max-age=600'));
      const headers = { 'cache-control': 'only-if-cached' };
      const before = await fixture.send({ path, headers });
      assert.deepEqual([before.status, before.headers['x-tidegate-reason']], [504, 'not-cached']);
      await fixture.send({ path });
      assert.equal(text(await fixture.send({ path, headers })), 'answer 1');
      assert.equal(seen.length, 1);
    });

    test('an unsafe request that did not fail takes the stored answer away before its caller hears', async () => {
      const path = ownPath();
      let value = 1;
      await cached((request, response) => {
        if (request.method === 'PUT') {
          value += 1;
          response.writeHead(204).end();
        } else if (request.method === 'DELETE') response.writeHead(500).end();
        else response.writeHead(200, { 'cache-control': 'max-age=600' }).end(`value ${value}`);
      });
      assert.equal(text(await fixture.send({ path })), 'value 1');
      await fixture.send({ path, method: 'DELETE' });
      assert.match(String((await fixture.send({ path })).headers['cache-status']), /hit/);
      await fixture.send({ path, method: 'PUT', body: 'x' });
      assert.equal(text(await fixture.send({ path })), 'value 2');
    });

    test('many that want the same at once are one request of an instance', async () => {
      const path = ownPath();
      const held: ServerResponse[] = [];
      const patience = { waitMs: 60_000 };
      const seen = await cached((_request, response) => {
        held.push(response);
      }, patience);
      const answers = Array.from({ length: 20 }, () => fixture.sendAnew({ path }));
      await until(() => held.length > 0);
      // Those that are not there yet find it stored; whichever it is, nobody else asks.
      held[0]?.writeHead(200, { 'cache-control': 'max-age=600' }).end('one');
      const all = await Promise.all(answers);
      assert.deepEqual(new Set(all.map(text)), new Set(['one']));
      assert.equal(seen.length, 1);
    });

    test('a failed fetch is not shared, and a private answer neither', async () => {
      for (const isPrivate of [false, true]) {
        const path = ownPath();
        let turn = 0;
        const seen = await cached((_request, response) => {
          turn += 1;
          const mine = turn;
          const reply = (): void => {
            if (isPrivate) response.writeHead(200, { 'cache-control': 'private' }).end(`${mine}`);
            else if (mine === 1) response.writeHead(500).end();
            else response.writeHead(200, { 'cache-control': 'max-age=600' }).end('good');
          };
          setTimeout(reply, mine === 1 ? 50 : 0);
        });
        const all = await Promise.all(Array.from({ length: 8 }, () => fixture.sendAnew({ path })));
        if (isPrivate) {
          assert.deepEqual(all.map(text).toSorted(), ['1', '2', '3', '4', '5', '6', '7', '8']);
        } else {
          assert.deepEqual(
            all.map(({ status }) => status).toSorted((a, b) => a - b),
            [200, 200, 200, 200, 200, 200, 200, 500],
          );
          assert.ok(seen.length >= 2, `${seen.length}`);
        }
      }
    });

    test('while it is asked about, a stale answer is given (stale-while-revalidate)', async () => {
      const path = ownPath();
      const seen = await cached((request, response) => {
        const fields = {
          'cache-control':
            seen.length === 1 ? 'max-age=0, stale-while-revalidate=600' : 'max-age=600',
          etag: `"${seen.length}"`,
        };
        response.writeHead(200, fields).end(`answer ${seen.length} ${request.method ?? ''}`);
      });
      assert.equal(text(await fixture.send({ path })), 'answer 1 GET');
      const stale = await fixture.send({ path, headers: { range: 'bytes=0-5' } });
      assert.equal(text(stale), 'answer');
      await until(async () => text(await fixture.send({ path })) === 'answer 2 GET');
      assert.deepEqual(
        [seen.length, seen[1]?.headers['if-none-match'], seen[1]?.headers.range],
        [2, '"1"', undefined],
      );
    });

    test('a stale answer stands in for an instance that fails, or is gone (stale-if-error)', async () => {
      const path = ownPath();
      const policy = { cache: { ...usualCacheRule, staleIfErrorMs: 600_000 } };
      const listener: RequestListener = (_request, response) => {
        if (isFailing) response.writeHead(503, { 'x-broken': 'yes' }).end('a long story');
        else response.writeHead(200, { 'cache-control': 'max-age=0', etag: '"a"' }).end('good');
      };
      let isFailing = false;
      // A revision of this test's own: others have failed before.
      const revisionId = 'failing';
      const there = await fixture.instance(listener, revisionId);
      await fixture.route([{ revisionId, weightPercent: 100, endpoints: [there] }], { policy });
      assert.equal(text(await fixture.send({ path })), 'good');
      isFailing = true;
      for (let turn = 0; turn < 2; turn += 1) {
        const answer = await fixture.send({ path });
        assert.deepEqual(
          [answer.status, text(answer), answer.headers['x-broken']],
          [200, 'good', undefined],
        );
      }
      await until(() => (fixture.counted(revisionId)[4] ?? 0) >= 2);
      assert.equal(fixture.counted(revisionId)[4], 2);
      // A port of an address that nobody listens on, and that no other process is given.
      const gone = { instanceId: 'gone', host: '127.0.0.2', port: fixture.port };
      await fixture.route([{ revisionId, weightPercent: 100, endpoints: [gone] }], {
        policy,
      });
      assert.equal(text(await fixture.send({ path })), 'good');
      assert.equal((await fixture.send({ path: ownPath() })).status, 502);
      await fixture.route([{ revisionId, weightPercent: 100, endpoints: [] }], { policy });
      assert.equal(text(await fixture.send({ path })), 'good');
      assert.equal((await fixture.send({ path: ownPath() })).status, 503);
    });

    test('a body that breaks off, or is beyond the bound, is not kept', async () => {
      const path = ownPath();
      const seen = await cached(
        (_request, response) => {
          if (seen.length === 1) {
            response.writeHead(200, { 'cache-control': 'max-age=600', 'content-length': '100' });
            response.write('half', () => response.destroy());
          } else
            response
              .writeHead(200, { 'cache-control': 'max-age=600' })
              .end(Buffer.alloc(4096, 'x'));
        },
        { entryBytesMax: 2048 },
      );
      await assert.rejects(fixture.sendAnew({ path }));
      for (let turn = 0; turn < 2; turn += 1) {
        assert.equal((await fixture.send({ path })).body.length, 4096);
      }
      assert.equal(seen.length, 3);
    });

    test('a purge takes what it means, before anybody is answered', async () => {
      const [red, blue] = [ownPath(), ownPath()];
      const policy = { cache: usualCacheRule };
      let turn = 0;
      const endpoint = await fixture.instance((request, response) => {
        turn += 1;
        const tag = request.url === red ? 'red' : 'blue';
        response.writeHead(200, {
          'cache-control': 'max-age=600',
          'cache-tag': `${tag}, all-of-it`,
        });
        response.end(`${turn}`);
      });
      const backends = [{ revisionId: 'r1', weightPercent: 100, endpoints: [endpoint] }];
      await fixture.route(backends, { policy });
      const both = async () => [
        text(await fixture.send({ path: red })),
        text(await fixture.send({ path: blue })),
      ];
      assert.deepEqual(await both(), ['1', '2']);
      assert.deepEqual(await both(), ['1', '2']);
      const purges: {
        atMs: number;
        what: { kind: 'tag'; tag: string } | { kind: 'path'; path: string } | { kind: 'all' };
      }[] = [];
      const purge = async (what: (typeof purges)[number]['what']) => {
        purges.push({ atMs: Date.now(), what });
        // What is fetched within the purge's own millisecond is taken for older.
        const atMs = Date.now();
        await until(() => Date.now() > atMs);
        await fixture.route(backends, { policy, cachePurges: purges });
      };
      await purge({ kind: 'tag', tag: 'red' });
      assert.deepEqual(await both(), ['3', '2']);
      await purge({ kind: 'path', path: blue });
      assert.deepEqual(await both(), ['3', '4']);
      await purge({ kind: 'tag', tag: 'all-of-it' });
      assert.deepEqual(await both(), ['5', '6']);
      await purge({ kind: 'all' });
      assert.deepEqual(await both(), ['7', '8']);
      assert.deepEqual(await both(), ['7', '8']);
    });

    test('a candidate never fills or reads what stable has, and what the cache answers is no evidence', async () => {
      const path = ownPath();
      const policy = { cache: { ...usualCacheRule, evidencePercent: 10 } };
      const asked = { e1: 0, e2: 0 };
      const instanceOf = (name: 'e1' | 'e2') =>
        fixture.instance((_request, response) => {
          asked[name] += 1;
          response.writeHead(200, { 'cache-control': 'max-age=600' }).end(name);
        }, name);
      const [stable, candidate] = [await instanceOf('e1'), await instanceOf('e2')];
      const backends = [
        { revisionId: 'e1', weightPercent: 50, endpoints: [stable] },
        { revisionId: 'e2', weightPercent: 50, endpoints: [candidate] },
      ];
      await fixture.route(backends, { policy });
      const got = { e1: 0, e2: 0 };
      for (let turn = 0; turn < 400; turn += 1) {
        const answer = await fixture.send({ path });
        const revision = String(answer.headers['x-tidegate-revision']);
        assert.equal(text(answer), revision);
        got[revision === 'e1' ? 'e1' : 'e2'] += 1;
      }
      assert.ok(Math.abs(got.e1 - 200) <= 4, JSON.stringify(got));
      const evidence = (id: string): number =>
        fixture.samples
          .flatMap(({ counts }) => counts)
          .filter(({ revisionId, isMatched }) => revisionId === id && !isMatched)
          .reduce(
            (sum, { byStatusClass }) => sum + byStatusClass.reduce((all, each) => all + each),
            0,
          );
      await until(() => evidence('e1') + evidence('e2') >= 39);
      // A tenth, in equal parts, whatever each cache has; and one that filled each.
      assert.ok(Math.abs(evidence('e1') - 20) <= 2, `${evidence('e1')}`);
      assert.ok(Math.abs(evidence('e2') - 20) <= 2, `${evidence('e2')}`);
      assert.ok(asked.e1 + asked.e2 <= 44, JSON.stringify(asked));
    });

    test('without a cache in its file a route says nothing of one', async () => {
      const path = ownPath();
      const seen: IncomingMessage[] = [];
      await fixture.single((request, response) => {
        seen.push(request);
        response.writeHead(200, { 'cache-control': 'max-age=600', 'cache-tag': 'x' }).end();
      });
      for (let turn = 0; turn < 2; turn += 1) {
        const { headers } = await fixture.send({ path });
        assert.deepEqual([headers['cache-status'], headers['cache-tag']], [undefined, 'x']);
      }
      assert.equal(seen.length, 2);
    });
  });
}
