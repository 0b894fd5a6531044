/** What is tried again, by a service's retries and by a rule's: the same with either engine, but for bodies. */
import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { everyPath } from '../../domain/traffic/routing/request-match.ts';
import type { Endpoint } from '../../domain/traffic/routing/route-table.ts';
import { type RetryPolicy, usualRetries } from '../../domain/traffic/resilience/traffic-policy.ts';
import { engines, GatewayFixture, until } from './gateway-fixture.ts';

const again: RetryPolicy = { ...usualRetries, attempts: 1, onStatuses: [503], backOffMs: 1 };

const silent: RequestListener = () => {};
const resets: RequestListener = (request) => void request.socket.resetAndDestroy();
const busy: RequestListener = (request, response) => {
  request.resume();
  response.writeHead(503).end('busy');
};

for (const engine of engines) {
  describe(`engine ${engine}`, () => {
    let fixture: GatewayFixture;
    let lastId = 0;
    before(async () => {
      fixture = await GatewayFixture.start(engine);
    });
    after(() => fixture[Symbol.asyncDispose]());

    async function well(): Promise<Endpoint> {
      return fixture.instance((request, response) => {
        request.resume().on('end', () => response.end('well'));
      }, 'well');
    }

    /** A revision of its own: the bad instance has the first turn. */
    async function routed(bad: Endpoint, retries: RetryPolicy): Promise<string> {
      lastId += 1;
      const revisionId = `${engine}-${lastId}`;
      const endpoints = [bad, await well()];
      const policy = { retries };
      await fixture.route([{ revisionId, weightPercent: 100, endpoints }], { policy });
      return revisionId;
    }

    const rows: readonly (readonly [
      name: string,
      listener: RequestListener | null,
      change: Partial<RetryPolicy>,
      counted: number,
    ])[] = [
      ['takes no connection', null, {}, 5],
      ['answers 503', busy, {}, 4],
      ['resets the connection', resets, { onReset: true }, 5],
      ['says nothing', silent, { onReset: true, perTryTimeoutMs: 3000 }, 5],
    ];
    for (const [name, listener, change, counted] of rows) {
      test(`a GET to an instance that ${name} is answered by the other one, and the first attempt counts`, async () => {
        const bad =
          listener === null
            ? { ...(await well()), host: '127.0.0.2' }
            : await fixture.instance(listener, 'bad');
        const revisionId = await routed(bad, { ...again, ...change });
        const { status, body } = await fixture.send();
        assert.deepEqual([status, body.toString()], [200, 'well']);
        await until(() => fixture.requests(revisionId) === 1);
        assert.equal(fixture.counted(revisionId)[counted], 1);
      });
    }

    test('without a reason that the policy has, the answer is passed on as it is', async () => {
      const bad = await fixture.instance(busy, 'bad');
      const revisionId = await routed(bad, { ...again, onStatuses: [502] });
      const { status, body } = await fixture.send();
      assert.deepEqual([status, body.toString()], [503, 'busy']);
      await until(() => fixture.requests(revisionId) === 1);
    });

    test('the last answer is passed on when no attempt is left, and no more are made', async () => {
      let asked = 0;
      const counting: RequestListener = (request, response) => {
        asked += 1;
        busy(request, response);
      };
      const endpoints = [await fixture.instance(counting), await fixture.instance(counting)];
      const policy = { retries: { ...again, attempts: 2 } };
      const revisionId = `${engine}-all-busy`;
      await fixture.route([{ revisionId, weightPercent: 100, endpoints }], { policy });
      const { status, body } = await fixture.send();
      assert.deepEqual([status, body.toString(), asked], [503, 'busy', 3]);
      await until(() => fixture.requests(revisionId) === 1);
    });

    test("a rule's retries are for its requests, in place of the service's", async () => {
      const bad = await fixture.instance(busy, 'bad');
      const none = { ...again, attempts: 0 };
      const match = { path: everyPath, method: null, headers: [], queryParams: [], cookies: [] };
      const reports = { ...match, path: { type: 'PathPrefix', value: '/report' } as const };
      for (const [path, status] of [
        ['/report', 200],
        ['/other', 503],
      ] as const) {
        const endpoints = [bad, await well()];
        lastId += 1;
        const revisionId = `${engine}-${lastId}`;
        await fixture.route([{ revisionId, weightPercent: 100, endpoints }], {
          policy: { retries: none },
          rules: [{ name: 'reports', matches: [reports], retries: again }],
        });
        assert.equal((await fixture.send({ path })).status, status, path);
      }
    });

    test('a caller that leaves during an attempt is counted for nobody, and the next one is served', async () => {
      let asked = 0;
      const bad = await fixture.instance(() => (asked += 1), 'bad');
      const patient = { ...again, onReset: true, perTryTimeoutMs: 600_000 };
      const revisionId = await routed(bad, patient);
      const socket = connect(fixture.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.write('GET / HTTP/1.1\r\nHost: svc.localhost\r\n\r\n');
      await until(() => asked === 1);
      socket.destroy();
      assert.equal((await fixture.send()).body.toString(), 'well');
      await until(() => fixture.requests(revisionId) === 1);
      assert.deepEqual(fixture.counted(revisionId), [0, 1, 0, 0, 0, 0]);
    });
  });
}

test('the compat engine sends no body again', async () => {
  await using fixture = await GatewayFixture.start('compat');
  const bad = await fixture.instance(busy, 'bad');
  const other = await fixture.instance((request, response) => {
    request.resume().on('end', () => response.end('well'));
  });
  const endpoints = [bad, other];
  const policy = { retries: { ...again, methods: 'any' } as const };
  await fixture.route([{ revisionId: 'r1', weightPercent: 100, endpoints }], { policy });
  assert.equal((await fixture.send({ method: 'PUT', body: 'x' })).status, 503);
});
