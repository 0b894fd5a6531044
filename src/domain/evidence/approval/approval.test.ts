import assert from 'node:assert/strict';
import { sign } from 'node:crypto';
import { test } from 'node:test';

import { canonicalJson, EvidenceError, type JsonObject } from '../canonical-json.ts';
import { preAuthenticationEncoding } from '../envelope.ts';
import { sha256Hex } from '../digest.ts';
import { type Approval, APPROVAL_PAYLOAD_TYPE, approvalPayload, readApproval } from './approval.ts';
import { PersonDirectory } from './person-directory.ts';
import {
  isPersonEvent,
  personEventData,
  readEnrolment,
  readPersonEvent,
} from './person-enrolment.ts';
import { approvalBy, enrolmentOf, person, sealed, type TestPerson } from './person.fixture.ts';

const ana = person('ana');
const mallory = person('mallory');

const approval: Approval = {
  requestSha256: sha256Hex('request'),
  policySha256: sha256Hex('policy'),
  verdict: 'approve',
  role: 'sre',
  expiresAtMs: 5000,
  reason: 'looked at the dashboards',
};

function directoryWith(...people: readonly TestPerson[]): PersonDirectory {
  const directory = new PersonDirectory();
  for (const [index, each] of people.entries()) {
    const event = {
      action: 'enrol-person',
      by: 'admin',
      enrolment: enrolmentOf(each),
      roles: ['sre'],
    } as const;
    directory.apply(index, personEventData(event));
  }
  return directory;
}

test('what a person signed is read back, and the log says who it was', () => {
  const { approval: read, envelope } = readApproval(approvalBy(ana, approval));
  assert.deepEqual(read, approval);
  assert.equal(directoryWith(ana, mallory).signerOf(envelope, 2), 'ana');
});

test('node signs and checks ML-DSA-65 in the form that is asked for', () => {
  assert.equal(ana.keys.mlDsa65.spki.length, 1974);
  assert.equal(readEnrolment(enrolmentOf(ana)).keys.mlDsa65.keyId, ana.keys.mlDsa65.keyId);
});

interface Line {
  readonly keyid: string;
  readonly sig: string;
}

/** The envelope after somebody's hand was in it. */
function changed(text: string, change: (lines: readonly Line[]) => readonly Line[]): string {
  const whole = JSON.parse(text) as JsonObject & { readonly signatures: readonly Line[] };
  return canonicalJson({
    ...whole,
    signatures: change(whole.signatures).map((line) => ({ ...line })),
  });
}

const own = approvalBy(ana, approval);
const others = approvalBy(mallory, approval);

function linesOf(text: string): readonly Line[] {
  return (JSON.parse(text) as { readonly signatures: readonly Line[] }).signatures;
}

const forged: readonly (readonly [name: string, text: () => string, want: RegExp])[] = [
  [
    'only the classical signature',
    () => changed(own, (lines) => lines.slice(0, 1)),
    /1 signatures/,
  ],
  ['only the other signature', () => changed(own, (lines) => lines.slice(1)), /1 signatures/],
  [
    'one signature twice',
    () => changed(own, ([a]) => [a as Line, a as Line]),
    /64 bytes instead of 3309/,
  ],
  [
    'the order turned',
    () => changed(own, (lines) => [...lines].reverse()),
    /3309 bytes instead of 64/,
  ],
  [
    'a third signature',
    () => changed(own, (lines) => [...lines, ...lines.slice(0, 1)]),
    /3 signatures/,
  ],
  [
    "half of it another person's, under that one's id",
    () => changed(own, ([a]) => [a as Line, linesOf(others)[1] as Line]),
    /the ml-dsa-65 signature names key/,
  ],
  [
    "half of it another person's, under the right id",
    () =>
      changed(own, ([a, b]) => [
        a as Line,
        { keyid: b?.keyid ?? '', sig: linesOf(others)[1]?.sig ?? '' },
      ]),
    /the ml-dsa-65 signature is not one of key/,
  ],
  [
    'the classical half forged, the other one right',
    () =>
      changed(own, ([a, b]) => [
        { keyid: a?.keyid ?? '', sig: linesOf(others)[0]?.sig ?? '' },
        b as Line,
      ]),
    /the ed25519 signature is not one of key/,
  ],
  [
    'a payload of another type under the same signatures',
    () => canonicalJson({ ...(JSON.parse(own) as JsonObject), payloadType: 'text/plain' }),
    /not that of an approval/,
  ],
];

test('an envelope that is not the word of one person by both keys is refused', () => {
  const directory = directoryWith(ana, mallory);
  for (const [name, text, want] of forged) {
    assert.throws(
      () => directory.signerOf(readApproval(text()).envelope, 2),
      (error) => error instanceof EvidenceError && want.test(error.message),
      name,
    );
  }
});

test('a changed payload is refused by both signatures', () => {
  const whole = JSON.parse(own) as JsonObject;
  const payload = Buffer.from(approvalPayload({ ...approval, role: 'owner' })).toString('base64');
  const { envelope } = readApproval(canonicalJson({ ...whole, payload }));
  assert.throws(() => directoryWith(ana).signerOf(envelope, 1), /is not one of key/);
});

test('nobody enrols a key that is not his', () => {
  const taken = { ...mallory, keys: ana.keys };
  assert.throws(() => readEnrolment(enrolmentOf(taken)), /is not one of key/);
  const half = { ...mallory, keys: { ...mallory.keys, mlDsa65: ana.keys.mlDsa65 } };
  assert.throws(() => readEnrolment(enrolmentOf(half)), /ml-dsa-65 signature is not one/);
  const directory = directoryWith(ana);
  const again = {
    action: 'enrol-person',
    by: 'admin',
    enrolment: enrolmentOf(ana, 'eve'),
    roles: [],
  } as const;
  assert.throws(() => directory.apply(1, personEventData(again)), /enrolled twice/);
});

test('an enrolment is no approval and an approval no enrolment', () => {
  assert.throws(() => readApproval(enrolmentOf(ana)), /not that of an approval/);
  assert.throws(() => readEnrolment(own), /not that of an enrolment/);
});

test('keys are valid by index: after their enrolment, up to and with their revocation', () => {
  const directory = directoryWith(ana);
  const { envelope } = readApproval(own);
  assert.throws(() => directory.signerOf(envelope, 0), /may not sign at index 0/);
  assert.equal(directory.signerOf(envelope, 1), 'ana');
  const { keyId } = ana.keys.mlDsa65;
  directory.apply(
    7,
    personEventData({ action: 'revoke-person', by: 'admin', keyId, reason: 'lost' }),
  );
  assert.equal(directory.signerOf(envelope, 7), 'ana');
  assert.throws(() => directory.signerOf(envelope, 8), /may not sign at index 8/);
});

test('roles are given by index, and a stranger has none', () => {
  const directory = directoryWith(ana);
  directory.apply(
    4,
    personEventData({ action: 'assign-roles', by: 'admin', person: 'ana', roles: ['owner'] }),
  );
  assert.deepEqual(
    [0, 1, 4, 5].map((index) => directory.rolesAt('ana', index)),
    [[], ['sre'], ['sre'], ['owner']],
  );
  assert.deepEqual(directory.rolesAt('eve', 5), []);
});

const noEvents: readonly (readonly [name: string, data: JsonObject, want: RegExp])[] = [
  ['an unknown action', { action: 'promote' }, /not about a person/],
  [
    'a key too many',
    { action: 'assign-roles', by: 'admin', person: 'a', roles: [], x: 1 },
    /unknown key x/,
  ],
  [
    'a role twice',
    { action: 'assign-roles', by: 'admin', person: 'a', roles: ['b', 'b'] },
    /twice/,
  ],
  [
    'a role that is none',
    { action: 'assign-roles', by: 'admin', person: 'a', roles: ['SRE'] },
    /is no role/,
  ],
  [
    'a name with a capital',
    { action: 'assign-roles', by: 'admin', person: 'Ana', roles: [] },
    /no name of a person/,
  ],
  [
    'a person never seen',
    { action: 'assign-roles', by: 'admin', person: 'eve', roles: [] },
    /never enrolled/,
  ],
  [
    'a key never seen',
    { action: 'revoke-person', by: 'admin', keyId: 'x', reason: 'y' },
    /never enrolled/,
  ],
];

test('a key event that makes no sense is refused', () => {
  for (const [name, data, want] of noEvents) {
    assert.throws(() => directoryWith(ana).apply(1, data), want, name);
  }
  assert.equal(isPersonEvent({ action: 'enrol' }), false);
  const event = { action: 'assign-roles', by: 'admin', person: 'ana', roles: ['sre'] } as const;
  assert.deepEqual(readPersonEvent(personEventData(event)), event);
});

const badPayloads: readonly (readonly [name: string, change: JsonObject, want: RegExp])[] = [
  ['another verdict', { verdict: 'promote' }, /is no verdict/],
  ['no reason', { reason: '' }, /reason is not a text/],
  ['a time that is no number', { expiresAtMs: '5' }, /not a whole number/],
  ['a field more', { also: 1 }, /unknown key also/],
];

test('an approval is read strictly, however well it is signed', () => {
  const statement = JSON.parse(Buffer.from(approvalPayload(approval)).toString()) as {
    readonly predicate: JsonObject;
  } & JsonObject;
  for (const [name, change, want] of badPayloads) {
    const payload = canonicalJson({
      ...statement,
      predicate: { ...statement.predicate, ...change },
    });
    const text = sealed(ana, Buffer.from(payload), APPROVAL_PAYLOAD_TYPE);
    assert.throws(() => readApproval(text), want, name);
  }
});

test('the signatures are over the encoding of DSSE, so other tools check them', () => {
  const { envelope } = readApproval(own);
  const bytes = preAuthenticationEncoding(APPROVAL_PAYLOAD_TYPE, approvalPayload(approval));
  assert.deepEqual(Buffer.from(envelope.signedBytes), Buffer.from(bytes));
  // Ed25519 is deterministic (RFC 8032), so the same bytes have the same signature.
  assert.deepEqual(
    Buffer.from(envelope.signatures.ed25519.signature),
    sign(null, bytes, ana.privateKeys.ed25519),
  );
});
