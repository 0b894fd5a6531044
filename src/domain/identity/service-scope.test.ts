import assert from 'node:assert/strict';
import { test } from 'node:test';
import { array, assert as assertProperty, constantFrom, property } from 'fast-check';
import { isInScope, readServiceScope, type ServiceScope, wholeScope } from './service-scope.ts';

const rows: readonly (readonly [scope: string, service: string, want: boolean])[] = [
  ['*/*', 'default/checkout', true],
  ['default/checkout', 'default/checkout', true],
  ['default/checkout', 'default/checkout-2', false],
  ['default/checkout', 'other/checkout', false],
  ['default/pay-*', 'default/pay-', true],
  ['default/pay-*', 'default/pay-card', true],
  ['default/pay-*', 'default/pay', false],
  ['default/*-api', 'default/shop-api', true],
  ['default/*-api', 'default/shop-api2', false],
  ['default/a*a', 'default/a', false],
  ['default/a*a', 'default/aa', true],
  ['default/a*b*c', 'default/a-b-b-c', true],
  ['default/a*b*c', 'default/a-c-b', false],
  ['team-*/*', 'team-1/x', true],
];

for (const [scope, service, want] of rows) {
  test(`${scope} ${want ? 'has' : 'does not have'} ${service}`, () => {
    const [namespace = '', name = ''] = service.split('/');
    assert.equal(isInScope(scopeOf(scope), { namespace, name }), want);
  });
}

test('a scope is two parts of few characters', () => {
  const bad = [
    '',
    '*',
    'checkout',
    'a/b/c',
    'A/b',
    'a/',
    '/b',
    'a/b ',
    'a/*****',
    `a/${'x'.repeat(64)}`,
  ];
  for (const text of bad) assert.equal(readServiceScope(text), null, text);
  assert.equal(readServiceScope('a/****'), 'a/****');
});

test('a scope has what a regular expression of it has', () => {
  const part = array(constantFrom('a', 'b', '-', '*'), { minLength: 1, maxLength: 8 });
  const word = array(constantFrom('a', 'b', '-'), { minLength: 1, maxLength: 12 });
  assertProperty(
    property(part, word, (pattern, name) => {
      const scope = readServiceScope(`*/${pattern.join('')}`);
      if (scope === null) return;
      const expression = new RegExp(`^${pattern.join('').replaceAll('*', '.*')}$`);
      const service = { namespace: 'default', name: name.join('') };
      assert.equal(isInScope(scope, service), expression.test(service.name));
    }),
  );
  assert.ok(isInScope(wholeScope, { namespace: 'x', name: 'y' }));
});

function scopeOf(text: string): ServiceScope {
  const scope = readServiceScope(text);
  assert.ok(scope !== null, text);
  return scope;
}
