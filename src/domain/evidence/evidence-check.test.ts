import assert from 'node:assert/strict';
import { test } from 'node:test';

import { approvalPolicySha256 } from './approval/approval.ts';
import { PersonDirectory } from './approval/person-directory.ts';
import { personEventData } from './approval/person-enrolment.ts';
import { enrolmentOf, person } from './approval/person.fixture.ts';
import { EvidenceCheck, MAX_FINDINGS } from './evidence-check.ts';
import {
  dutiesOf,
  type EvidencePlan,
  evidencePlanJson,
  readEvidencePlan,
} from './evidence-plan.ts';
import type { ReleaseFacts } from './release-facts.ts';

const POLICY = { rules: [{ role: 'sre', count: 1 }], validForMs: 100_000 };
const PLAN: EvidencePlan = {
  must: dutiesOf({
    steps: [
      { weightPercent: 10, gated: true, wait: { kind: 'none' } },
      { weightPercent: 50, gated: true, wait: { kind: 'approval', policy: POLICY } },
      { weightPercent: 100, gated: false, wait: { kind: 'none' } },
    ],
    bakeMs: 5_000,
  }),
  witnesses: { mode: 'require', quorum: '2 of (a, b, c)' },
};
const REQUEST = {
  sha256: 'aa'.repeat(32),
  policy: POLICY,
  policySha256: approvalPolicySha256(POLICY),
  author: 'ops',
};

type Entry = Partial<ReleaseFacts> | 'approval';

const BEGIN: Entry = { type: 'release-plan', decision: 'start', plan: PLAN };
const AT_10: Entry = { decision: 'advance', weightPercent: 10 };
const FORCE_10: Entry = { type: 'deploy-outcome', decision: 'progress', weightPercent: 10 };
const AT_50: Entry = { decision: 'advance', weightPercent: 50, hasPassed: true };
const FORCE_50: Entry = { type: 'deploy-outcome', decision: 'progress', weightPercent: 50 };
const ASK: Entry = {
  type: 'approval-request',
  decision: 'wait',
  weightPercent: 50,
  request: REQUEST,
};
const AT_100: Entry = { decision: 'advance', weightPercent: 100, hasPassed: true };
const BAKE: Entry = { type: 'deploy-outcome', decision: 'bake', weightPercent: 100, atMs: 10_000 };
const PROMOTED: Entry = { decision: 'promoted', weightPercent: 100, atMs: 15_000 };
const WHOLE = [
  BEGIN,
  AT_10,
  FORCE_10,
  AT_50,
  FORCE_50,
  ASK,
  'approval',
  AT_100,
  BAKE,
  PROMOTED,
] as const;

/** `what` is empty where nothing is missing. */
const ROWS: readonly (readonly [
  name: string,
  entries: readonly Entry[],
  what: readonly RegExp[],
])[] = [
  ['a whole rollout', WHOLE, []],
  ['one that is under way', WHOLE.slice(0, 5), []],
  ['one that went back at once', [BEGIN, AT_10, rolledBack()], []],
  ['a service deleted meanwhile', [BEGIN, AT_10, { decision: 'delete', isByHand: true }], []],
  ['a step never in force', without(FORCE_10), [/step 1 is left.*no entry says/]],
  [
    'a gate that never passed',
    replaced(AT_50, { hasPassed: false }),
    [/step 1 is left without a verdict/],
  ],
  [
    'a person’s word in the place of a gate',
    replaced(AT_50, { hasPassed: false, isByHand: true }),
    [],
  ],
  ['the time limit in its place', replaced(AT_50, { hasPassed: false, decision: 'widen' }), []],
  [
    'approvals never asked for',
    without(ASK, 'approval'),
    [/step 2 is left and its approvals were never/],
  ],
  [
    'an approval that is missing',
    without('approval'),
    [/step 2 is left without the approval of 1 sre/],
  ],
  [
    'an override in its place',
    replaced(AT_100, { type: 'override', isByHand: true }).filter((each) => each !== 'approval'),
    [],
  ],
  [
    'a person’s word in its place',
    replaced(AT_100, { type: 'operator-action', isByHand: true }).filter(
      (each) => each !== 'approval',
    ),
    [/without the approval of 1 sre/],
  ],
  [
    'approvals by easier rules than planned',
    replaced(ASK, { request: { ...REQUEST, policySha256: 'bb'.repeat(32) } }),
    [/by another policy than planned/],
  ],
  ['a bake cut short', replaced(PROMOTED, { atMs: 14_999 }), [/after a bake of 4999 ms, 5000 ms/]],
  ['a bake ended by a person', replaced(PROMOTED, { atMs: 11_000, isByHand: true }), []],
  ['no bake at all', without(BAKE), [/promoted without its bake/]],
  ['a weight that is no step', replaced(AT_50, { weightPercent: 49 }), [/49 %, which is no later/]],
  [
    'no outcome',
    [...WHOLE.slice(0, -1), { ...begin(), rolloutId: 'pay-2' }],
    [/no outcome, and pay-2 begins/],
  ],
  [
    'a rollout after it that says nothing',
    [...WHOLE, { ...begin(), rolloutId: 'pay-2', plan: null }],
    [/does not say what has to follow/],
  ],
  ['one of an earlier program', [{ ...begin(), plan: null }, AT_10, PROMOTED], []],
];

for (const [name, entries, what] of ROWS) {
  test(`${name}: ${what.length === 0 ? 'nothing is missing' : 'is found'}`, () => {
    const { findings } = check(entries).report();
    for (const [at, each] of what.entries()) assert.match(findings[at]?.what ?? '', each);
    if (what.length === 0) assert.deepEqual(findings, []);
  });
}

test('what is under way, ended and without a plan is counted', () => {
  const { planned, ended, underWay, withoutPlan } = check([
    { ...begin(), plan: null },
    ...WHOLE.map((each) => (each === 'approval' ? each : { ...each, rolloutId: 'pay-2' })),
    { ...begin(), rolloutId: 'pay-3' },
  ]).report();
  assert.deepEqual([planned, ended, underWay, withoutPlan], [2, 1, ['pay-3'], 1]);
});

test('findings beyond the bound are counted only', () => {
  const bad = Array.from({ length: MAX_FINDINGS + 5 }, () => ({
    decision: 'advance',
    weightPercent: 1,
  }));
  const { findings, findingCount } = check([BEGIN, ...bad]).report();
  assert.deepEqual([findings.length, findingCount], [MAX_FINDINGS, MAX_FINDINGS + 5]);
});

test('a plan is read as it was written, and nothing else is', () => {
  const json = evidencePlanJson(PLAN);
  assert.deepEqual(readEvidencePlan(json), PLAN);
  assert.throws(() => readEvidencePlan({ ...json, must: [{ what: 'luck' }] }), /unknown kind/);
  const more = { must: [{ what: 'outcome', step: 1 }], witnesses: { ...PLAN.witnesses } };
  assert.throws(() => readEvidencePlan(more), /unknown key/);
});

function check(entries: readonly Entry[]): EvidenceCheck {
  const people = new PersonDirectory();
  const ana = person('ana');
  const enrolment = enrolmentOf(ana);
  people.apply(
    0,
    personEventData({ action: 'enrol-person', by: 'ops', enrolment, roles: ['sre'] }),
  );
  const checked = new EvidenceCheck(people);
  for (const [at, entry] of entries.entries()) {
    const index = at + 1;
    if (entry !== 'approval') checked.add(index, facts(entry));
    else {
      const { policySha256, sha256: requestSha256 } = REQUEST;
      const approval = {
        requestSha256,
        policySha256,
        verdict: 'approve',
        role: 'sre',
        expiresAtMs: 50_000,
        reason: 'good',
      } as const;
      checked.addApproval(index, 1_000, { person: 'ana', keyId: ana.keys.ed25519.keyId, approval });
    }
  }
  return checked;
}

function facts(entry: Partial<ReleaseFacts>): ReleaseFacts {
  return {
    type: 'decision',
    service: 'pay',
    rolloutId: 'pay-1',
    decision: 'progress',
    atMs: 1_000,
    weightPercent: null,
    isByHand: false,
    hasPassed: false,
    plan: null,
    request: null,
    ...entry,
  };
}

function begin(): Partial<ReleaseFacts> {
  return { type: 'release-plan', decision: 'start', plan: PLAN };
}

function rolledBack(): Entry {
  return { type: 'deploy-outcome', decision: 'rolled-back', weightPercent: 0 };
}

function without(...gone: readonly Entry[]): readonly Entry[] {
  return WHOLE.filter((each) => !gone.includes(each));
}

function replaced(entry: Entry, change: Partial<ReleaseFacts>): readonly Entry[] {
  return WHOLE.map((each) =>
    each === entry && each !== 'approval' ? { ...each, ...change } : each,
  );
}
