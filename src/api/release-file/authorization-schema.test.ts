import assert from 'node:assert/strict';
import test from 'node:test';
import { parsedTraffic } from './traffic-line.fixture.ts';

/** `authorization` begins at line 7 and column 20. */
function parsed(written: string) {
  const { policy, told } = parsedTraffic(`authorization: ${written}`);
  return { authorization: policy?.authorization, told };
}

test('rules are taken as they are written, and what is not written is empty', () => {
  const text =
    '{ rules: [{ name: web, from: [{ source: { principals: [a.example/ns/x/sa/web, "*/sa/b"], namespaces: [shop], ipBlocks: [10.0.0.0/8] } }],' +
    ' to: [{ operation: { methods: [GET], paths: [/orders, "/orders/*", "*"] } }], when: [{ key: "request.auth.claims[role]", values: [admin, 3] }] },' +
    ' { name: no, action: DENY }] }';
  assert.deepEqual(parsed(text).authorization, {
    mode: 'enforce',
    rules: [
      {
        name: 'web',
        action: 'ALLOW',
        from: [
          {
            principals: ['a.example/ns/x/sa/web', '*/sa/b'],
            namespaces: ['shop'],
            ipBlocks: ['10.0.0.0/8'],
          },
        ],
        to: [{ methods: ['GET'], paths: ['/orders', '/orders/*', '*'] }],
        when: [{ claim: 'role', values: ['admin', '3'] }],
      },
      { name: 'no', action: 'DENY', from: [], to: [], when: [] },
    ],
  });
});

test('nothing in it is nobody', () => {
  assert.deepEqual(parsed('{}').authorization, { mode: 'enforce', rules: [] });
  assert.deepEqual(parsed('{ mode: audit }').authorization, { mode: 'audit', rules: [] });
});

const rule = (more: string) => `{ rules: [{ name: a, ${more} }] }`;
const source = (more: string) => rule(`from: [{ source: { ${more} } }]`);
const operation = (more: string) => rule(`to: [{ operation: { ${more} } }]`);

const refused = [
  ['{ rules: [] }', '7:29: "rules" must have at least one item'],
  [rule('from: []'), '7:47: "from" must have at least one item'],
  [source('principals: []'), '7:72: "principals" must have at least one item'],
  [source(''), '7:58: "source" must have at least one of principals, namespaces and ipBlocks'],
  [operation(''), '7:59: "operation" must have at least one of methods and paths'],
  [
    source('principals: [web]'),
    '7:73: item 1 of "principals" must be a SPIFFE id without its scheme, not "web"; did you mean "*/ns/default/sa/web"?',
  ],
  [
    source('principals: ["spiffe://a/ns/b/sa/c"]'),
    '7:73: item 1 of "principals" is written without its scheme; write "a/ns/b/sa/c"',
  ],
  [
    source('notPrincipals: [a]'),
    '7:60: not supported yet: spec.traffic.authorization.rules.from.source.notPrincipals; remove it',
  ],
  [
    source('ipBlocks: [all]'),
    '7:71: item 1 of "ipBlocks" must be an address or a block of addresses such as 10.0.0.0/8, not "all"',
  ],
  [
    operation('methods: [get]'),
    '7:71: item 1 of "methods" must be a method such as GET, not "get"; did you mean "GET"?',
  ],
  [
    operation('paths: [/api*]'),
    '7:69: item 1 of "paths" must end with "/*" to mean all below it, not "/api*"; did you mean "/api/*"?',
  ],
  [operation('paths: [/a/../b]'), '7:69: item 1 of "paths" must not have "/../"'],
  [operation('paths: [/a//b]'), '7:69: item 1 of "paths" must not have "//"'],
  [
    rule('when: [{ key: source.ip, values: [a] }]'),
    '7:55: "key" must be request.auth.claims[NAME], not "source.ip"; who asks is written in "from"',
  ],
  [rule('action: allow'), '7:49: "action" must be ALLOW or DENY, not "allow"; did you mean ALLOW?'],
  ['{ rules: [{ name: a }, { name: a }] }', '7:51: "name" "a" is the name of an earlier rule'],
  ['{ mode: dry-run }', '7:28: "mode" must be enforce or audit, not "dry-run"'],
] as const;

for (const [written, problem] of refused) {
  test(`${written.slice(0, 90)} is refused with its place`, () => {
    const { told } = parsed(written);
    assert.ok(told.includes(`f:${problem}`), told.join('\n'));
  });
}
