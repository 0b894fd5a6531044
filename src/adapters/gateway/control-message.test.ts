import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  type FromGateway,
  parseFromGateway,
  parseToGateway,
  type ToGateway,
} from './control-message.ts';

const search = {
  path: { type: 'Exact', value: '/search' },
  method: 'GET',
  headers: [{ name: 'x-a', value: '1' }],
  queryParams: [{ name: 'q', value: '2' }],
  cookies: [{ name: 'c', value: '3' }],
} as const;
const apply: ToGateway = {
  type: 'apply',
  table: {
    version: 3,
    routes: [
      {
        service: 'checkout',
        host: 'checkout.localhost',
        requestTimeoutMs: 2000,
        backends: [
          {
            revisionId: 'v1',
            weightPercent: 99.9,
            endpoints: [{ instanceId: 'v1-0', host: '127.0.0.1', port: 80 }],
          },
          {
            revisionId: 'v2',
            weightPercent: 0,
            endpoints: [],
            wake: { timeoutMs: 30_000, requestsMax: 10 },
          },
          {
            revisionId: 'v3',
            weightPercent: 0.1,
            endpoints: [],
            wake: { timeoutMs: 30_000, requestsMax: 10, isFailing: true },
          },
        ],
        matches: [{ header: { name: 'x-canary', value: 'true' }, revisionId: 'v2' }],
      },
      {
        service: 'web',
        host: 'web.localhost',
        requestTimeoutMs: 2000,
        backends: [],
        matches: [],
        strata: [
          { name: 'a', path: '/a', method: null, header: { name: 'x-a', value: 'b' } },
          { name: 'posts', path: null, method: 'POST', header: null },
        ],
        oneVotePer: { client: { kind: 'header', name: 'x-user' }, windowMs: 10_000 },
      },
      {
        service: 'api',
        host: 'api.localhost',
        requestTimeoutMs: 2000,
        backends: [],
        matches: [],
        oneVotePer: { client: { kind: 'address' }, windowMs: 10_000 },
      },
      {
        service: 'shop',
        host: 'shop.localhost',
        requestTimeoutMs: 2000,
        backends: [],
        matches: [{ match: search, revisionId: 'v2' }],
        rules: [
          {
            name: 'search',
            matches: [search],
            timeouts: { requestMs: 3, backendRequestMs: 2, idleMs: 1 },
          },
          { name: 'rest', matches: [] },
        ],
        sticky: { key: { kind: 'cookie', name: 'sid' }, seed: 'shop-1' },
        mirror: { revisionId: 'v2', percent: 0.5, methods: 'all' },
      },
    ],
  },
};
const reading = {
  generation: 1,
  service: 'checkout',
  revisionId: 'v1',
  instanceId: '',
  isMatched: false,
  byStatusClass: [0, 1, 2, 3, 4, 5],
  latency: [[100, 15]] as const,
};
const messages: readonly FromGateway[] = [
  { type: 'hello', epoch: 'abc', version: null, counters: [reading] },
  { type: 'hello', epoch: 'abc', version: 7, counters: [] },
  { type: 'applied', version: 7 },
  { type: 'refused', version: 7, reason: 'no' },
  { type: 'samples', atMs: 1, counters: [reading, { ...reading, stratum: 'a' }] },
  { type: 'samples', atMs: 1, counters: [{ ...reading, setAside: 'retry' }] },
  { type: 'samples', atMs: 1, counters: [{ ...reading, setAside: 'mirror' }] },
];

test('what was said is what is heard', () => {
  assert.deepEqual(parseToGateway(JSON.stringify(apply)), { kind: 'message', message: apply });
  for (const message of messages) {
    assert.deepEqual(parseFromGateway(JSON.stringify(message)), { kind: 'message', message });
  }
});

for (const [name, line] of [
  ['nothing', ''],
  ['half a line', '{"type":"apply"'],
  ['null', 'null'],
  ['a list', '[]'],
  ['an unknown type', '{"type":"stop"}'],
  ['a table without routes', '{"type":"apply","table":{"version":1}}'],
  ['a version as text', '{"type":"apply","table":{"version":"1","routes":[]}}'],
  ['a weight as text', JSON.stringify(apply).replace('99.9', '"99.9"')],
  ['a path type nobody knows', JSON.stringify(apply).replace('"Exact"', '"Wildcard"')],
  ['a sticky key nobody knows', JSON.stringify(apply).replace('"cookie","name"', '"star","name"')],
  ['methods nobody knows', JSON.stringify(apply).replace('"all"', '"some"')],
  ['an endpoint without a port', JSON.stringify(apply).replace('"port":80', '"prt":80')],
] as const) {
  test(`${name} is malformed`, () => {
    assert.equal(parseToGateway(line).kind, 'malformed');
  });
}

for (const [name, change] of [
  ['five status classes', { byStatusClass: [0, 0, 0, 0, 0] }],
  ['a negative total', { byStatusClass: [0, 0, 0, 0, 0, -1] }],
  ['half a request', { byStatusClass: [0, 0, 0, 0, 0, 0.5] }],
  ['bucket 368', { latency: [[368, 1]] }],
  ['a latency of three numbers', { latency: [[1, 1, 1]] }],
] as const) {
  test(`a reading with ${name} is malformed`, () => {
    const line = JSON.stringify({
      type: 'samples',
      atMs: 1,
      counters: [{ ...reading, ...change }],
    });
    assert.equal(parseFromGateway(line).kind, 'malformed');
  });
}

test('no JSON makes a parser throw', () => {
  fc.assert(
    fc.property(
      fc.json(),
      fc.constantFrom('hello', 'applied', 'samples', 'apply'),
      (json, type) => {
        parseFromGateway(json);
        parseToGateway(json);
        parseFromGateway(`{"type":"${type}","version":1,"epoch":"","atMs":1,"counters":${json}}`);
        parseToGateway(`{"type":"${type}","table":${json}}`);
      },
    ),
    { seed: 20261120, numRuns: 500 },
  );
});
