import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuthorizationRule } from './authorization.ts';
import { authorizationFaults } from './authorization-faults.ts';

const source = { principals: [], namespaces: [], ipBlocks: [] };
const rule = (name: string, change: Partial<AuthorizationRule>): AuthorizationRule => ({
  name,
  action: 'ALLOW',
  from: [],
  to: [],
  when: [],
  ...change,
});
const deny = (change: Partial<AuthorizationRule>) => rule('d', { action: 'DENY', ...change });
const reads = { to: [{ methods: ['GET'], paths: ['/orders/*'] }] };
const role = (...values: string[]) => [{ claim: 'role', values }];

const noToken = { hasToken: false, hasIdentity: true };

const rows: readonly (readonly [string, readonly AuthorizationRule[], string | null])[] = [
  ['nothing at all is a wish', [], null],
  ['an ALLOW rule', [rule('a', reads)], null],
  ['DENY alone', [deny(reads)], 'rules.0: rule "d" changes nothing, as no rule allows anything'],
  [
    'a claim without a token',
    [rule('a', { when: role('admin') })],
    'rules.0.when: rule "a" goes by a claim, and nothing asks for a token',
  ],
  [
    'a principal that is of no namespace of its source',
    [
      rule('a', {
        from: [source, { ...source, principals: ['x/ns/one/sa/web'], namespaces: ['two', 'th*'] }],
      }),
    ],
    'rules.0.from.1.source: rule "a" can never fit: no principal it names is of a namespace it names',
  ],
  [
    'a principal that may be of it',
    [rule('a', { from: [{ ...source, principals: ['x/*'], namespaces: ['two'] }] })],
    null,
  ],
  [
    'bits behind a prefix',
    [rule('a', { from: [{ ...source, ipBlocks: ['10.0.0.0/8', '10.0.0.1/8'] }] })],
    'rules.0.from.0.source.ipBlocks.1: "10.0.0.1/8" is no address and no block of addresses',
  ],
  [
    'an ALLOW rule below a DENY rule',
    [rule('a', reads), deny({ to: [{ methods: [], paths: ['/orders/*'] }] })],
    'rules.0: rule "a" can never allow anything: rule "d" denies all of it',
  ],
  [
    'one whose paths reach further',
    [rule('a', { to: [{ methods: ['GET'], paths: ['/orders/*', '/o'] }] }), deny(reads)],
    null,
  ],
  ['one with more methods', [rule('a', {}), deny(reads)], null],
  [
    'a block within a block',
    [
      rule('a', { from: [{ ...source, ipBlocks: ['10.1.0.0/16'] }] }),
      deny({ from: [{ ...source, ipBlocks: ['10.0.0.0/8'] }] }),
    ],
    'rules.0: rule "a" can never allow anything: rule "d" denies all of it',
  ],
  [
    'everybody known within everybody known',
    [
      rule('a', { from: [{ ...source, principals: ['x/*'] }] }),
      deny({ from: [{ ...source, principals: ['*'] }] }),
    ],
    'rules.0: rule "a" can never allow anything: rule "d" denies all of it',
  ],
  [
    'everybody, known or not',
    [rule('a', {}), deny({ from: [{ ...source, principals: ['*'] }] })],
    null,
  ],
];

for (const [name, rules, want] of rows) {
  test(name, () => {
    const [fault] = authorizationFaults({ mode: 'enforce', rules }, noToken);
    assert.equal(fault === undefined ? null : `${fault.keyPath.join('.')}: ${fault.message}`, want);
  });
}

test('claims of both make a shadow only if those of the DENY rule hold whenever those of the other do', () => {
  const faults = (allowed: string[], denied: string[]) =>
    authorizationFaults(
      {
        mode: 'enforce',
        rules: [rule('a', { when: role(...allowed) }), deny({ when: role(...denied) })],
      },
      { ...noToken, hasToken: true },
    ).length;
  assert.equal(faults(['admin'], ['admin', 'ops']), 1);
  assert.equal(faults(['admin', 'guest'], ['admin', 'ops']), 0);
});

test('principals and namespaces want callers that can prove who they are, addresses do not', () => {
  const faults = (change: Partial<AuthorizationRule['from'][number]>) =>
    authorizationFaults(
      { mode: 'enforce', rules: [rule('a', { from: [{ ...source, ...change }] })] },
      { hasToken: false, hasIdentity: false },
    ).map(({ keyPath }) => keyPath.join('.'));
  assert.deepEqual(faults({ principals: ['*'] }), ['rules.0.from.0.source']);
  assert.deepEqual(faults({ namespaces: ['ops'] }), ['rules.0.from.0.source']);
  assert.deepEqual(faults({ ipBlocks: ['10.0.0.0/8'] }), []);
});
