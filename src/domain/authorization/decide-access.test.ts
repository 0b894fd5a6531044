import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { AuthorizationRule } from './authorization.ts';
import { type AccessRequest, ReadyAuthorization } from './decide-access.ts';

const rule = (name: string, change: Partial<AuthorizationRule>): AuthorizationRule => ({
  name,
  action: 'ALLOW',
  from: [],
  to: [],
  when: [],
  ...change,
});
const from = (change: Partial<AuthorizationRule['from'][number]>) => [
  { principals: [], namespaces: [], ipBlocks: [], ...change },
];
const to = (change: Partial<AuthorizationRule['to'][number]>) => [
  { methods: [], paths: [], ...change },
];

const web = 'shop.example/ns/front/sa/web';

function request(change: Partial<AccessRequest['caller'] & AccessRequest> = {}): AccessRequest {
  const { principal = web, namespace = 'front', address = '10.1.2.3', ...more } = change;
  const caller = { principal, namespace, address };
  return { caller, method: 'GET', target: '/orders', claims: null, ...more };
}

function decides(rules: readonly AuthorizationRule[], asked: AccessRequest): string {
  const decision = new ReadyAuthorization({ mode: 'enforce', rules }).decide(asked);
  return `${decision.isAllowed ? 'allowed' : 'refused'} by ${decision.rule?.name ?? 'none'}`;
}

const claims = (values: Record<string, readonly string[]>) => new Map(Object.entries(values));
const admin = [{ claim: 'role', values: ['admin', 'ops'] }];

const rows: readonly (readonly [string, readonly AuthorizationRule[], AccessRequest, string])[] = [
  ['nobody may ask where no rule is', [], request(), 'refused by none'],
  ['a bare rule lets everybody', [rule('a', {})], request({ principal: null }), 'allowed by a'],
  [
    'DENY goes before an earlier ALLOW',
    [rule('a', {}), rule('d', { action: 'DENY', to: to({ methods: ['GET'] }) })],
    request(),
    'refused by d',
  ],
  ['an id', [rule('a', { from: from({ principals: [web] }) })], request(), 'allowed by a'],
  [
    'another trust domain with the same path',
    [rule('a', { from: from({ principals: [web] }) })],
    request({ principal: 'evil.example/ns/front/sa/web' }),
    'refused by none',
  ],
  [
    'a principal that only begins so',
    [rule('a', { from: from({ principals: [web] }) })],
    request({ principal: `${web}2` }),
    'refused by none',
  ],
  [
    'the end of an id',
    [rule('a', { from: from({ principals: ['*/ns/front/sa/web'] }) })],
    request(),
    'allowed by a',
  ],
  [
    'everybody known is not somebody unknown',
    [rule('a', { from: from({ principals: ['*'] }) })],
    request({ principal: null, namespace: null }),
    'refused by none',
  ],
  [
    'all lists of a source have to fit',
    [rule('a', { from: from({ namespaces: ['front'], ipBlocks: ['10.2.0.0/16'] }) })],
    request(),
    'refused by none',
  ],
  [
    'any source does',
    [
      rule('a', {
        from: [...from({ namespaces: ['back'] }), ...from({ ipBlocks: ['10.1.0.0/16'] })],
      }),
    ],
    request(),
    'allowed by a',
  ],
  [
    'an address of IPv4 as one of IPv6',
    [rule('a', { from: from({ ipBlocks: ['10.0.0.0/8'] }) })],
    request({ address: '::ffff:10.1.2.3' }),
    'allowed by a',
  ],
  [
    'no address is in no block that allows',
    [rule('a', { from: from({ ipBlocks: ['0.0.0.0/0', '::/0'] }) })],
    request({ address: '' }),
    'refused by none',
  ],
  [
    'no address is in each block that denies',
    [rule('a', {}), rule('d', { action: 'DENY', from: from({ ipBlocks: ['192.0.2.1'] }) })],
    request({ address: '' }),
    'refused by d',
  ],
  [
    'methods are exact',
    [rule('a', { to: to({ methods: ['GET'] }) })],
    request({ method: 'HEAD' }),
    'refused by none',
  ],
  [
    'a method in lower case is not allowed',
    [rule('a', { to: to({ methods: ['GET'] }) })],
    request({ method: 'get' }),
    'refused by none',
  ],
  [
    'a method in lower case is denied',
    [rule('a', {}), rule('d', { action: 'DENY', to: to({ methods: ['DELETE'] }) })],
    request({ method: 'delete' }),
    'refused by d',
  ],
  [
    'method and path have to fit together',
    [
      rule('a', {
        to: [...to({ methods: ['POST'], paths: ['/orders'] }), ...to({ paths: ['/other'] })],
      }),
    ],
    request(),
    'refused by none',
  ],
  [
    'a claim that is a list',
    [rule('a', { when: admin })],
    request({ claims: claims({ role: ['guest', 'ops'] }) }),
    'allowed by a',
  ],
  ['no token', [rule('a', { when: admin })], request(), 'refused by none'],
  [
    'each claim has to hold',
    [rule('a', { when: [...admin, { claim: 'team', values: ['shop'] }] })],
    request({ claims: claims({ role: ['ops'] }) }),
    'refused by none',
  ],
];

for (const [name, rules, asked, want] of rows) {
  test(`${name}: ${want}`, () => assert.equal(decides(rules, asked), want));
}

/** The words of authorization.ts once more, by lists of all that a rule could mean and no machinery. */
function naive(rules: readonly AuthorizationRule[], asked: AccessRequest): string {
  const { caller, method, target } = asked;
  const path = target.split('?')[0] ?? '';
  const glob = (written: string, text: string | null) =>
    text !== null &&
    new RegExp(
      `^${written
        .split('*')
        .map((part) => part.replaceAll(/[.]/g, '\\.'))
        .join('.*')}$`,
    ).test(text);
  const under = (written: string) =>
    written === '*' ||
    (written.endsWith('/*') ? `${path}/`.startsWith(written.slice(0, -1)) : path === written);
  const inBlock = (written: string) => {
    const [net = '', length = '32'] = written.split('/');
    const binary = (text: string) =>
      text
        .split('.')
        .map((part) => Number(part).toString(2).padStart(8, '0'))
        .join('');
    return binary(caller.address).slice(0, Number(length)) === binary(net).slice(0, Number(length));
  };
  const some = (list: readonly string[], one: (written: string) => boolean) =>
    list.length === 0 || list.some(one);
  const fits = (each: AuthorizationRule): boolean =>
    (each.from.length === 0 ||
      each.from.some(
        (source) =>
          some(source.principals, (written) => glob(written, caller.principal)) &&
          some(source.namespaces, (written) => glob(written, caller.namespace)) &&
          some(source.ipBlocks, inBlock),
      )) &&
    (each.to.length === 0 ||
      each.to.some(
        (operation) =>
          some(operation.methods, (written) => written === method) && some(operation.paths, under),
      )) &&
    each.when.every(({ claim, values }) =>
      values.some((value) => asked.claims?.get(claim)?.includes(value) === true),
    );
  for (const action of ['DENY', 'ALLOW']) {
    const found = rules.find((each) => each.action === action && fits(each));
    if (found !== undefined)
      return `${action === 'ALLOW' ? 'allowed' : 'refused'} by ${found.name}`;
  }
  return 'refused by none';
}

const listOf = (...values: readonly string[]) => fc.subarray([...values], { maxLength: 2 });
const namespaces = ['front', 'back'];
const principals = namespaces.flatMap((each) => [`d/ns/${each}/sa/a`, `e/ns/${each}/sa/b`]);
const anyRule = fc.record({
  action: fc.constantFrom('ALLOW' as const, 'DENY' as const),
  from: fc.array(
    fc.record({
      principals: listOf(...principals, '*', 'd/*', '*/sa/b'),
      namespaces: listOf(...namespaces, 'b*', '*nt'),
      ipBlocks: listOf('10.0.0.0/8', '10.1.0.0/16', '192.0.2.1', '0.0.0.0/0'),
    }),
    { maxLength: 2 },
  ),
  to: fc.array(
    fc.record({
      methods: listOf('GET', 'POST'),
      paths: listOf('/a', '/a/*', '/a/b', '/a/b/*', '/ab', '*'),
    }),
    { maxLength: 2 },
  ),
  when: fc.array(fc.record({ claim: fc.constantFrom('r', 's'), values: listOf('1', '2') }), {
    maxLength: 1,
  }),
});
const anyRequest = fc
  .record({
    who: fc.constantFrom(null, ...principals),
    address: fc.constantFrom('10.0.0.1', '10.1.0.1', '192.0.2.1', '192.0.2.2'),
    method: fc.constantFrom('GET', 'POST', 'PUT'),
    target: fc.constantFrom('/', '/a', '/a/b', '/a/b/c', '/ab', '/abc', '/a?/b', '/b'),
    claims: fc.constantFrom(null, claims({ r: ['1'] }), claims({ r: ['2', '3'], s: ['1'] })),
  })
  .map(({ who, address, ...more }): AccessRequest => {
    const namespace = who?.split('/')[2] ?? null;
    return { caller: { principal: who, namespace, address }, ...more };
  });

test('it decides as a second evaluator does, for any rules and requests in plain paths', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(fc.array(anyRule, { maxLength: 6 }), anyRequest, (drawn, asked) => {
      const rules = drawn.map((each, index) => ({ ...each, name: `r${index}` }));
      const want = naive(rules, asked);
      seen.add(want.replace(/\d/, ''));
      assert.equal(decides(rules, asked), want);
    }),
    { numRuns: 3000 },
  );
  assert.equal(seen.size, 3, 'each outcome came');
});

test('more rules that deny never allow more, and more that allow never allow less', () => {
  fc.assert(
    fc.property(fc.array(anyRule, { maxLength: 4 }), anyRule, anyRequest, (drawn, more, asked) => {
      const rules = drawn.map((each, index) => ({ ...each, name: `r${index}` }));
      const before = decides(rules, asked).startsWith('allowed');
      const after = decides([...rules, { ...more, name: 'more' }], asked).startsWith('allowed');
      assert.ok(more.action === 'DENY' ? before || !after : after || !before);
    }),
    { numRuns: 1000 },
  );
});
