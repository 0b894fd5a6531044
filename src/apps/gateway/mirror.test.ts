import assert from 'node:assert/strict';
import type { IncomingHttpHeaders, RequestListener } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { mirrorBodyBytesMax, type MirrorRule } from '../../domain/traffic/mirror.ts';
import type { CountedApart } from '../../domain/traffic/samples/traffic-sample.ts';
import { engines, GatewayFixture, until } from './gateway-fixture.ts';

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

for (const engine of engines) {
  describe(`engine ${engine}`, () => {
    let fixture: GatewayFixture;
    before(async () => {
      fixture = await GatewayFixture.start(engine);
    });
    after(() => fixture[Symbol.asyncDispose]());

    /** Stable has all traffic, and what it does not; the candidate has copies only. Gives what the candidate got. */
    async function mirrored(
      change: Partial<MirrorRule>,
      shadow: RequestListener = (_request, response) => void response.end('from the shadow'),
    ): Promise<readonly Seen[]> {
      const seen: Seen[] = [];
      const r1 = await fixture.instance((request, response) => {
        request.resume().on('end', () => response.end('from stable'));
      }, 'r1');
      const r2 = await fixture.instance((request, response) => {
        const pieces: Buffer[] = [];
        request.on('data', (piece: Buffer) => pieces.push(piece));
        request.on('end', () => {
          const { method = '', url = '', headers } = request;
          seen.push({ method, url, headers, body: Buffer.concat(pieces) });
          shadow(request, response);
        });
      }, 'r2');
      await fixture.route(
        [
          { revisionId: 'r1', weightPercent: 100, endpoints: [r1] },
          { revisionId: 'r2', weightPercent: 0, endpoints: [r2] },
        ],
        { mirror: { revisionId: 'r2', percent: 100, ...change } },
      );
      return seen;
    }

    /** Counted so far, by status class. */
    function apart(kind: CountedApart): readonly number[] {
      const totals = [0, 0, 0, 0, 0, 0];
      for (const count of fixture.samples.flatMap((sample) => sample.apart ?? [])) {
        if (count.kind !== kind) continue;
        for (const [index, ended] of count.byStatusClass.entries()) {
          totals[index] = (totals[index] ?? 0) + ended;
        }
      }
      return totals;
    }

    test('a copy is the request itself, marked; the caller has the answer of stable', async () => {
      const seen = await mirrored({});
      const answer = await fixture.send({ path: '/a?b=c', headers: { 'x-own': '1' } });
      assert.equal(answer.body.toString(), 'from stable');
      assert.equal(answer.headers['x-tidegate-revision'], 'r1');
      await until(() => seen.length === 1);
      const [copy] = seen;
      assert.deepEqual([copy?.method, copy?.url], ['GET', '/a?b=c']);
      assert.equal(copy?.headers['x-tidegate-mirror'], 'true');
      assert.equal(copy?.headers['x-own'], '1');
      assert.equal(copy?.headers.host, 'svc.localhost');
    });

    test('copies are counted apart, and are no requests of anybody', async () => {
      await mirrored({}, (_request, response) => {
        response.statusCode = 500;
        response.end();
      });
      const [failedBefore = 0, r1Before, r2Before] = [
        apart('mirror')[4],
        fixture.requests('r1'),
        fixture.requests('r2'),
      ];
      for (let request = 0; request < 5; request += 1) await fixture.send();
      await until(() => apart('mirror')[4] === failedBefore + 5);
      await until(() => fixture.requests('r1') === r1Before + 5);
      assert.equal(fixture.requests('r2'), r2Before);
    });

    for (const [name, body, headers] of [
      ['with a length', Buffer.alloc(10_000, 'a'), {}],
      ['in chunks', Buffer.alloc(20_000, 'b'), { 'transfer-encoding': 'chunked' }],
      ['of the largest size', Buffer.alloc(mirrorBodyBytesMax, 'c'), {}],
      ['that is empty, in chunks', Buffer.alloc(0), { 'transfer-encoding': 'chunked' }],
    ] as const) {
      test(`a body ${name} is in the copy`, async () => {
        const seen = await mirrored({ methods: 'all' });
        await fixture.send({ method: 'POST', body, headers });
        await until(() => seen.length === 1);
        assert.ok(seen[0]?.body.equals(body), `${seen[0]?.body.length} bytes came`);
      });
    }

    for (const [name, headers] of [
      ['with a length', {}],
      ['in chunks', { 'transfer-encoding': 'chunked' }],
    ] as const) {
      test(`a body beyond the limit ${name} is not copied, and counted`, async () => {
        const seen = await mirrored({ methods: 'all' });
        const droppedBefore = apart('mirror-too-large')[5] ?? 0;
        const body = Buffer.alloc(mirrorBodyBytesMax + 1, 'd');
        const answer = await fixture.send({ method: 'PUT', body, headers });
        assert.equal(answer.status, 200);
        await until(() => apart('mirror-too-large')[5] === droppedBefore + 1);
        assert.equal(seen.length, 0);
      });
    }

    test('only safe methods are copied, if it is not asked for', async () => {
      const seen = await mirrored({});
      for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'GET']) {
        await fixture.send({ method });
      }
      await until(() => seen.length === 3);
      assert.deepEqual(seen.map(({ method }) => method).toSorted(), ['GET', 'HEAD', 'OPTIONS']);
    });

    test('the percentage is exact', async () => {
      const seen = await mirrored({ percent: 12.5 });
      for (let request = 0; request < 80; request += 1) await fixture.send();
      await until(() => seen.length === 10);
    });

    test('a shadow that hangs, or is gone, keeps no caller waiting', async () => {
      const answered: (() => void)[] = [];
      const seen = await mirrored({}, (_request, response) => {
        answered.push(() => response.end());
      });
      const goneBefore = apart('mirror')[5] ?? 0;
      const answers = await Promise.all(Array.from({ length: 20 }, () => fixture.send()));
      assert.ok(answers.every(({ status }) => status === 200));
      await until(() => seen.length === 20);
      for (const answer of answered) answer();
      // An address where nobody listens.
      const r1 = await fixture.instance((_request, response) => void response.end(), 'r1');
      const gone = { instanceId: 'gone', host: '127.0.0.1', port: 1 };
      await fixture.route(
        [
          { revisionId: 'r1', weightPercent: 100, endpoints: [r1] },
          { revisionId: 'r2', weightPercent: 0, endpoints: [gone] },
        ],
        { mirror: { revisionId: 'r2', percent: 100 } },
      );
      assert.equal((await fixture.send()).status, 200);
      await until(() => (apart('mirror')[5] ?? 0) > goneBefore);
    });

    test('copies beyond what may be under way are dropped and counted, and no caller notices', async () => {
      const held: (() => void)[] = [];
      const seen = await mirrored({}, (_request, response) => {
        held.push(() => response.end());
      });
      const droppedBefore = apart('mirror-overflow')[5] ?? 0;
      for (let round = 0; round < 6; round += 1) {
        const answers = await Promise.all(Array.from({ length: 50 }, () => fixture.send()));
        assert.ok(answers.every(({ status }) => status === 200));
      }
      await until(() => apart('mirror-overflow')[5] === droppedBefore + 44);
      assert.ok(seen.length <= 256);
      for (const release of held) release();
      await until(() => held.length >= 256);
      const copiesBefore = seen.length;
      await until(async () => {
        for (const release of held.splice(0)) release();
        await fixture.send();
        return seen.length > copiesBefore;
      });
    });

    test('a shadow without instances costs its copies only', async () => {
      const r1 = await fixture.instance((_request, response) => void response.end(), 'r1');
      const backends = [
        { revisionId: 'r1', weightPercent: 100, endpoints: [r1] },
        { revisionId: 'r2', weightPercent: 0, endpoints: [] },
      ];
      await fixture.route(backends, { mirror: { revisionId: 'r2', percent: 100 } });
      const droppedBefore = apart('mirror-overflow')[5] ?? 0;
      assert.equal((await fixture.send()).status, 200);
      await until(() => apart('mirror-overflow')[5] === droppedBefore + 1);
    });
  });
}
