import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { test } from 'node:test';

import { approvalEntryData } from './approval/approval-entry.ts';
import { personEventData } from './approval/person-enrolment.ts';
import { approvalBy, enrolmentOf, person } from './approval/person.fixture.ts';
import { canonicalJson } from './canonical-json.ts';
import { leafHashHex, sha256Hex } from './digest.ts';
import { envelopeText, preAuthenticationEncoding } from './envelope.ts';
import { enrolKeyData, revokeKeyData } from './key-directory.ts';
import { MAX_LEAF_BYTES, PAYLOAD_TYPE } from './leaf.ts';
import { statementJson } from './statement.ts';
import type { Statement } from './statement.ts';
import { openVerification } from './verify-ledger.ts';
import type { VerificationReport } from './verify-ledger.ts';

const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

function keyOf(seed: number) {
  const der = Buffer.concat([PKCS8_PREFIX, Buffer.alloc(32, seed)]);
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  return { privateKey, publicKey, keyId: sha256Hex(publicKey) };
}

type Key = ReturnType<typeof keyOf>;
const OURS = keyOf(1);
const OTHER = keyOf(2);

/** Signs any payload text, canonical or not. */
function seal(payloadText: string, key: Key = OURS, payloadType = PAYLOAD_TYPE): Uint8Array {
  const payload = Buffer.from(payloadText);
  const signature = sign(null, preAuthenticationEncoding(payloadType, payload), key.privateKey);
  return Buffer.from(envelopeText({ payloadType, payload, keyId: key.keyId, signature }));
}

interface Planned {
  readonly change?: Partial<Statement>;
  readonly key?: Key;
  /** Instead of the canonical text of the statement. */
  readonly payloadText?: (text: string) => string;
  /** After signing. */
  readonly leafText?: (text: string) => string;
}

const ENROL: Planned = {
  change: { type: 'key-event', stream: 'keys', data: enrolKeyData(OURS.keyId, OURS.publicKey) },
};

function ledgerOf(planned: readonly Planned[]): Uint8Array[] {
  const leaves: Uint8Array[] = [];
  const versions = new Map<string, number>();
  for (const [index, { change, key, payloadText, leafText }] of planned.entries()) {
    const stream = change?.stream ?? 's';
    const version = (versions.get(stream) ?? 0) + 1;
    versions.set(stream, version);
    const before = leaves.at(-1);
    const statement: Statement = {
      type: 'decision',
      subjects: [{ name: 'checkout', sha256: sha256Hex('checkout') }],
      stream,
      streamVersion: version,
      previous: before === undefined ? null : { index: index - 1, leafHash: leafHashHex(before) },
      observedAtMs: 1_000 + index,
      collector: { name: 'tidegate', version: '0.1.0' },
      idempotencyKey: `${index}`,
      inputs: [],
      data: { weightPercent: index },
      ...change,
    };
    const text = canonicalJson(statementJson(statement));
    const leaf = Buffer.from(seal(payloadText?.(text) ?? text, key)).toString();
    leaves.push(Buffer.from(leafText?.(leaf) ?? leaf));
  }
  return leaves;
}

function verify(
  leaves: readonly Uint8Array[],
  trustedKeyId: string | null = OURS.keyId,
): VerificationReport {
  const verification = openVerification({ trustedKeyId });
  for (const leaf of leaves) verification.add(leaf);
  return verification.finish();
}

const PLAIN: Planned = {};
const GOOD = ledgerOf([ENROL, PLAIN, PLAIN, { change: { stream: 't' } }, PLAIN, PLAIN]);

test('the pre-authentication encoding is that of the DSSE specification', () => {
  const bytes = preAuthenticationEncoding(
    'http://example.com/HelloWorld',
    Buffer.from('hello world'),
  );
  assert.equal(
    Buffer.from(bytes).toString(),
    'DSSEv1 29 http://example.com/HelloWorld 11 hello world',
  );
});

test('the leaf hash of nothing is that of RFC 6962', () => {
  assert.equal(
    leafHashHex(new Uint8Array(0)),
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  );
});

test('an entry has the bytes it had when the format was fixed', () => {
  // Golden: when this changes, every ledger in the world becomes unreadable.
  assert.equal(
    leafHashHex(GOOD[1] ?? Buffer.alloc(0)),
    '4e14bba5dd17ba457ae4f8579b19d9698629e77c699de3d5550ac82cb8f8ded2',
  );
});

test('a good ledger is valid, with its head, keys and counts', () => {
  const report = verify(GOOD);
  assert.equal(report.firstProblem, null);
  assert.equal(report.valid, true);
  assert.equal(report.entries, 6);
  assert.deepEqual(report.keyIds, [OURS.keyId]);
  assert.equal(report.headLeafHash, leafHashHex(GOOD[5] ?? Buffer.alloc(0)));
  assert.equal(report.byType['decision'], 5);
  assert.equal(report.byType['key-event'], 1);
});

test('a prefix is valid by itself: only something outside the entries shows a cut', () => {
  assert.equal(verify(GOOD.slice(0, 3)).valid, true);
});

/** `index` null: the ledger is valid. */
type Row = readonly [
  name: string,
  leaves: readonly Uint8Array[],
  index: number | null,
  what?: RegExp,
];

function withEntry(planned: Planned): readonly Uint8Array[] {
  return ledgerOf([ENROL, PLAIN, planned, PLAIN]);
}

const rotate = enrolKeyData(OTHER.keyId, OTHER.publicKey);
const revokeOurs = revokeKeyData(OURS.keyId, 'rotated');
const keyEvent = (data: Statement['data']): Planned => ({
  change: { type: 'key-event', stream: 'keys', data },
});

const BEN = person('ben');
const word = {
  requestSha256: sha256Hex('request'),
  policySha256: sha256Hex('policy'),
  verdict: 'approve',
  role: 'sre',
  expiresAtMs: 5000,
  reason: 'fine',
} as const;
const enrolBen = keyEvent(
  personEventData({ action: 'enrol-person', by: 'admin', enrolment: enrolmentOf(BEN), roles: [] }),
);
const revokeBen = keyEvent(
  personEventData({
    action: 'revoke-person',
    by: 'admin',
    keyId: BEN.keys.ed25519.keyId,
    reason: 'lost',
  }),
);
const approval = (envelope: string): Planned => ({
  change: { type: 'approval', stream: 'approvals/web', data: approvalEntryData(envelope) },
});
const said = approval(approvalBy(BEN, word));
const forged = approval(
  approvalBy({ ...person('eve'), keys: BEN.keys }, { ...word, reason: 'not by ben' }),
);

const APPROVALS: readonly Row[] = [
  ['a word of a person', ledgerOf([ENROL, enrolBen, said, PLAIN]), null],
  ['a word before the enrolment', ledgerOf([ENROL, said, enrolBen]), 1, /no person's/],
  ['a word after the revocation', ledgerOf([ENROL, enrolBen, revokeBen, said]), 3, /may not sign/],
  ['a word before the revocation', ledgerOf([ENROL, enrolBen, said, revokeBen]), null],
  ["a word by another's keys", ledgerOf([ENROL, enrolBen, forged]), 2, /is not one of key/],
  ['an entry signed with the key of a person', ledgerOf([ENROL, enrolBen, bySelf()]), 2, /may not/],
];

/** A person's key signs approvals, never entries. */
function bySelf(): Planned {
  const publicKey = Buffer.from(BEN.keys.ed25519.spki);
  return { key: { privateKey: BEN.privateKeys.ed25519, publicKey, keyId: BEN.keys.ed25519.keyId } };
}

const STRUCTURE: readonly Row[] = [
  ['nothing at all', [], 0, /no entry/],
  ['a removed entry', GOOD.toSpliced(2, 1), 2, /stands at index 2/],
  ['a removed first entry', GOOD.slice(1), 0, /stands at index 0/],
  ['an entry twice', GOOD.toSpliced(3, 0, ...GOOD.slice(2, 3)), 3, /stands at index 3/],
  ['two entries swapped', GOOD.with(2, pick(3)).with(3, pick(2)), 2, /stands at index 2/],
  [
    'an entry of another ledger of the same key',
    GOOD.with(2, pick(2, withEntry({ change: { data: 'other' } }))),
    3,
    /not the one/,
  ],
  ['a stream version left out', withEntry({ change: { streamVersion: 3 } }), 2, /version 3/],
  ['a stream version used twice', withEntry({ change: { streamVersion: 1 } }), 2, /version 1/],
  ['a time before the last', withEntry({ change: { observedAtMs: 1_000 } }), 2, /time/],
  ['the same time as the last', withEntry({ change: { observedAtMs: 1_001 } }), null],
  ['no previous', withEntry({ change: { previous: null } }), 2, /after nothing/],
  [
    'a wrong previous hash',
    withEntry({ change: { previous: { index: 1, leafHash: sha256Hex('x') } } }),
    2,
    /entry before/,
  ],
];

const KEYS: readonly Row[] = [
  ['an entry by another key', withEntry({ key: OTHER }), 2, /may not sign/],
  [
    'an entry by another key under our key id',
    withEntry({
      key: OTHER,
      leafText: (text) => text.replace(OTHER.keyId, OURS.keyId),
    }),
    2,
    /not one of key/,
  ],
  [
    'our entry under the id of another key',
    withEntry({ leafText: (text) => text.replace(OURS.keyId, OTHER.keyId) }),
    2,
    /may not sign/,
  ],
  ['a first entry that enrols nothing', ledgerOf([PLAIN]), 0, /does not enrol/],
  ['a first entry signed by another key', ledgerOf([{ ...ENROL, key: OTHER }]), 0, /enrol the key/],
  ['a whole ledger of another key', ledgerOf([{ ...keyEvent(rotate), key: OTHER }]), 0, /not/],
  [
    'an entry by a key that was enrolled before',
    ledgerOf([ENROL, keyEvent(rotate), { key: OTHER }, PLAIN]),
    null,
  ],
  ['a key that enrols itself later', withEntry({ ...keyEvent(rotate), key: OTHER }), 2, /may not/],
  [
    'rotation: the new key enrolled, the old one revoked',
    ledgerOf([ENROL, keyEvent(rotate), keyEvent(revokeOurs), { key: OTHER }]),
    null,
  ],
  [
    'an entry by a revoked key',
    ledgerOf([ENROL, keyEvent(rotate), keyEvent(revokeOurs), PLAIN]),
    3,
    /may not sign/,
  ],
  [
    'a key enrolled twice',
    ledgerOf([ENROL, keyEvent(enrolKeyData(OURS.keyId, OURS.publicKey))]),
    1,
    /twice/,
  ],
  [
    'a key id that is not of its key',
    withEntry(keyEvent(enrolKeyData(sha256Hex('k'), OTHER.publicKey))),
    2,
    /keyId/,
  ],
  ['a key event of an unknown kind', withEntry(keyEvent({ action: 'trust' })), 2, /neither/],
  ['an unknown key revoked', withEntry(keyEvent(revokeKeyData(OTHER.keyId, 'lost'))), 2, /never/],
];

const BYTES: readonly Row[] = [
  [
    'a second signature',
    withEntry({
      leafText: (text) => text.replace(/"signatures":\[(.*)\]/, '"signatures":[$1,$1]'),
    }),
    2,
    /the second signature has 64 bytes/,
  ],
  [
    'a third signature',
    withEntry({
      leafText: (text) => text.replace(/"signatures":\[(.*)\]/, '"signatures":[$1,$1,$1]'),
    }),
    2,
    /3 signatures/,
  ],
  [
    'no signature',
    withEntry({ leafText: (text) => text.replace(/\[.*\]/, '[]') }),
    2,
    /0 signatures/,
  ],
  [
    'a key twice in the envelope',
    withEntry({ leafText: (text) => text.replace('{"payload"', '{"payload":"","payload"') }),
    2,
    /canonical/,
  ],
  [
    'a key twice in the signed payload',
    withEntry({
      payloadText: (text) =>
        text.replace('"weightPercent":2', '"weightPercent":99,"weightPercent":2'),
    }),
    2,
    /canonical/,
  ],
  [
    'white space in the signed payload',
    withEntry({ payloadText: (text) => text.replace('{', '{ ') }),
    2,
    /canonical/,
  ],
  [
    'a lone surrogate in the signed payload',
    withEntry({
      payloadText: (text) => text.replace('"weightPercent":2', String.raw`"a":"\ud83d"`),
    }),
    2,
    /surrogate/,
  ],
  [
    'an unknown key in the predicate',
    withEntry({
      payloadText: (text) => text.replace('"streamVersion"', '"streamV":1,"streamVersion"'),
    }),
    2,
    /unknown key streamV/,
  ],
  [
    'an unknown type',
    withEntry({ payloadText: (text) => text.replace('evidence/decision', 'evidence/wish') }),
    2,
    /not known/,
  ],
  ['no subject', withEntry({ change: { subjects: [] } }), 2, /no subject/],
  [
    'base64 without its padding',
    withEntry({ leafText: (text) => text.replace('=="}', '"}') }),
    2,
    /strict base64/,
  ],
  [
    'base64 with an unused bit set',
    // 64 bytes end in "x==": x is one of A, Q, g, w, and its successor has the same 64 bytes.
    withEntry({
      leafText: (text) =>
        text.replace(
          /([AQgw])=="}/,
          (_, x: string) => `${String.fromCharCode(x.charCodeAt(0) + 1)}=="}`,
        ),
    }),
    2,
    /strict base64/,
  ],
  [
    'another payload type',
    GOOD.with(2, seal(Buffer.from(payloadOf(pick(2)), 'base64').toString(), OURS, 'text/plain')),
    2,
    /payloadType/,
  ],
  ['a final line feed', withEntry({ leafText: (text) => `${text}\n` }), 2, /canonical/],
  ['bytes that are not UTF-8', GOOD.with(2, Buffer.from([0x22, 0xff, 0x22])), 2, /UTF-8/],
  ['an empty leaf', GOOD.with(2, Buffer.alloc(0)), 2, /JSON/],
  ['an entry over 60 KiB', GOOD.with(2, Buffer.alloc(MAX_LEAF_BYTES + 1, 0x20)), 2, /more than/],
];

for (const [name, leaves, index, what] of [...STRUCTURE, ...APPROVALS, ...KEYS, ...BYTES]) {
  test(`${name}: ${index === null ? 'is valid' : 'is found'}`, () => {
    const report = verify(leaves);
    assert.equal(report.firstProblem?.index ?? null, index, report.firstProblem?.what);
    assert.equal(report.valid, index === null);
    assert.equal(report.entries, leaves.length);
    if (what !== undefined) assert.match(report.firstProblem?.what ?? '', what);
  });
}

test('without a trusted key a whole ledger of another key passes, and names that key', () => {
  const leaves = ledgerOf([{ ...keyEvent(rotate), key: OTHER }, { key: OTHER }]);
  const report = verify(leaves, null);
  assert.equal(report.valid, true);
  assert.deepEqual(report.keyIds, [OTHER.keyId]);
});

function pick(index: number, leaves: readonly Uint8Array[] = GOOD): Uint8Array {
  const leaf = leaves[index];
  assert.ok(leaf !== undefined);
  return leaf;
}

function payloadOf(leaf: Uint8Array): string {
  return /"payload":"([^"]*)"/.exec(Buffer.from(leaf).toString())?.[1] ?? '';
}
