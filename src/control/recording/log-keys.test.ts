import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MemoryLedgerStore } from '../../adapters/memory/memory-ledger-store.ts';
import { createMemoryPairSigner, createMemorySigner } from '../../adapters/memory/memory-signer.ts';
import type { JsonValue } from '../../domain/evidence/canonical-json.ts';
import { checkCheckpointSigners } from '../../domain/evidence/checkpoint-signers.ts';
import { leafHashHex } from '../../domain/evidence/digest.ts';
import { enrolKeyData, revokeKeyData } from '../../domain/evidence/key-directory.ts';
import { leafBytes, readLeaf, unsignedLeaf } from '../../domain/evidence/leaf.ts';
import { noteKey, rawKeyOf } from '../../domain/evidence/note-key.ts';
import type { EntryType } from '../../domain/evidence/statement.ts';
import { LedgerVerification } from '../../domain/evidence/verify-ledger.ts';
import type { Signer } from '../../ports/identity.ts';
import { openRecorder, type Recorder } from './recorder.ts';
import { RecorderError } from './recorder-index.ts';

const OLD = createMemoryPairSigner(Buffer.alloc(32, 1));
const NEXT = createMemoryPairSigner(Buffer.alloc(32, 2));
/** The same Ed25519 key as an earlier program had it. */
const ALONE = createMemorySigner(Buffer.alloc(32, 1));
const WHY = { by: 'ana', reason: 'once a year' };

test('what decides is signed with both keys, and all else with one', async () => {
  const store = new MemoryLedgerStore();
  const recorder = await open(store, OLD);
  await record(recorder, 'decision', 'gate-result', 'operator-action', 'override', 'release-plan');
  const leaves = await leavesOf(store);
  assert.deepEqual(
    leaves.map((leaf) => readLeaf(leaf).second !== null),
    [false, true, false, true, true, true],
  );
  assert.equal(problemOf(leaves), null);
});

test('a ledger of one key gets the second one at the next start, and its entries stay as they are', async () => {
  const store = new MemoryLedgerStore();
  await record(await open(store, ALONE), 'decision', 'gate-result');
  const before = await leavesOf(store);
  const recorder = await open(store, OLD);
  await record(recorder, 'decision');
  const after = await leavesOf(store);
  assert.deepEqual(after.slice(0, 3), before);
  assert.deepEqual(
    after.map((leaf) => readLeaf(leaf).second !== null),
    [false, false, false, false, true],
  );
  assert.equal(problemOf(after), null);
  await open(store, OLD);
  assert.equal((await leavesOf(store)).length, after.length, 'enrolled once');
  await assert.rejects(open(store, ALONE), isMismatch);
  const otherHalf = { ...OLD, postQuantum: NEXT.postQuantum };
  await assert.rejects(open(store, otherHalf), isMismatch);
});

/** Each is the entry that somebody appends who can do what Ed25519 alone allows, or has a wrong second key. */
const PLANTED: readonly (readonly [
  name: string,
  plant: { readonly type: EntryType; readonly data?: JsonValue; readonly second?: Signer | null },
  what: RegExp,
])[] = [
  ['a decision without the second signature', { type: 'decision', second: null }, /lacks the ML-/],
  ['one with that of another key', { type: 'decision', second: NEXT }, /is not the second half/],
  ['a gate result with two', { type: 'gate-result' }, /two signatures where one is the rule/],
  [
    'a key event without it that would begin another rule',
    { type: 'key-event', second: null, data: enrolKeyData(NEXT.keyId, NEXT.publicKey) },
    /lacks the ML-DSA-65/,
  ],
  [
    'a key enrolled without its second half',
    { type: 'key-event', data: enrolKeyData(NEXT.keyId, NEXT.publicKey) },
    /without its ML-DSA-65 half/,
  ],
  [
    'the key in use revoked with no other after it',
    { type: 'key-event', data: revokeKeyData(OLD.keyId, 'gone') },
    /ends by the rotation/,
  ],
];

for (const [name, plant, what] of PLANTED) {
  test(`refused: ${name}`, async () => {
    const store = new MemoryLedgerStore();
    await record(await open(store, OLD), 'decision');
    const leaves = await leavesOf(store);
    const { type, data = null, second = OLD } = plant;
    assert.match(problemOf([...leaves, await forged(leaves, { type, data, second })]) ?? '', what);
  });
}

test('refused: a second signature over other bytes, and an enrolment that its own keys did not sign', async () => {
  const store = new MemoryLedgerStore();
  const recorder = await open(store, OLD);
  await record(recorder, 'decision');
  const leaves = await leavesOf(store);
  const { signature, keyId, signedBytes, statement } = readLeaf(leaves[1] ?? new Uint8Array());
  assert.notEqual(signedBytes.length, 0);
  const wrong = await OLD.postQuantum.sign(Buffer.from('other bytes'), signal());
  const second = { keyId: OLD.postQuantum.keyId, signature: wrong };
  const changed = leafBytes(unsignedLeaf(statement), keyId, signature, second);
  assert.match(problemOf([leaves[0] ?? changed, changed]) ?? '', /not one of key/);
  const sign: Signer['sign'] = (...of) => OLD.postQuantum.sign(...of);
  const thief = { ...NEXT, postQuantum: { ...NEXT.postQuantum, sign } };
  await assert.rejects(recorder.rotate(thief, WHY, signal()), /ml-dsa-65 signature is not one of/);
  await record(recorder, 'decision');
  assert.equal(problemOf(await leavesOf(store)), null);
});

test('a rotation changes who signs between two entries, while others are being recorded', async () => {
  const store = new MemoryLedgerStore();
  const recorder = await open(store, OLD);
  const before = record(recorder, 'decision', 'gate-result');
  const rotation = recorder.rotate(NEXT, WHY, signal());
  const after = record(recorder, 'decision', 'gate-result');
  await Promise.all([before, after]);
  const { index } = await rotation;
  const leaves = await leavesOf(store);
  assert.equal(problemOf(leaves), null);
  assert.deepEqual(
    leaves.map((leaf, at) => [at <= index ? OLD.keyId : NEXT.keyId, readLeaf(leaf).keyId]),
    leaves.map((leaf) => [readLeaf(leaf).keyId, readLeaf(leaf).keyId]),
  );
  assert.equal(recorder.signer.keyId, NEXT.keyId);
  assert.match(
    problemOf([...leaves, await forged(leaves, { type: 'decision', data: null, second: OLD })]) ??
      '',
    /may not sign at index/,
  );
  await assert.rejects(recorder.rotate(OLD, WHY, signal()), /enrolled twice/);
});

test('after a rotation a start goes on with the new keys, also when it was told the old ones first', async () => {
  const store = new MemoryLedgerStore();
  await (await open(store, OLD)).rotate(NEXT, WHY, signal());
  await assert.rejects(open(store, OLD), isMismatch);
  assert.equal((await open(store, NEXT)).signer.keyId, NEXT.keyId);
  const found = await open(store, OLD, NEXT);
  await record(found, 'decision');
  assert.equal(found.signer.keyId, NEXT.keyId);
  assert.equal(problemOf(await leavesOf(store)), null);
});

test('a checkpoint is signed by the keys that the entries name at its size', async () => {
  const store = new MemoryLedgerStore();
  const recorder = await open(store, OLD);
  const { index } = await recorder.rotate(NEXT, WHY, signal());
  await record(recorder, 'decision');
  const of = (signer: typeof OLD) => [
    noteKey('log', 'ed25519', rawKeyOf('ed25519', signer.publicKey)),
    noteKey('log', 'cosignature-ml-dsa-44', signer.postQuantum.checkpointKey),
  ];
  const { keys } = recorder;
  checkCheckpointSigners(keys, index, of(OLD));
  checkCheckpointSigners(keys, index + 1, of(OLD));
  checkCheckpointSigners(keys, index + 1, of(NEXT));
  checkCheckpointSigners(keys, index + 2, of(NEXT));
  assert.throws(() => checkCheckpointSigners(keys, index, of(NEXT)), /not one that the ledger/);
  for (const signer of of(OLD)) {
    assert.throws(() => checkCheckpointSigners(keys, index + 2, [signer]), /not one that/);
  }
});

let recorded = 0;

function open(store: MemoryLedgerStore, signer: Signer, successor?: Signer): Promise<Recorder> {
  const clock = { nowMs: () => 1_000, sleep: () => Promise.reject(new Error('not needed')) };
  const parts = { store, tree: store, signer, successor: successor ?? null, clock, version: '1' };
  return openRecorder(parts, signal());
}

async function record(recorder: Recorder, ...types: readonly EntryType[]): Promise<void> {
  const entries = types.map((type, at) => ({
    type,
    subjects: [],
    idempotencyKey: `${(recorded += 1)}`,
    data: { n: at },
  }));
  await recorder.record({ stream: 'service/a', entries, blobs: [] }, signal());
}

async function leavesOf(store: MemoryLedgerStore): Promise<Uint8Array[]> {
  const stored = await Array.fromAsync(store.read({ fromIndex: 0, stream: null }, signal()));
  return stored.map(({ leaf }) => leaf);
}

/** An entry that continues these in every way but its signatures. */
async function forged(
  leaves: readonly Uint8Array[],
  plant: { readonly type: EntryType; readonly data: JsonValue; readonly second: Signer | null },
): Promise<Uint8Array> {
  const last = leaves.at(-1) ?? new Uint8Array();
  const unsigned = unsignedLeaf({
    ...readLeaf(last).statement,
    type: plant.type,
    stream: 'forged',
    streamVersion: 1,
    previous: { index: leaves.length - 1, leafHash: leafHashHex(last) },
    data: plant.data,
  });
  const pair = plant.second?.postQuantum;
  const second =
    pair === undefined
      ? null
      : { keyId: pair.keyId, signature: await pair.sign(unsigned.signedBytes, signal()) };
  const signature = await OLD.sign(unsigned.signedBytes, signal());
  return leafBytes(unsigned, OLD.keyId, signature, second);
}

/** Null: all of it is valid. */
function problemOf(leaves: readonly Uint8Array[]): string | null {
  const verification = new LedgerVerification({ trustedKeyId: OLD.keyId });
  for (const leaf of leaves) verification.add(leaf);
  return verification.finish().firstProblem?.what ?? null;
}

function isMismatch(error: unknown): boolean {
  return error instanceof RecorderError && error.code === 'key-mismatch';
}

function signal(): AbortSignal {
  return AbortSignal.timeout(60_000);
}
