import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainCache } from './explain-cache.ts';

test('what the cache does to a request is told by its method, with the path of its key', () => {
  const rule = { ignoreQuery: ['utm_*'] };
  const rows: readonly (readonly [method: string, path: string, told: string])[] = [
    ['GET', '/a?utm_source=x&b=1', '; then the cache is asked for /a?b=1'],
    ['HEAD', '/a', '; then the cache is asked for /a'],
    ['POST', '/a?utm_x=1', '; if it does not fail, what the cache has of /a is removed'],
    ['OPTIONS', '/a', '; the cache is passed by'],
  ];
  for (const [method, path, told] of rows) {
    assert.equal(explainCache(rule, { method, path }), told);
    assert.equal(explainCache(undefined, { method, path }), '');
  }
});
