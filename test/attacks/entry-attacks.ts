/** Attacks on what makes an entry, an approval or a file of entries believed. Each tells whether it came through. */
import { createHmac, createPublicKey } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { MemoryLedgerStore } from '../../src/adapters/memory/memory-ledger-store.ts';
import { createMemorySigner } from '../../src/adapters/memory/memory-signer.ts';
import { openSqliteLedger } from '../../src/adapters/sqlite/sqlite-ledger-store.ts';
import { exportLedger } from '../../src/control/ledger/ledger-export.ts';
import { openRecorder } from '../../src/control/recording/recorder.ts';
import type { Approval } from '../../src/domain/evidence/approval/approval.ts';
import {
  approvalEntryData,
  checkApprovalEntry,
} from '../../src/domain/evidence/approval/approval-entry.ts';
import { PersonDirectory } from '../../src/domain/evidence/approval/person-directory.ts';
import { personEventData } from '../../src/domain/evidence/approval/person-enrolment.ts';
import {
  approvalBy,
  enrolmentOf,
  person,
  type TestPerson,
} from '../../src/domain/evidence/approval/person.fixture.ts';
import { quorumOf } from '../../src/domain/evidence/approval/quorum.ts';
import { parseCanonicalJson } from '../../src/domain/evidence/canonical-json.ts';
import { preAuthenticationEncoding } from '../../src/domain/evidence/envelope.ts';
import { enrolKeyData } from '../../src/domain/evidence/key-directory.ts';
import { leafFacts } from '../../src/domain/evidence/leaf-facts.ts';
import { leafBytes, PAYLOAD_TYPE, unsignedLeaf } from '../../src/domain/evidence/leaf.ts';
import { verifyExport } from '../../src/domain/evidence/verify-export.ts';
import { LedgerVerification } from '../../src/domain/evidence/verify-ledger.ts';
import type { LedgerStore } from '../../src/ports/ledger-store.ts';
import { LedgerError } from '../../src/ports/ledger-store.ts';
import { isAccepted } from './is-accepted.ts';

const SHA256 = 'ab'.repeat(32);
const signer = createMemorySigner(Buffer.alloc(32, 7));

/** One person approves twice, with the two keys she has, where two people are asked for. */
export function personTwice(): boolean {
  const [ana, anaToo] = [person('ana'), person('ana')];
  const directory = directoryOf(ana, anaToo);
  const approvals = [ana, anaToo].map((by, at) => ({
    index: 11 + at,
    person: 'ana',
    keyId: by.keys.ed25519.keyId,
    observedAtMs: 1_000,
    approval: APPROVAL,
  }));
  const quorum = quorumOf({
    policy: { rules: [{ role: 'sre', count: 2 }], validForMs: 10_000 },
    policySha256: SHA256,
    requestSha256: SHA256,
    requestIndex: 10,
    author: null,
    approvals,
    directory,
    atIndex: 20,
    atMs: 1_500,
  });
  return quorum.kind === 'met';
}

/** The approval is signed by mallory and names the key of ana. */
export function wordOfAnother(): boolean {
  const [ana, mallory] = [person('ana'), person('mallory')];
  const disguised: TestPerson = { ...mallory, keys: ana.keys };
  const data = approvalEntryData(approvalBy(disguised, APPROVAL));
  return isAccepted(() => checkApprovalEntry(20, data, directoryOf(ana, mallory)));
}

/** Of the two signatures of an approval only the first one is good. */
export function halfOfAPair(): boolean {
  const [ana, mallory] = [person('ana'), person('mallory')];
  const { ed25519 } = ana.privateKeys;
  const half = { ...ana, privateKeys: { ed25519, mlDsa65: mallory.privateKeys.mlDsa65 } };
  const data = approvalEntryData(approvalBy(half, APPROVAL));
  return isAccepted(() => checkApprovalEntry(20, data, directoryOf(ana)));
}

/** An entry with a second signature, of nobody, behind the good one. */
export async function secondSignature(): Promise<boolean> {
  const data = enrolKeyData(signer.keyId, signer.publicKey);
  const unsigned = unsignedLeaf({ ...STATEMENT, type: 'key-event', data });
  const good = await signer.sign(unsigned.signedBytes, signal());
  const nobody = { keyId: '00'.repeat(32), signature: Buffer.alloc(3_309) };
  const check = new LedgerVerification({ trustedKeyId: null });
  check.add(leafBytes(unsigned, signer.keyId, good, nobody));
  return check.finish().valid;
}

/** A text that no two programs agree on. */
export function loneSurrogate(): boolean {
  return isAccepted(() => parseCanonicalJson('{"person":"\\ud800"}'));
}

/** One reader keeps the first, another the last. */
export function keyTwice(): boolean {
  return isAccepted(() => parseCanonicalJson('{"verdict":"refuse","verdict":"promote"}'));
}

/** The same signature in another spelling: the entry's bytes are no longer those that were recorded. */
export async function otherSpelling(): Promise<boolean> {
  const text = Buffer.from(await entry()).toString();
  // 64 bytes leave four bits of the last digit unused: 'A' to 'P' and so on are one value.
  const changed = text.replace(/.(?="?==)/, (digit) => OTHER_DIGIT[digit] ?? '');
  return changed !== text && isGood(Buffer.from(changed));
}

/** What was signed begins with a mark that a reader drops in silence: it reads other bytes than were signed. */
export async function markBeforePayload(): Promise<boolean> {
  const envelope = JSON.parse(Buffer.from(await entry()).toString()) as Envelope;
  const mark = Buffer.from([0xef, 0xbb, 0xbf]);
  const payload = Buffer.concat([mark, Buffer.from(envelope.payload, 'base64')]);
  const signedBytes = preAuthenticationEncoding(PAYLOAD_TYPE, payload);
  const signature = await signer.sign(signedBytes, signal());
  return isGood(leafBytes({ payload, signedBytes }, signer.keyId, signature));
}

/** An auditor forges an entry with all that an auditor is given: the public key. */
export function forgedByAuditor(): boolean {
  const unsigned = unsignedLeaf(STATEMENT);
  const mac = createHmac('sha512', signer.publicKey).update(unsigned.signedBytes).digest();
  return isGood(leafBytes(unsigned, signer.keyId, mac));
}

/** The hash of an entry in the database stays, its bytes change. */
export async function valueUnderItsHash(folder: string): Promise<boolean> {
  const state = join(folder, 'state');
  {
    await using store = await openSqliteLedger({ folder: state, sizeLimitBytes: null }, signal());
    await record(store);
  }
  using database = new DatabaseSync(join(state, 'ledger.db'));
  database.exec('DROP TRIGGER entry_no_update');
  database.prepare('UPDATE entry SET leaf = ? WHERE idx = 2').run(Buffer.from(await entry()));
  database.close();
  await using store = await openSqliteLedger({ folder: state, sizeLimitBytes: null }, signal());
  try {
    await Array.fromAsync(store.read({ fromIndex: 0, stream: null }, signal()));
    return true;
  } catch (error) {
    if (error instanceof LedgerError && error.code === 'corrupt') return false;
    throw error;
  }
}

/** An export cut at the end of a line: every entry that is left is good. */
export async function exportCutAtALine(): Promise<boolean> {
  const store = new MemoryLedgerStore();
  await record(store);
  const lines = await Array.fromAsync(exportLedger(store, signer, signal()));
  const cut = lines.slice(0, -2);
  const report = await verifyExport(linesOf(cut), { trustedKeyId: signer.keyId });
  return report.valid && report.entries === ENTRIES;
}

const ENTRIES = 4;

const APPROVAL: Approval = {
  requestSha256: SHA256,
  policySha256: SHA256,
  verdict: 'approve',
  role: 'sre',
  expiresAtMs: 2_000,
  reason: 'fine',
};

const STATEMENT = {
  type: 'gate-result',
  subjects: [{ name: 'a', sha256: SHA256 }],
  stream: 'service/a',
  streamVersion: 1,
  previous: null,
  observedAtMs: 1,
  collector: { name: 'tidegate', version: '0.1.0' },
  idempotencyKey: 'a',
  inputs: [],
  data: { verdict: 'fail' },
} as const;

interface Envelope {
  readonly payload: string;
  readonly signatures: readonly unknown[];
}

/** Neighbours in the alphabet of base64 that differ in an unused bit only. */
const OTHER_DIGIT: Readonly<Record<string, string>> = { A: 'B', Q: 'R', g: 'h', w: 'x' };

async function entry(): Promise<Uint8Array> {
  const unsigned = unsignedLeaf(STATEMENT);
  return leafBytes(unsigned, signer.keyId, await signer.sign(unsigned.signedBytes, signal()));
}

function isGood(bytes: Uint8Array): boolean {
  const spki = Buffer.from(signer.publicKey);
  const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  const facts = leafFacts(bytes, new Map([[signer.keyId, key]]));
  return facts.kind === 'readable' && facts.signature === 'valid';
}

function directoryOf(...people: readonly TestPerson[]): PersonDirectory {
  const directory = new PersonDirectory();
  for (const [index, each] of people.entries()) {
    const enrolment = enrolmentOf(each);
    const event = { action: 'enrol-person', by: 'admin', enrolment, roles: ['sre'] } as const;
    directory.apply(index, personEventData(event));
  }
  return directory;
}

async function record(store: LedgerStore): Promise<void> {
  const clock = { nowMs: () => 1_000, sleep: () => Promise.reject(new Error('not needed')) };
  const recorder = await openRecorder({ store, signer, clock, version: '0.1.0' }, signal());
  const entries = Array.from({ length: ENTRIES }, (_, n) => ({
    type: 'gate-result' as const,
    subjects: [],
    idempotencyKey: `${n}`,
    data: { n },
  }));
  await recorder.record({ stream: 'service/a', entries, blobs: [] }, signal());
  await recorder[Symbol.asyncDispose]();
}

async function* linesOf(lines: readonly string[]): AsyncIterable<string> {
  yield* lines;
}

function signal(): AbortSignal {
  return AbortSignal.timeout(60_000);
}
