import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathOfKey, primaryKey, revisionOfKey, type Scheme, secondaryKey } from './cache-key.ts';
import type { CachePurge } from './cache-rule.ts';
import { httpDateMs, httpDateText, listOf } from './http-fields.ts';
import { isPurged, withPurge } from './purge.ts';

test('keys tell revisions, hosts and queries apart, and nothing that makes no difference', () => {
  const rule = { ignoreQuery: ['utm_*', 'ref'] };
  const key = (authority: string, path: string, revision = 'r1', scheme: Scheme = 'http') =>
    primaryKey({ scheme, authority, path }, revision, rule);
  const same = key('Shop.example:80', '/a?b=1&utm_source=x&ref=2');
  assert.equal(same, key('shop.example', '/a?b=1'));
  assert.equal(key('h', '/a?ref=1'), key('h', '/a'));
  const others = [
    key('shop.example', '/a?b=1', 'r2'),
    key('shop.example:81', '/a?b=1'),
    key('shop.example', '/A?b=1'),
    key('shop.example', '/a?b=2'),
    key('shop.example', '/a?b=1&referer=2'),
    key('shop.example', '/a?b=1&b=1'),
    key('shop.example', '/a?b=1', 'r1', 'https'),
    key('shop.example:80', '/a?b=1', 'r1', 'https'),
  ];
  assert.equal(new Set([same, ...others]).size, 9);
  assert.equal(key('h:443', '/a', 'r1', 'https'), key('h', '/a', 'r1', 'https'));
  assert.deepEqual([revisionOfKey(same ?? ''), pathOfKey(same ?? '')], ['r1', '/a?b=1']);
  assert.equal(key('h', `/${'a'.repeat(4096)}`), null);
});

test('a variant is found by what its fields mean', () => {
  const of = (name: string, value: string | null) => secondaryKey([name], () => value);
  const rows: readonly (readonly [
    name: string,
    a: string | null,
    b: string | null,
    isSame: boolean,
  ])[] = [
    ['accept-encoding', 'gzip, br', 'br;q=0.9,gzip;q=0.1', true],
    ['accept-encoding', 'gzip, br', 'gzip', false],
    ['accept-encoding', 'gzip;q=0, br', 'br', true],
    ['accept-encoding', 'x-gzip', 'gzip', true],
    ['accept-encoding', 'gzip, identity;q=0', 'gzip', false],
    ['accept-encoding', null, 'identity', false],
    ['accept-language', 'de, EN;q=0.5', 'DE,en;q=0.5', true],
    ['accept-language', 'de', 'en', false],
    ['x-group', ' a ', 'a', true],
    ['x-group', 'a', 'A', false],
    ['x-group', '', null, false],
  ];
  for (const [name, a, b, isSame] of rows) {
    assert.equal(of(name, a) === of(name, b), isSame, `${name}: ${a} | ${b}`);
  }
  assert.equal(of('x-group', 'a'.repeat(5000)), null);
});

test('a purge takes what was asked for before it, and what it means only', () => {
  const purges: readonly CachePurge[] = [
    { atMs: 100, what: { kind: 'tag', tag: 'red' } },
    { atMs: 200, what: { kind: 'path', path: '/a' } },
    { atMs: 300, what: { kind: 'path', path: '/b/*' } },
  ];
  const rows: readonly (readonly [
    path: string,
    atMs: number,
    tags: readonly string[],
    want: boolean,
  ])[] = [
    ['/x', 100, ['red'], true],
    ['/x', 101, ['red'], false],
    ['/x', 100, ['blue'], false],
    ['/a?q=1', 200, [], true],
    ['/ab', 200, [], false],
    ['/b/c', 300, [], true],
    ['/b', 300, [], false],
    ['/b/c', 301, [], false],
  ];
  for (const [path, requestAtMs, tags, want] of rows) {
    assert.equal(isPurged(purges, path, { requestAtMs, tags }), want, `${path} ${requestAtMs}`);
  }
  let many: readonly CachePurge[] = [];
  for (let atMs = 1; atMs <= 1000; atMs += 1)
    many = withPurge(many, { atMs, what: { kind: 'tag', tag: `t${atMs}` } });
  assert.ok(many.length <= 64);
  for (let atMs = 1; atMs <= 1000; atMs += 1) {
    assert.ok(
      isPurged(many, '/', { requestAtMs: atMs, tags: [`t${atMs}`] }),
      `purge ${atMs} was lost`,
    );
  }
  assert.ok(!isPurged(many, '/', { requestAtMs: 1000, tags: [] }));
  assert.deepEqual(withPurge(many, { atMs: 2000, what: { kind: 'all' } }).length, 1);
});

test('dates are read in their three forms and written in one', () => {
  const atMs = Date.UTC(1994, 10, 6, 8, 49, 37);
  assert.equal(httpDateMs('Sun, 06 Nov 1994 08:49:37 GMT'), atMs);
  assert.equal(httpDateMs('Sun Nov  6 08:49:37 1994'), atMs);
  assert.equal(httpDateMs('Sunday, 06-Nov-26 08:49:37 GMT'), Date.UTC(2026, 10, 6, 8, 49, 37));
  assert.equal(httpDateMs('Sun, 06 Nov 1994 08:49:37 CET'), null);
  assert.equal(httpDateMs('Sun, 06 Nov 1994 25:49:37 GMT'), null);
  for (let days = 0; days < 40_000; days += 97) {
    const ms = days * 86_400_000 + ((days * 7919) % 86_400) * 1000;
    assert.equal(httpDateText(ms), new Date(ms).toUTCString());
    assert.equal(httpDateMs(httpDateText(ms)), ms);
  }
});

test('commas in quotes part nothing', () => {
  assert.deepEqual(listOf(' a, "b,c" ,, d="e\\",f", g'), ['a', '"b,c"', 'd="e\\",f"', 'g']);
  assert.deepEqual(listOf('a, "b, c'), ['a', '"b, c']);
  assert.deepEqual(listOf(' '), []);
});
