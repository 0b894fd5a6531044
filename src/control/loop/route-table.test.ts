import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Traffic } from '../../domain/release/effect.ts';
import type { Instance, InstanceState } from '../../ports/platform.ts';
import { routesOf } from './route-table.ts';

const traffic: Traffic = {
  service: 'shop',
  host: 'shop.localhost',
  requestTimeoutMs: 1000,
  shares: [
    { revisionId: 'r1', weightPercent: 90 },
    { revisionId: 'r2', weightPercent: 10 },
  ],
  match: null,
  matchRevisionId: null,
};

function instance(id: string, state: InstanceState): Instance {
  const [revisionId = ''] = id.split('-');
  return {
    id,
    service: 'shop',
    revisionId,
    state,
    endpoint: { instanceId: id, host: '127.0.0.1', port: 1 },
    pid: 1,
    startedAtMs: 0,
    restarts: 0,
    reason: null,
    cpuSeconds: 0,
    rssBytes: 0,
  };
}

function endpointsOf(instances: readonly Instance[], revisionId: string): string[] | undefined {
  const [route] = routesOf([traffic], instances);
  return route?.backends
    .find((backend) => backend.revisionId === revisionId)
    ?.endpoints.map((endpoint) => endpoint.instanceId);
}

const rows: readonly (readonly [name: string, states: readonly InstanceState[], want: number[]])[] =
  [
    ['only ready instances get traffic', ['ready', 'unready', 'starting'], [0]],
    ['none ready: those that were', ['unready', 'unready', 'starting'], [0, 1]],
    ['never a stopping or crashed one', ['stopping', 'backing-off', 'starting'], []],
    ['no instance: no endpoint, so 503', [], []],
  ];

test('endpoints of a backend', () => {
  for (const [name, states, want] of rows) {
    const instances = states.map((state, index) => instance(`r1-${index}`, state));
    const found = endpointsOf([...instances, instance('r2-0', 'ready')], 'r1');
    assert.deepEqual(
      found,
      want.map((index) => `r1-${index}`),
      name,
    );
  }
});

test('an instance that leaves gets nothing, even when no other is there to take its place', () => {
  const two = [instance('r1-0', 'ready'), instance('r2-0', 'ready'), instance('r2-1', 'ready')];
  const left = (leaving: readonly string[]): readonly string[] => {
    const [route] = routesOf([traffic], two, new Set(leaving));
    return (route?.backends ?? []).flatMap((each) => each.endpoints.map((end) => end.instanceId));
  };
  assert.deepEqual(left(['r2-0']), ['r1-0', 'r2-1']);
  assert.deepEqual(left(['r2-0', 'r2-1']), ['r1-0']);
});

test('a share of 0 stands in the table only for a header match, and a service without shares has no route', () => {
  const none = [
    { revisionId: 'r1', weightPercent: 100 },
    { revisionId: 'r2', weightPercent: 0 },
  ];
  const [plain] = routesOf([{ ...traffic, shares: none }], []);
  assert.deepEqual(
    plain?.backends.map((each) => each.revisionId),
    ['r1'],
  );
  const match = { name: 'x-canary', value: 'true' };
  const [matched] = routesOf([{ ...traffic, shares: none, match, matchRevisionId: 'r2' }], []);
  assert.deepEqual(
    matched?.backends.map((each) => each.revisionId),
    ['r1', 'r2'],
  );
  assert.deepEqual(matched?.matches, [{ header: match, revisionId: 'r2' }]);
  assert.deepEqual(routesOf([{ ...traffic, shares: [] }], []), []);
});

test('at a share of 0 a backend is there for copies, and for nothing else not', () => {
  const shares = [
    { revisionId: 'r1', weightPercent: 100 },
    { revisionId: 'r2', weightPercent: 0 },
  ];
  const instances = [instance('r1-0', 'ready'), instance('r2-0', 'ready')];
  const backendIds = (change: Partial<Traffic>): readonly string[] | undefined =>
    routesOf([{ ...traffic, shares, ...change }], instances)[0]?.backends.map(
      ({ revisionId }) => revisionId,
    );
  assert.deepEqual(backendIds({}), ['r1']);
  assert.deepEqual(backendIds({ mirror: { revisionId: 'r2', percent: 10 } }), ['r1', 'r2']);
});
