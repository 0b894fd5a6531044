import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkRouteTable } from './check-route-table.ts';
import type { FaultRule } from '../faults/fault-rule.ts';
import { usualRetries } from '../resilience/traffic-policy.ts';
import type { Backend, Route, RouteTable } from './route-table.ts';
import type { WakeRule } from '../wake-rule.ts';

const endpoint = { instanceId: 'v1-0', host: '127.0.0.1', port: 8080 };
const stable: Backend = { revisionId: 'v1', weightPercent: 99.9, endpoints: [endpoint] };
const candidate: Backend = { revisionId: 'v2', weightPercent: 0.1, endpoints: [] };
const route: Route = {
  service: 'checkout',
  host: 'checkout.localhost',
  requestTimeoutMs: 1000,
  backends: [stable, candidate],
  matches: [{ header: { name: 'x-canary', value: 'true' }, revisionId: 'v2' }],
};

function table(change: Partial<Route>, version = 1): RouteTable {
  return { version, routes: [{ ...route, ...change }] };
}

const weights = (a: number, b: number) => ({
  backends: [
    { ...stable, weightPercent: a },
    { ...candidate, weightPercent: b },
  ],
});

const woken = (wake: WakeRule) =>
  table({ backends: [{ ...stable, weightPercent: 99.9, wake }, candidate] });

const stratum = { name: 's0', path: '/a', method: null, header: null };
const strataOf = (...counts: readonly number[]) =>
  counts.flatMap((count) =>
    Array.from({ length: count }, (_, index) => ({ ...stratum, name: `s${index}` })),
  );
const rule = { name: 'a', matches: [] };
const match = {
  path: { type: 'PathPrefix', value: '/a' },
  method: null,
  headers: [],
  queryParams: [],
  cookies: [],
} as const;
const timeouts = (requestMs: number, backendRequestMs: number) => ({
  rules: [{ ...rule, timeouts: { requestMs, backendRequestMs } }],
});
const faultOf = (change: Partial<FaultRule>) => ({
  faults: [{ id: 'f', untilMs: 1, matches: [], ...change }],
});
const delayOf = (percent: number, fixedDelayMs: number) =>
  faultOf({ delay: { percent, fixedDelayMs } });
const abortOf = (status: number | 'reset') => faultOf({ abort: { percent: 1, with: status } });
const retriesOf = (attempts: number) => ({
  rules: [{ ...rule, retries: { ...usualRetries, attempts } }],
});
const votes = (windowMs: number) => ({ client: { kind: 'address' }, windowMs }) as const;

test('a table without a fault has no problems', () => {
  assert.deepEqual(checkRouteTable(table({})), []);
  assert.deepEqual(checkRouteTable({ version: 1, routes: [] }), []);
  assert.deepEqual(checkRouteTable(table(weights(100, 0))), []);
  assert.deepEqual(checkRouteTable(table({ host: '[::1]' })), []);
  assert.deepEqual(checkRouteTable(table(timeouts(3_600_000, 1))), []);
  const key = { kind: 'address' } as const;
  assert.deepEqual(checkRouteTable(table({ mirror: { revisionId: 'v2', percent: 0.3 } })), []);
  const matched = { rules: [{ ...rule, matches: [match] }], sticky: { key, seed: '' } };
  assert.deepEqual(checkRouteTable(table(matched)), []);
  assert.deepEqual(checkRouteTable(table({ strata: strataOf(16), oneVotePer: votes(1) })), []);
  assert.deepEqual(checkRouteTable(table(retriesOf(10))), []);
  assert.deepEqual(checkRouteTable(table(delayOf(0.1, 60_000))), []);
  for (const each of [400, 599, 'reset'] as const) {
    assert.deepEqual(checkRouteTable(table(abortOf(each))), []);
  }
});

for (const [name, broken, place] of [
  ['a rule with too many retries', table(retriesOf(11)), 'routes[0].rules[0].retries.attempts'],
  ['a fault that does nothing', table(faultOf({})), 'routes[0].faults[0]'],
  ['a fault for no request', table(delayOf(0, 1)), 'routes[0].faults[0].delay.percent'],
  ['a fault of no time', table(delayOf(1, 0)), 'routes[0].faults[0].delay.fixedDelayMs'],
  ['a fault of too much time', table(delayOf(1, 60_001)), 'routes[0].faults[0].delay.fixedDelayMs'],
  ['a fault that is an answer', table(abortOf(399)), 'routes[0].faults[0].abort.with'],
  ['a fault with no status', table(abortOf(600)), 'routes[0].faults[0].abort.with'],
  [
    'a fault without an end',
    table({ ...delayOf(1, 1), faults: [{ id: 'f', untilMs: Number.NaN, matches: [] }] }),
    'routes[0].faults[0].untilMs',
  ],
  ['a fault with a bad id', table(faultOf({ id: 'a b' })), 'routes[0].faults[0].id'],
  [
    'two faults with one id',
    table({ faults: [...delayOf(1, 1).faults, ...delayOf(1, 1).faults] }),
    'routes[0].faults[1].id',
  ],
  [
    'too many faults',
    table({ faults: Array.from({ length: 17 }, () => ({ id: 'f', untilMs: 1, matches: [] })) }),
    'routes[0].faults',
  ],
  ['version 0', table({}, 0), 'version'],
  ['fraction of a version', table({}, 1.5), 'version'],
  ['two routes of one host', { version: 1, routes: [route, route] }, 'routes[1].host'],
  ['host with a port', table({ host: 'a:80' }), 'routes[0].host'],
  ['host in capitals', table({ host: 'A' }), 'routes[0].host'],
  ['no service', table({ service: '' }), 'routes[0].service'],
  ['timeout 0', table({ requestTimeoutMs: 0 }), 'routes[0].requestTimeoutMs'],
  ['timeout above an hour', table({ requestTimeoutMs: 3_600_001 }), 'routes[0].requestTimeoutMs'],
  ['weights of 100.1', table(weights(100, 0.1)), 'routes[0].backends'],
  ['weights of 99.9', table(weights(99.8, 0.1)), 'routes[0].backends'],
  [
    'a wait too short',
    woken({ timeoutMs: 999, requestsMax: 1 }),
    'routes[0].backends[0].wake.timeoutMs',
  ],
  [
    'a wait for nobody',
    woken({ timeoutMs: 1_000, requestsMax: 0 }),
    'routes[0].backends[0].wake.requestsMax',
  ],
  [
    'a wait for half a request',
    woken({ timeoutMs: 1_000, requestsMax: 1.5 }),
    'routes[0].backends[0].wake.requestsMax',
  ],
  ['weight below 0', table(weights(100.1, -0.1)), 'routes[0].backends[0].weightPercent'],
  ['weight of half a step', table(weights(99.95, 0.05)), 'routes[0].backends[1].weightPercent'],
  ['weight that is not a number', table(weights(NaN, 1)), 'routes[0].backends[0].weightPercent'],
  ['no backend', table({ backends: [], matches: [] }), 'routes[0].backends'],
  [
    'one revision twice',
    table({ backends: [stable, { ...candidate, revisionId: 'v1' }], matches: [] }),
    'routes[0].backends[1].revisionId',
  ],
  [
    'match of a foreign revision',
    table({ matches: [{ header: { name: 'x', value: '' }, revisionId: 'v9' }] }),
    'routes[0].matches[0].revisionId',
  ],
  [
    'match header in capitals',
    table({ matches: [{ header: { name: 'X', value: '' }, revisionId: 'v1' }] }),
    'routes[0].matches[0].header.name',
  ],
  [
    'port 65536',
    table({ backends: [{ ...stable, endpoints: [{ ...endpoint, port: 65536 }] }, candidate] }),
    'routes[0].backends[0].endpoints[0].port',
  ],
  [
    'one instance twice',
    table({ backends: [{ ...stable, endpoints: [endpoint, endpoint] }, candidate] }),
    'routes[0].backends[0].endpoints[1].instanceId',
  ],
  [
    'endpoint host with a path',
    table({ backends: [{ ...stable, endpoints: [{ ...endpoint, host: 'a/b' }] }, candidate] }),
    'routes[0].backends[0].endpoints[0].host',
  ],
  ['17 strata', table({ strata: strataOf(17) }), 'routes[0].strata'],
  ['a stratum twice', table({ strata: strataOf(1, 1) }), 'routes[0].strata[1].name'],
  [
    'a stratum named other',
    table({ strata: [{ ...stratum, name: 'other' }] }),
    'routes[0].strata[0].name',
  ],
  [
    'a stratum by a header in capitals',
    table({ strata: [{ ...stratum, header: { name: 'X', value: '' } }] }),
    'routes[0].strata[0].header.name',
  ],
  ['two rules of one name', table({ rules: [rule, rule] }), 'routes[0].rules[1].name'],
  [
    '17 rules',
    table({ rules: Array.from({ length: 17 }, (_, index) => ({ ...rule, name: `r${index}` })) }),
    'routes[0].rules',
  ],
  [
    'a rule of 65 matches',
    table({ rules: [{ ...rule, matches: Array.from({ length: 65 }, () => match) }] }),
    'routes[0].rules[0].matches',
  ],
  [
    'a path without its slash',
    table({ rules: [{ ...rule, matches: [{ ...match, path: { type: 'Exact', value: 'a' } }] }] }),
    'routes[0].rules[0].matches[0].path.value',
  ],
  [
    'a rule by a header in capitals',
    table({ rules: [{ ...rule, matches: [{ ...match, headers: [{ name: 'X', value: '' }] }] }] }),
    'routes[0].rules[0].matches[0].headers',
  ],
  [
    'a match of a foreign revision by its path',
    table({ matches: [{ match, revisionId: 'v9' }] }),
    'routes[0].matches[0].revisionId',
  ],
  [
    'an attempt longer than all',
    table(timeouts(1, 2)),
    'routes[0].rules[0].timeouts.backendRequestMs',
  ],
  ['a timeout of 0', table(timeouts(0, 0)), 'routes[0].rules[0].timeouts.requestMs'],
  [
    'a timeout above an hour',
    table(timeouts(3_600_001, 1)),
    'routes[0].rules[0].timeouts.requestMs',
  ],
  [
    'a sticky header in capitals',
    table({ sticky: { key: { kind: 'header', name: 'X' }, seed: '' } }),
    'routes[0].sticky.key.name',
  ],
  [
    'a sticky cookie without a name',
    table({ sticky: { key: { kind: 'cookie', name: '' }, seed: '' } }),
    'routes[0].sticky.key.name',
  ],
  [
    'a mirror to nobody',
    table({ mirror: { revisionId: 'v9', percent: 1 } }),
    'routes[0].mirror.revisionId',
  ],
  [
    'a mirror of 0 %',
    table({ mirror: { revisionId: 'v2', percent: 0 } }),
    'routes[0].mirror.percent',
  ],
  [
    'a mirror of 100.1 %',
    table({ mirror: { revisionId: 'v2', percent: 100.1 } }),
    'routes[0].mirror.percent',
  ],
  [
    'a mirror of half a step',
    table({ mirror: { revisionId: 'v2', percent: 0.05 } }),
    'routes[0].mirror.percent',
  ],
  ['a window of 0', table({ oneVotePer: votes(0) }), 'routes[0].oneVotePer.windowMs'],
  [
    'votes by no header',
    table({ oneVotePer: { client: { kind: 'header', name: '' }, windowMs: 1 } }),
    'routes[0].oneVotePer.client.name',
  ],
] as const) {
  test(`a table with ${name} has a problem at ${place}`, () => {
    const places = checkRouteTable(broken).map((problem) => problem.place);
    assert.ok(places.includes(place), `got ${places.join(', ')}`);
  });
}
