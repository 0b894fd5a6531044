import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isRetry, stratumIndex } from './request-class.ts';
import type { RequestHeaders } from '../routing/request-match.ts';

const strata = [
  { name: 'orders', path: '/orders', method: 'POST', header: null },
  { name: 'files', path: '/files/', method: null, header: null },
  { name: 'bots', path: null, method: null, header: { name: 'x-kind', value: 'bot' } },
  { name: 'root', path: '/', method: 'HEAD', header: null },
];

const rows: readonly (readonly [
  method: string,
  path: string,
  headers: RequestHeaders,
  index: number,
])[] = [
  ['POST', '/orders', {}, 0],
  ['POST', '/orders?id=1', {}, 0],
  ['POST', '/orders/1', {}, 0],
  ['POST', '/orders2', {}, 4],
  ['POST', '/order', {}, 4],
  ['GET', '/orders', {}, 4],
  ['GET', '/files/a', {}, 1],
  ['GET', '/files/', {}, 1],
  ['GET', '/files', {}, 4],
  ['GET', '/', { 'x-kind': 'bot' }, 2],
  ['GET', '/', { 'x-kind': ['user', 'bot'] }, 2],
  ['GET', '/', { 'x-kind': 'robot' }, 4],
  ['POST', '/orders', { 'x-kind': 'bot' }, 0],
  ['HEAD', '/anything', {}, 3],
];

for (const [method, path, headers, index] of rows) {
  test(`${method} ${path} with ${JSON.stringify(headers)} is of stratum ${index}`, () => {
    assert.equal(stratumIndex(strata, path, { method, headers }), index);
  });
}

for (const [headers, want] of [
  [{}, false],
  [{ 'x-envoy-attempt-count': '1' }, false],
  [{ 'x-envoy-attempt-count': '2' }, true],
  [{ 'x-envoy-attempt-count': '12' }, true],
  [{ 'x-envoy-attempt-count': ['2'] }, true],
  [{ 'x-envoy-attempt-count': 'many' }, false],
  [{ 'x-envoy-attempt-count': '' }, false],
  [{ 'grpc-previous-rpc-attempts': '0' }, false],
  [{ 'grpc-previous-rpc-attempts': '1' }, true],
  [{ 'grpc-previous-rpc-attempts': '-1' }, false],
] as const) {
  test(`${JSON.stringify(headers)} ${want ? 'is' : 'is not'} a retry`, () => {
    assert.equal(isRetry(headers), want);
  });
}
