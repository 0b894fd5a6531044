import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  cookieValue,
  isMatch,
  pathEndOf,
  readyMatch,
  type RequestHeaders,
  type RequestMatch,
} from './request-match.ts';

/** Rows of the Gateway API's own words: PathMatchType, HTTPHeaderMatch and HTTPQueryParamMatch of v1. */
const any: RequestMatch = {
  path: { type: 'PathPrefix', value: '/' },
  method: null,
  headers: [],
  queryParams: [],
  cookies: [],
};

function fits(
  match: Partial<RequestMatch>,
  target: string,
  request: { readonly method?: string; readonly headers?: RequestHeaders } = {},
): boolean {
  const asked = { method: 'GET', headers: {}, ...request };
  return isMatch(readyMatch({ ...any, ...match }), target, pathEndOf(target), asked);
}

for (const [type, value, target, want] of [
  ['Exact', '/abc', '/abc', true],
  ['Exact', '/abc', '/abc?x=1', true],
  ['Exact', '/abc', '/abc/', false],
  ['Exact', '/abc', '/Abc', false],
  ['Exact', '/abc', '/abcd', false],
  ['Exact', '/abc/', '/abc', false],
  ['Exact', '/', '/', true],
  ['Exact', '/', '/a', false],
  ['Exact', '/a?b', '/a?b', false],
  ['PathPrefix', '/abc', '/abc', true],
  ['PathPrefix', '/abc', '/abc?x', true],
  ['PathPrefix', '/abc', '/abc/', true],
  ['PathPrefix', '/abc', '/abc/def', true],
  ['PathPrefix', '/abc', '/abcd', false],
  ['PathPrefix', '/abc', '/ABC', false],
  ['PathPrefix', '/abc', '/ab', false],
  ['PathPrefix', '/abc', '/?/abc', false],
  ['PathPrefix', '/abc/', '/abc', true],
  ['PathPrefix', '/abc/', '/abc/def', true],
  ['PathPrefix', '/abc/', '/abcd', false],
  ['PathPrefix', '/abc/def', '/abc?/def', false],
  ['PathPrefix', '/', '/', true],
  ['PathPrefix', '/', '/any/thing', true],
  ['PathPrefix', '/', '*', true],
  ['PathPrefix', '/', '', true],
] as const) {
  test(`${type} ${value} ${want ? 'has' : 'has not'} ${target}`, () => {
    assert.equal(fits({ path: { type, value } }, target), want);
  });
}

for (const [name, match, headers, want] of [
  ['one header', { headers: [h('x', '1')] }, { x: '1' }, true],
  ['another value', { headers: [h('x', '1')] }, { x: '2' }, false],
  ['values are case-sensitive', { headers: [h('x', 'a')] }, { x: 'A' }, false],
  ['no such header', { headers: [h('x', '1')] }, {}, false],
  ['all headers have to fit', { headers: [h('x', '1'), h('y', '2')] }, { x: '1' }, false],
  ['two headers', { headers: [h('x', '1'), h('y', '2')] }, { x: '1', y: '2' }, true],
  ['the first of twins counts', { headers: [h('x', '1'), h('x', '2')] }, { x: '1' }, true],
  ['a list with the value', { headers: [h('x', '1')] }, { x: ['0', '1'] }, true],
  ['a cookie', { cookies: [h('a', '1')] }, { cookie: 'b=2; a=1' }, true],
  ['a cookie without a space', { cookies: [h('a', '1')] }, { cookie: 'b=2;a=1' }, true],
  ['a cookie of another value', { cookies: [h('a', '1')] }, { cookie: 'a=11' }, false],
  ['a cookie whose name ends so', { cookies: [h('a', '1')] }, { cookie: 'ba=1' }, false],
  ['the first of two cookies', { cookies: [h('a', '1')] }, { cookie: 'a=2; a=1' }, false],
  ['cookie names are case-sensitive', { cookies: [h('a', '1')] }, { cookie: 'A=1' }, false],
  ['no cookie at all', { cookies: [h('a', '1')] }, {}, false],
] as const) {
  test(`${name}: ${want ? 'fits' : 'does not fit'}`, () => {
    assert.equal(fits(match, '/', { headers }), want);
  });
}

for (const [query, wanted, want] of [
  ['?a=1', h('a', '1'), true],
  ['?b=2&a=1', h('a', '1'), true],
  ['?a=2&a=1', h('a', '1'), false],
  ['?a=1&a=2', h('a', '1'), true],
  ['?ab=1', h('a', '1'), false],
  ['?a=11', h('a', '1'), false],
  ['?a', h('a', '1'), false],
  ['?a&b=1', h('b', '1'), true],
  ['?b=a=1', h('b', 'a=1'), true],
  ['?%61=%31', h('a', '1'), true],
  ['?a=x+y', h('a', 'x y'), true],
  ['?a=x%20y', h('a', 'x y'), true],
  ['?a=%', h('a', '%'), true],
  ['?a=%4', h('a', '%4'), true],
  ['?a=%zz', h('a', '%zz'), true],
  ['?A=1', h('a', '1'), false],
  ['', h('a', '1'), false],
  ['?', h('a', '1'), false],
] as const) {
  test(`${query} ${want ? 'has' : 'has not'} ${wanted.name}=${wanted.value}`, () => {
    assert.equal(fits({ queryParams: [wanted] }, `/p${query}`), want);
  });
}

test('a method is asked as it is written', () => {
  assert.equal(fits({ method: 'GET' }, '/', { method: 'GET' }), true);
  assert.equal(fits({ method: 'GET' }, '/', { method: 'HEAD' }), false);
});

for (const [header, want] of [
  ['a=1', '1'],
  ['b=2; a=1; a=3', '1'],
  ['a=1 ; b=2', '1'],
  ['a="1"', '"1"'],
  ['a=', null],
  ['b=1', null],
  [['b=1', 'a=2'], '2'],
  [undefined, null],
] as const) {
  test(`the cookie a of ${JSON.stringify(header)} is ${want}`, () => {
    assert.equal(cookieValue(header, 'a'), want);
  });
}

function h(name: string, value: string) {
  return { name, value };
}
