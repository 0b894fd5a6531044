import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { test } from 'node:test';

import { bundleFromJSON } from '@sigstore/bundle';
import { toSignedEntity, Verifier } from '@sigstore/verify';

import { MemoryLedgerStore } from '../../adapters/memory/memory-ledger-store.ts';
import { createMemoryPairSigner } from '../../adapters/memory/memory-signer.ts';
import { openRecorder, type Recorder } from './recorder.ts';
import type { JsonValue } from '../../domain/evidence/canonical-json.ts';
import { approvalEntryData } from '../../domain/evidence/approval/approval-entry.ts';
import { personEventData } from '../../domain/evidence/approval/person-enrolment.ts';
import { approvalBy, enrolmentOf, person } from '../../domain/evidence/approval/person.fixture.ts';
import type { EntryType } from '../../domain/evidence/statement.ts';
import { type SingleSignature, singleSignatures } from '../../domain/evidence/single-signatures.ts';

test('each signature of an entry stands by itself, for sigstore, and as bytes', async () => {
  const { leaves, recorder } = await threeEntries();
  const [result = [], decision = [], approval = []] = leaves.map(singleSignatures);
  const names = (all: readonly SingleSignature[]) =>
    all.map(({ by, algorithm }) => `${by} ${algorithm}`);
  assert.deepEqual(names(result), ['server ed25519']);
  assert.deepEqual(names(decision), ['server ed25519', 'server ml-dsa-65']);
  assert.deepEqual(names(approval), ['server ed25519', 'person ed25519', 'person ml-dsa-65']);
  for (const single of [...result, ...decision, ...approval]) {
    const key = keyOf(recorder, single);
    assert.ok(verify(null, single.signedBytes, key, single.signature), single.algorithm);
    verifyBundle(single, recorder);
  }
});

test('a bundle names its key by the hint alone, as cosign 3.1.3 passes over what it finds by another name', async () => {
  const { leaves } = await threeEntries();
  for (const single of leaves.flatMap(singleSignatures)) {
    const { dsseEnvelope, verificationMaterial } = JSON.parse(single.bundle) as Bundle;
    assert.deepEqual(dsseEnvelope.signatures.map(Object.keys), [['sig']]);
    assert.equal(verificationMaterial.publicKey.hint, single.keyId);
  }
});

test('sigstore refuses a bundle whose payload was changed, of another key, or with a second signature', async () => {
  const { leaves, recorder } = await threeEntries();
  const [ofServer, second] = singleSignatures(leaves[1] ?? new Uint8Array());
  assert.ok(ofServer !== undefined && second !== undefined);
  const bundle = JSON.parse(ofServer.bundle) as Bundle;
  const changed = (change: (envelope: Bundle['dsseEnvelope']) => object) =>
    JSON.stringify({ ...bundle, dsseEnvelope: change(bundle.dsseEnvelope) });
  const otherPayload = changed((envelope) => {
    const text = Buffer.from(envelope.payload, 'base64').toString().replace('"n":1', '"n":2');
    return { ...envelope, payload: Buffer.from(text).toString('base64') };
  });
  assert.throws(() => verifyBundle({ ...ofServer, bundle: otherPayload }, recorder), /signature/);
  const otherKey = ofServer.bundle.replaceAll(ofServer.keyId, second.keyId);
  assert.throws(() => verifyBundle({ ...ofServer, bundle: otherKey }, recorder), /signature|key/i);
  const both = changed((envelope) => {
    const { signatures } = (JSON.parse(second.bundle) as Bundle).dsseEnvelope;
    return { ...envelope, signatures: [...envelope.signatures, ...signatures] };
  });
  assert.throws(() => verifyBundle({ ...ofServer, bundle: both }, recorder), /invalid bundle/);
});

interface Bundle {
  readonly verificationMaterial: { readonly publicKey: { readonly hint: string } };
  readonly dsseEnvelope: {
    readonly payload: string;
    readonly signatures: readonly object[];
  };
}

function verifyBundle({ bundle }: SingleSignature, recorder: Recorder): void {
  const none = { certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [] };
  const publicKey = (hint: string) => ({
    publicKey: keyOf(recorder, { keyId: hint }),
    validFor: () => true,
  });
  const thresholds = { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 };
  const verifier = new Verifier({ ...none, publicKey }, thresholds);
  verifier.verify(toSignedEntity(bundleFromJSON(JSON.parse(bundle))));
}

function keyOf({ keys }: Recorder, { keyId }: { readonly keyId: string }) {
  const spki = keys.spkiOf(keyId);
  assert.ok(spki !== null, `key ${keyId} is not known`);
  return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
}

const APPROVAL = {
  requestSha256: 'aa'.repeat(32),
  policySha256: 'bb'.repeat(32),
  verdict: 'approve',
  role: 'sre',
  expiresAtMs: 9_000,
  reason: 'quiet',
} as const;

/** A gate result, a decision and an approval. */
async function threeEntries() {
  const signal = AbortSignal.timeout(60_000);
  const store = new MemoryLedgerStore();
  const clock = { nowMs: () => 1_000, sleep: () => Promise.reject(new Error('not needed')) };
  const signer = createMemoryPairSigner(Buffer.alloc(32, 1));
  const recorder = await openRecorder({ store, signer, clock, version: '1' }, signal);
  const ben = person('ben');
  const enrolment = enrolmentOf(ben);
  const enrol = personEventData({ action: 'enrol-person', by: 'ops', enrolment, roles: ['sre'] });
  const record = async (type: EntryType, data: JsonValue) => {
    const entry = { type, subjects: [], idempotencyKey: type, data };
    await recorder.record({ stream: type, entries: [entry], blobs: [] }, signal);
  };
  await record('key-event', enrol);
  await record('gate-result', { n: 0 });
  await record('decision', { n: 1 });
  await record('approval', approvalEntryData(approvalBy(ben, APPROVAL)));
  const stored = await Array.fromAsync(store.read({ fromIndex: 2, stream: null }, signal));
  return { recorder, leaves: stored.map(({ leaf }) => leaf) };
}
