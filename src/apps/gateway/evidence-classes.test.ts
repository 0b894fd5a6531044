import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { test } from 'node:test';
import type { Route } from '../../domain/traffic/routing/route-table.ts';
import {
  type InstanceCount,
  countOf,
  weightedCount,
} from '../../domain/traffic/samples/traffic-sample.ts';
import type { EngineKind } from './engine-kind.ts';
import { engines, GatewayFixture, type SendOptions, until } from './gateway-fixture.ts';

const strata = [
  { name: 'orders', path: '/orders', method: 'POST', header: null },
  { name: 'bots', path: null, method: null, header: { name: 'x-kind', value: 'bot' } },
];

/** Orders fail. */
const answer: RequestListener = (request, response) => {
  request.resume();
  response.statusCode = request.url?.startsWith('/orders') === true ? 500 : 200;
  response.end();
};

async function start(engine: EngineKind, change: Partial<Route>): Promise<GatewayFixture> {
  const gateway = await GatewayFixture.start(engine);
  const backend = async (revisionId: string, weightPercent: number) => ({
    revisionId,
    weightPercent,
    endpoints: [
      await gateway.instance(answer, revisionId),
      await gateway.instance(answer, revisionId),
    ],
  });
  await gateway.route([await backend('r1', 75), await backend('r2', 25)], change);
  return gateway;
}

async function sendAll(gateway: GatewayFixture, rows: readonly (readonly [number, SendOptions])[]) {
  let requests = 0;
  for (const [count, options] of rows) {
    for (let sent = 0; sent < count; sent += 1) await gateway.send(options);
    requests += count;
  }
  await until(() => gateway.requests('r1') + gateway.requests('r2') >= requests);
}

/** `[requests, failures]` of a revision's counts that fit. */
function sums(
  gateway: GatewayFixture,
  revisionId: string,
  fits: (count: InstanceCount) => boolean,
) {
  const counts = gateway.samples
    .flatMap((sample) => sample.counts)
    .filter((count) => count.revisionId === revisionId && fits(count))
    .map(countOf);
  return [
    counts.reduce((sum, { requests }) => sum + requests, 0),
    counts.reduce((sum, { failures }) => sum + failures, 0),
  ];
}

for (const engine of engines) {
  test(`engine ${engine}: requests are counted by stratum and arm, each once`, async () => {
    await using gateway = await start(engine, { strata });
    await sendAll(gateway, [
      [40, { method: 'POST', path: '/orders/1' }],
      [20, { path: '/list', headers: { 'x-kind': 'bot' } }],
      [60, { path: '/list' }],
    ]);
    const seen = (revisionId: string) =>
      ['orders', 'bots', 'other'].map((name) =>
        sums(gateway, revisionId, ({ stratum }) => stratum === name),
      );
    assert.deepEqual(seen('r1'), [
      [30, 30],
      [15, 0],
      [45, 0],
    ]);
    assert.deepEqual(seen('r2'), [
      [10, 10],
      [5, 0],
      [15, 0],
    ]);
    const evidence = gateway.samples.map((sample) => weightedCount(sample, 'r2').requests);
    assert.equal(
      evidence.reduce((sum, requests) => sum + requests, 0),
      30,
    );
  });

  test(`engine ${engine}: retries count in totals and are told apart from matched requests`, async () => {
    const matches = [{ header: { name: 'x-canary', value: 'true' }, revisionId: 'r2' }];
    await using gateway = await start(engine, { strata, matches });
    await sendAll(gateway, [
      [20, { path: '/list', headers: { 'x-envoy-attempt-count': '1' } }],
      [8, { path: '/orders', method: 'POST', headers: { 'x-envoy-attempt-count': '2' } }],
      [4, { path: '/orders', method: 'POST', headers: { 'grpc-previous-rpc-attempts': '1' } }],
      [5, { path: '/list', headers: { 'x-canary': 'true' } }],
    ]);
    assert.deepEqual(
      sums(gateway, 'r1', ({ setAside }) => setAside === 'retry'),
      [9, 9],
    );
    assert.deepEqual(
      sums(gateway, 'r2', ({ setAside }) => setAside === 'retry'),
      [3, 3],
    );
    assert.deepEqual(
      sums(gateway, 'r2', ({ isMatched }) => isMatched),
      [5, 0],
    );
    assert.deepEqual(
      sums(gateway, 'r2', ({ stratum }) => stratum === 'other'),
      [5, 0],
    );
  });

  test(`engine ${engine}: a client has one vote in a window, whichever arm it meets and however it ends`, async () => {
    const oneVotePer = { client: { kind: 'header', name: 'x-user' }, windowMs: 3_600_000 } as const;
    await using gateway = await start(engine, { oneVotePer });
    const users = Array.from({ length: 40 }, (_, user) => ({ 'x-user': `user-${user}` }));
    await sendAll(
      gateway,
      users.map((headers) => [1, { path: '/list', headers }]),
    );
    await sendAll(gateway, [
      [24, { path: '/orders', method: 'POST', headers: { 'x-user': 'user-7' } }],
    ]);
    await until(() => gateway.requests('r1') + gateway.requests('r2') === 64);
    const votes = (count: InstanceCount) => count.setAside === undefined;
    const others = (count: InstanceCount) => count.setAside === 'same-client';
    assert.deepEqual(sums(gateway, 'r1', votes), [30, 0]);
    assert.deepEqual(sums(gateway, 'r2', votes), [10, 0]);
    assert.deepEqual(sums(gateway, 'r1', others), [18, 18]);
    assert.deepEqual(sums(gateway, 'r2', others), [6, 6]);
  });
}
