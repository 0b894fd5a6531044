import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MemoryLedgerStore } from '../../adapters/memory/memory-ledger-store.ts';
import { createMemoryPairSigner, createMemorySigner } from '../../adapters/memory/memory-signer.ts';
import type { Signer } from '../../ports/identity.ts';
import { openRecorder } from './recorder.ts';
import { RecorderError } from './recorder-index.ts';
import { requireWriterKey } from './wanted-signer.ts';

const FIRST = createMemoryPairSigner(Buffer.alloc(32, 1));
const NEXT = createMemoryPairSigner(Buffer.alloc(32, 2));

test('after a rotation by another server the next holder signs with the new key, when it has it', async () => {
  const store = await rotated();
  await requireWriterKey(store, [FIRST.keyId, NEXT.keyId], signal());
  const recorder = await open(store, NEXT);
  assert.equal(recorder.signer.keyId, NEXT.keyId);
});

test('a server that still has the ended key is told which entry ended it, which key it wants and where that is', async () => {
  const store = await rotated();
  const isTold = (error: unknown): boolean => {
    assert.ok(error instanceof RecorderError && error.code === 'key-mismatch' && !error.retryable);
    assert.match(error.message, new RegExp(`key ${FIRST.keyId} ended with entry 1, which brought`));
    assert.match(
      error.message,
      new RegExp(`brought ${NEXT.keyId}; copy the folder keys of the server`),
    );
    return true;
  };
  await assert.rejects(requireWriterKey(store, [FIRST.keyId], signal()), isTold);
  await assert.rejects(open(store, FIRST), isTold);
  assert.equal((await store.head(signal())).size, 2);
});

test('a key that the ledger never had is told from one that ended, and an empty ledger takes any', async () => {
  const stranger = createMemorySigner(Buffer.alloc(32, 3)).keyId;
  await assert.rejects(
    requireWriterKey(await rotated(), [stranger], signal()),
    /it only knows .*; put back the key files that belong to this ledger/,
  );
  await assert.rejects(requireWriterKey(await rotated(), [], signal()), RecorderError);
  await requireWriterKey(new MemoryLedgerStore(), [], signal());
});

test('one server that goes on while another has rotated is stopped by the entry, and writes nothing with the ended key', async () => {
  const store = new MemoryLedgerStore();
  const [one, other] = [await open(store, FIRST), await open(store, FIRST)];
  await one.rotate(NEXT, { by: 'ops', reason: 'a year is over' }, signal());
  await assert.rejects(other.record(batchOf('late'), signal()), /ended with entry 1/);
  assert.equal((await store.head(signal())).size, 2);
  const [place] = await one.record(batchOf('next'), signal());
  assert.equal(place?.index, 2);
});

async function rotated(): Promise<MemoryLedgerStore> {
  const store = new MemoryLedgerStore();
  const recorder = await open(store, FIRST);
  await recorder.rotate(NEXT, { by: 'ops', reason: 'a year is over' }, signal());
  return store;
}

function open(store: MemoryLedgerStore, signer: Signer) {
  const clock = { nowMs: () => 1_000, sleep: () => Promise.reject(new Error('not used')) };
  return openRecorder({ store, signer, clock, version: '0.1.0' }, signal());
}

function batchOf(idempotencyKey: string) {
  const type = 'gate-result' as const;
  return { stream: 's', entries: [{ type, subjects: [], idempotencyKey, data: {} }], blobs: [] };
}

function signal(): AbortSignal {
  return AbortSignal.timeout(60_000);
}
