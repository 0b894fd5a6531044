import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseReleaseFiles } from './parse-release-files.ts';

function parsed(cache: string) {
  const text = [
    'apiVersion: tidegate.dev/v1',
    'kind: Service',
    'metadata: { name: web }',
    'spec:',
    '  run: { command: [node, server.js] }',
    '  traffic:',
    `    cache: ${cache}`,
    '',
  ].join('\n');
  return parseReleaseFiles([{ path: 'web.yaml', text }]);
}

test('an empty cache keeps what answers themselves allow', () => {
  const found = JSON.stringify(parsed('{}'));
  for (const part of ['"ttlMs":0', '"memoryBytes":67108864', '"storesCookieAnswers":false']) {
    assert.ok(found.includes(part), found);
  }
});

test('what contradicts itself or is out of bounds is refused with its place', () => {
  const rows: readonly (readonly [cache: string, column: number, says: string])[] = [
    ['{ ttl: 25h }', 19, 'is longer than'],
    ['{ memory: 1Mi, entry: 2Mi }', 34, 'is more than all of'],
    ['{ memory: 1Ki }', 22, 'must be 64Ki to 16Gi'],
    ['{ ttl: 60 }', 19, 'must be'],
    ['{ tll: 60s }', 14, 'ttl'],
    ['{ tags: ["a,b"] }', 21, 'a tag'],
    ['{ evidence: 0% }', 24, 'must be'],
    ['{ wait: 2m }', 20, 'must be'],
    ['{ key: { headers: ["a b"] } }', 31, 'must be'],
  ];
  for (const [cache, column, says] of rows) {
    const found = JSON.stringify(parsed(cache));
    assert.ok(found.includes(says), `${cache}: ${found}`);
    assert.ok(found.includes('"line":7'), `${cache}: ${found}`);
    assert.ok(found.includes(`"column":${column}`), `${cache}: ${found}`);
  }
});
