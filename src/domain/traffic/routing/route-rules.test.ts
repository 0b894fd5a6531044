import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { everyPath, type RequestMatch } from './request-match.ts';
import { readyRules, type RouteRule, ruleIndexOf } from './route-rules.ts';

/** HTTPRouteRule of the Gateway API v1: which of several matching rules has a request. */
const any: RequestMatch = {
  path: everyPath,
  method: null,
  headers: [],
  queryParams: [],
  cookies: [],
};
const exact = (value: string) => ({ path: { type: 'Exact', value } as const });
const prefix = (value: string) => ({ path: { type: 'PathPrefix', value } as const });
const headers = (count: number) => ({ headers: pairs('h', count) });
const queryParams = (count: number) => ({ queryParams: pairs('q', count) });
const cookies = (count: number) => ({ cookies: pairs('c', count) });
const get = { method: 'GET' };

/** Fits all the matches below. */
const request = {
  method: 'GET',
  headers: { h0: '1', h1: '1', h2: '1', cookie: 'c0=1; c1=1; c2=1' },
};
const target = '/a/b/c?q0=1&q1=1&q2=1';

/** Each row: what comes before what, whatever the order in which they are written. */
for (const [name, first, second] of [
  ['an exact path', exact('/a/b/c'), { ...prefix('/a/b/c'), ...get, ...headers(3) }],
  ['a longer prefix', prefix('/a/b'), { ...prefix('/a'), ...get, ...headers(3) }],
  ['any prefix, before /', prefix('/a'), { ...get, ...headers(3), ...queryParams(3) }],
  ['a method', get, { ...headers(3), ...queryParams(3) }],
  ['a method, of two exact paths', { ...exact('/a/b/c'), ...get }, exact('/a/b/c')],
  ['more headers', headers(2), { ...headers(1), ...queryParams(3) }],
  ['a cookie, as a header', cookies(1), queryParams(3)],
  ['headers and cookies together', { ...headers(1), ...cookies(1) }, headers(1)],
  ['more query parameters', queryParams(2), queryParams(1)],
  ['a query parameter', queryParams(1), {}],
] as const) {
  test(`${name} goes before`, () => {
    const rules = [ruleOf('first', first), ruleOf('second', second)];
    assert.equal(chosen(rules), 'first');
    assert.equal(chosen(rules.toReversed()), 'first');
  });
}

for (const [name, one, other] of [
  ['equal rules', headers(1), headers(1)],
  ['prefixes that differ by a slash at the end', prefix('/a/b'), prefix('/a/b/')],
  ['as many headers and cookies', cookies(2), headers(2)],
  ['rules without matches', null, null],
] as const) {
  test(`of ${name} the one written first has the request`, () => {
    const rules = [ruleOf('one', one), ruleOf('other', other)];
    assert.equal(chosen(rules), 'one');
    assert.equal(chosen(rules.toReversed()), 'other');
  });
}

test('the precedence is of matches, not of rules: each match of a rule stands for itself', () => {
  const wide: RouteRule = {
    name: 'wide',
    matches: [any, { ...any, ...exact('/a/b/c') }],
  };
  assert.equal(chosen([ruleOf('narrow', prefix('/a/b/c')), wide]), 'wide');
  assert.equal(chosen([ruleOf('narrow', prefix('/a/b/c')), wide], '/a/b/c/d'), 'narrow');
});

test('what no rule has is nobody`s', () => {
  assert.equal(ruleIndexOf(readyRules([ruleOf('a', prefix('/z'))]), target, request), -1);
  assert.equal(ruleIndexOf(readyRules([]), target, request), -1);
});

test('the chosen match is one that fits, and no fitting one goes before it', () => {
  const part = fc.record({
    path: fc.constantFrom(everyPath, exact('/a/b/c').path, ...['/a', '/a/b', '/z'].map(prefixed)),
    method: fc.constantFrom(null, 'GET', 'POST'),
    headers: fc.nat({ max: 3 }).map((count) => pairs('h', count)),
    queryParams: fc.nat({ max: 4 }).map((count) => pairs('q', count)),
    cookies: fc.constant([]),
  });
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), (matches) => {
      const rules = matches.map((match, index) => ({ name: `${index}`, matches: [match] }));
      const index = ruleIndexOf(readyRules(rules), target, request);
      const fitting = matches.filter(isFitting);
      assert.equal(index < 0, fitting.length === 0);
      const best = fitting.toSorted((a, b) => compare(ranks(b), ranks(a)))[0];
      assert.equal(index, best === undefined ? -1 : matches.indexOf(best));
    }),
    { seed: 20261121, numRuns: 1000 },
  );
});

/** The oracle asks each match in plain words, and sorts by a list of numbers. */
function isFitting({ path, method, queryParams }: RequestMatch): boolean {
  return path.value !== '/z' && method !== 'POST' && queryParams.length < 4;
}

function ranks({ path, method, headers, queryParams }: RequestMatch): readonly number[] {
  const isExact = path.type === 'Exact';
  return [
    isExact ? 1 : 0,
    isExact ? 0 : path.value.replace(/\/$/, '').length,
    method === null ? 0 : 1,
    headers.length,
    queryParams.length,
  ];
}

function compare(a: readonly number[], b: readonly number[]): number {
  return a.map((rank, index) => rank - (b[index] ?? 0)).find((difference) => difference !== 0) ?? 0;
}

function chosen(rules: readonly RouteRule[], asked = target): string | undefined {
  return rules[ruleIndexOf(readyRules(rules), asked, request)]?.name;
}

function ruleOf(name: string, match: Partial<RequestMatch> | null): RouteRule {
  return { name, matches: match === null ? [] : [{ ...any, ...match }] };
}

function prefixed(value: string): RequestMatch['path'] {
  return prefix(value).path;
}

function pairs(letter: string, count: number) {
  return Array.from({ length: count }, (_, index) => ({ name: `${letter}${index}`, value: '1' }));
}
