import assert from 'node:assert/strict';
import { test } from 'node:test';

import { approvalEntryData } from './approval/approval-entry.ts';
import { requestSha256 } from './approval/approval.ts';
import { personEventData } from './approval/person-enrolment.ts';
import { approvalBy, enrolmentOf, person } from './approval/person.fixture.ts';
import {
  type AuditedEntry,
  type AuditQuery,
  auditColumns,
  AuditTrail,
  csvLine,
} from './audit-trail.ts';

const ANA = person('ana');
const REQUEST = { service: 'pay', rolloutId: 'pay-2', decision: 'wait', sentence: 'waiting' };
const ANY: AuditQuery = { person: null, service: null, sinceMs: null, untilMs: null };

const ENTRIES: readonly AuditedEntry[] = [
  entry(0, 'key-event', personEvent()),
  entry(1, 'release-plan', { ...REQUEST, decision: 'start', by: { who: 'ben', why: 'new' } }),
  entry(2, 'approval-request', REQUEST),
  entry(3, 'approval', approvalEntryData(approvalBy(ANA, approval()))),
  entry(4, 'decision', { ...REQUEST, decision: 'advance', by: null, sentence: 'raising' }),
  entry(5, 'operator-action', { service: 'web', decision: 'pause', by: { who: 'ben', why: null } }),
];

const QUERIES: readonly (readonly [name: string, query: Partial<AuditQuery>, indexes: number[]])[] =
  [
    ['everything', {}, [0, 1, 2, 3, 4, 5]],
    ['what ana signed, who is named by her key only', { person: 'ana' }, [3]],
    ['what ben did', { person: 'ben' }, [1, 5]],
    ['one service, with its approvals', { service: 'pay' }, [1, 2, 3, 4]],
    ['a time, both ends with it', { sinceMs: 2_000, untilMs: 4_000 }, [2, 3, 4]],
    ['all of them together', { person: 'ben', service: 'web', sinceMs: 5_000 }, [5]],
    ['nobody', { person: 'eve' }, []],
  ];

for (const [name, query, indexes] of QUERIES) {
  test(`asked for: ${name}`, () => {
    const trail = new AuditTrail({ ...ANY, ...query }, timeText);
    const rows = ENTRIES.map((each) => trail.row(each)).filter((row) => row !== null);
    assert.deepEqual(
      rows.map(({ index }) => index),
      indexes,
    );
  });
}

test('an approval says whose it is, of which rollout, and why', () => {
  const trail = new AuditTrail(ANY, timeText);
  const [, , , row] = ENTRIES.map((each) => trail.row(each));
  assert.deepEqual(
    [row?.person, row?.service, row?.rolloutId, row?.action, row?.reason, row?.at],
    ['ana', 'pay', 'pay-2', 'approve', '=cmd()', 'at 3000'],
  );
});

const CELLS: readonly (readonly [cell: string | number, csv: string])[] = [
  ['plain', 'plain'],
  [-7, '-7'],
  ['', ''],
  ['a,b', '"a,b"'],
  ['say "no"', '"say ""no"""'],
  ['two\nlines', '"two\nlines"'],
  ['=1+1', "'=1+1"],
  ['+1', "'+1"],
  ['-1', "'-1"],
  ['@SUM(A1)', "'@SUM(A1)"],
  ['\t=1', "'\t=1"],
  ['\r=1', '"\'\r=1"'],
  ['=HYPERLINK("x","y")', '"\'=HYPERLINK(""x"",""y"")"'],
  ['a=1', 'a=1'],
];

for (const [cell, csv] of CELLS) {
  test(`the cell ${JSON.stringify(cell)} is written ${JSON.stringify(csv)}`, () => {
    assert.equal(csvLine([cell, 'x']), `${csv},x\r\n`);
  });
}

test('the columns stand in the order of their names', () => {
  const trail = new AuditTrail(ANY, timeText);
  const [first] = ENTRIES.map((each) => trail.row(each));
  assert.ok(first !== undefined && first !== null);
  assert.deepEqual(Object.keys(first).toSorted(), [...auditColumns].toSorted());
});

function timeText(atMs: number): string {
  return `at ${atMs}`;
}

function entry(
  index: number,
  type: AuditedEntry['type'],
  data: AuditedEntry['data'],
): AuditedEntry {
  return { index, type, data, leafHash: `${index}`.repeat(64), observedAtMs: index * 1_000 };
}

function personEvent() {
  const enrolment = enrolmentOf(ANA);
  return personEventData({ action: 'enrol-person', by: 'ops', enrolment, roles: ['sre'] });
}

function approval() {
  return {
    requestSha256: requestSha256(REQUEST),
    policySha256: 'bb'.repeat(32),
    verdict: 'approve',
    role: 'sre',
    expiresAtMs: 9_000,
    reason: '=cmd()',
  } as const;
}
