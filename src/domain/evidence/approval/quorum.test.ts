import assert from 'node:assert/strict';
import { test } from 'node:test';
import { array, assert as assertProperty, constantFrom, property, record } from 'fast-check';

import { sha256Hex } from '../digest.ts';
import { type Approval, type ApprovalPolicy, approvalPolicySha256 } from './approval.ts';
import { PersonDirectory } from './person-directory.ts';
import { personEventData } from './person-enrolment.ts';
import { enrolmentOf, person, type TestPerson } from './person.fixture.ts';
import { type QuorumQuestion, quorumOf, type RecordedApproval } from './quorum.ts';

const policy: ApprovalPolicy = {
  rules: [
    { role: 'sre', count: 1 },
    { role: 'owner', count: 1 },
  ],
  validForMs: 1000,
};
const policySha256 = approvalPolicySha256(policy);
const requestSha256 = sha256Hex('request');

const ana = person('ana');
const anaAgain: TestPerson = { ...person('ana'), name: 'ana' };
const ben = person('ben');
const both = person('both');
const directory = new PersonDirectory();
const enrolled: readonly (readonly [TestPerson, readonly string[]])[] = [
  [ana, ['sre']],
  [anaAgain, ['sre']],
  [ben, ['owner']],
  [both, ['sre', 'owner']],
];
for (const [index, [each, roles]] of enrolled.entries()) {
  directory.apply(
    index,
    personEventData({ action: 'enrol-person', by: 'admin', enrolment: enrolmentOf(each), roles }),
  );
}
const requestIndex = 10;

function said(by: TestPerson, index: number, change: Partial<Approval> = {}): RecordedApproval {
  const approval: Approval = {
    requestSha256,
    policySha256,
    verdict: 'approve',
    role: by.name === 'ben' ? 'owner' : 'sre',
    expiresAtMs: 2000,
    reason: 'fine',
    ...change,
  };
  return {
    index,
    person: by.name,
    keyId: by.keys.ed25519.keyId,
    observedAtMs: 1000 + index,
    approval,
  };
}

function asked(
  approvals: readonly RecordedApproval[],
  change: Partial<QuorumQuestion> = {},
): QuorumQuestion {
  return {
    policy,
    policySha256,
    requestSha256,
    requestIndex,
    author: 'author',
    approvals,
    directory,
    atIndex: 20,
    atMs: 1500,
    ...change,
  };
}

interface Row {
  readonly name: string;
  readonly question: QuorumQuestion;
  readonly want: string;
}

const rows: readonly Row[] = [
  { name: 'nobody', question: asked([]), want: 'open: 1 sre, 1 owner' },
  { name: 'one of two', question: asked([said(ana, 11)]), want: 'open: 1 owner' },
  { name: 'both', question: asked([said(ana, 11), said(ben, 12)]), want: 'met: 11, 12' },
  {
    name: 'one person twice counts once',
    question: asked([said(ana, 11), said(ana, 12)], {
      policy: { ...policy, rules: [{ role: 'sre', count: 2 }] },
    }),
    want: 'open: 1 sre',
  },
  {
    name: 'one person with two pairs of keys counts once',
    question: asked([said(ana, 11), said(anaAgain, 12)], {
      policy: { ...policy, rules: [{ role: 'sre', count: 2 }] },
    }),
    want: 'open: 1 sre',
  },
  {
    name: 'one person in two roles counts once, in the one named last',
    question: asked([said(both, 11), said(both, 12, { role: 'owner' })]),
    want: 'open: 1 sre',
  },
  {
    name: 'the author does not count',
    question: asked([said(ana, 11), said(ben, 12)], { author: 'ana' }),
    want: 'open: 1 sre; 11 ana is the author',
  },
  {
    name: 'another request',
    question: asked([said(ana, 11, { requestSha256: sha256Hex('other') }), said(ben, 12)]),
    want: 'open: 1 sre; 11 it is for another request',
  },
  {
    name: 'another policy',
    question: asked([said(ana, 11, { policySha256: sha256Hex('other') }), said(ben, 12)]),
    want: 'open: 1 sre; 11 it is for another policy',
  },
  {
    name: 'a moment before it expires',
    question: asked([said(ana, 11), said(ben, 12)], { atMs: 1999 }),
    want: 'met: 11, 12',
  },
  {
    name: 'the moment it expires',
    question: asked([said(ana, 11, { expiresAtMs: 1600 }), said(ben, 12)], { atMs: 1600 }),
    want: 'open: 1 sre; 11 it has expired',
  },
  {
    name: 'for longer than allowed',
    question: asked([said(ana, 11, { expiresAtMs: 2012 }), said(ben, 12)]),
    want: 'open: 1 sre; 11 it would count for longer than the policy allows',
  },
  {
    name: 'for as long as allowed',
    question: asked([said(ana, 11, { expiresAtMs: 2011 }), said(ben, 12)]),
    want: 'met: 11, 12',
  },
  {
    name: 'a role the person does not have',
    question: asked([said(ana, 11, { role: 'owner' }), said(ben, 12)]),
    want: 'open: 1 sre; 11 ana does not have the role owner at index 11',
  },
  {
    name: 'a role nobody asked for',
    question: asked([said(ana, 11, { role: 'dba' })]),
    want: 'open: 1 sre, 1 owner; 11 the policy does not ask for the role dba',
  },
  {
    name: 'recorded before the request',
    question: asked([said(ana, 9), said(ben, 12)]),
    want: 'open: 1 sre; 9 it was recorded before the request',
  },
  {
    name: 'rejected',
    question: asked([said(ana, 11), said(ben, 12, { verdict: 'reject' })]),
    want: 'rejected by ben at 12',
  },
  {
    name: 'a rejection by somebody who may not speak is none',
    question: asked([
      said(ana, 11),
      said(ben, 12),
      said(ana, 13, { verdict: 'reject', role: 'owner' }),
    ]),
    want: 'met: 11, 12; 13 ana does not have the role owner at index 13',
  },
  {
    name: 'withdrawn',
    question: asked([said(ana, 11), said(ben, 12), said(ana, 13, { verdict: 'withdraw' })]),
    want: 'open: 1 sre',
  },
  {
    name: 'a rejection withdrawn and turned',
    question: asked([
      said(ben, 11, { verdict: 'reject' }),
      said(ana, 12),
      said(ben, 13, { verdict: 'withdraw' }),
      said(ben, 14),
    ]),
    want: 'met: 12, 14',
  },
  {
    name: 'a stranger',
    question: asked([said(person('eve'), 11), said(ben, 12)]),
    want: 'open: 1 sre; 11 eve does not have the role sre at index 11',
  },
];

test('a quorum is of distinct people who may, for this request, now', () => {
  for (const { name, question, want } of rows) assert.equal(told(question), want, name);
});

test('who lost the key or the role before the decision does not count', () => {
  const events = [
    { action: 'revoke-person', by: 'admin', keyId: ana.keys.ed25519.keyId, reason: 'lost' },
    { action: 'assign-roles', by: 'admin', person: 'ana', roles: [] },
  ] as const;
  const wants = ['the key of ana is not valid', 'ana does not have the role sre'];
  for (const [at, event] of events.entries()) {
    const later = new PersonDirectory();
    for (const [index, each] of [ana, ben].entries()) {
      const roles = each === ana ? ['sre'] : ['owner'];
      const enrolment = enrolmentOf(each);
      later.apply(
        index,
        personEventData({ action: 'enrol-person', by: 'admin', enrolment, roles }),
      );
    }
    later.apply(15, personEventData(event));
    const question = asked([said(ana, 11), said(ben, 12)], { directory: later });
    assert.equal(told(question), `open: 1 sre; 11 ${wants[at]} at index 20`);
    assert.equal(told({ ...question, atIndex: 15 }), 'met: 11, 12', 'up to and with that entry');
  }
});

/** Whatever is said in whatever order: no more people than there are can ever meet it, and never the author. */
test('no set of approvals stands in for a person who is missing', () => {
  const people = [ana, anaAgain, both];
  const one = record({
    by: constantFrom(...people),
    role: constantFrom('sre', 'owner'),
    verdict: constantFrom('approve', 'withdraw'),
  });
  assertProperty(
    property(array(one, { maxLength: 12 }), (words) => {
      const approvals = words.map(({ by, role, verdict }, at) =>
        said(by, 11 + at, { role, verdict: verdict as Approval['verdict'] }),
      );
      const three = { ...policy, rules: [{ role: 'sre', count: 3 }] };
      assert.notEqual(quorumOf(asked(approvals, { policy: three, atIndex: 40 })).kind, 'met');
      const author = quorumOf(asked(approvals, { author: 'both', atIndex: 40 })).kind;
      assert.notEqual(author, 'met', 'ana has no role of an owner');
    }),
  );
});

function told(question: QuorumQuestion): string {
  const quorum = quorumOf(question);
  const refused = quorum.refused.map(({ index, why }) => `; ${index} ${why}`).join('');
  switch (quorum.kind) {
    case 'met':
      return `met: ${quorum.indexes.join(', ')}${refused}`;
    case 'open':
      return `open: ${quorum.missing.map(({ role, count }) => `${count} ${role}`).join(', ')}${refused}`;
    case 'rejected':
      return `rejected by ${quorum.person} at ${quorum.index}${refused}`;
  }
}
