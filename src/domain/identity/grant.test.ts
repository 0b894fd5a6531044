import assert from 'node:assert/strict';
import { test } from 'node:test';

import { personNameFault, readGrant } from './grant.ts';

const rows: readonly (readonly [
  what: string,
  wish: { role: string; scopes: string[] },
  says: RegExp | null,
])[] = [
  ['a role for services', { role: 'viewer', scopes: ['default/*', 'shop/pay'] }, null],
  ['as many patterns as there may be', { role: 'admin', scopes: many(32) }, null],
  ['one pattern too many', { role: 'admin', scopes: many(33) }, /a link is for 1-32 .* not 33/],
  ['no pattern', { role: 'admin', scopes: [] }, /1-32 patterns of services, not 0/],
  ['a role that is none', { role: 'root', scopes: ['*/*'] }, /'root' is no role/],
  ['a pattern that is none', { role: 'viewer', scopes: ['*/*', 'pay'] }, /'pay' is no pattern/],
];

function many(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `default/s${index}`);
}

for (const [what, wish, says] of rows) {
  test(`${what} is ${says === null ? 'taken' : 'refused with its reason'}`, () => {
    const read = readGrant(wish, 'a link');
    if (says === null) assert.deepEqual(read, wish);
    else assert.match(typeof read === 'string' ? read : 'taken', says);
  });
}

test('a name of a person has small letters, digits and four signs, 1 to 64 of them', () => {
  for (const name of ['a', 'ann.b@shop.example', 'x'.repeat(64)]) {
    assert.equal(personNameFault(name), null, name);
  }
  for (const name of ['', 'Ann', 'ann b', 'x'.repeat(65), 'änn', 'ann\n']) {
    assert.match(personNameFault(name) ?? '', /name of a person|person/, JSON.stringify(name));
  }
});
