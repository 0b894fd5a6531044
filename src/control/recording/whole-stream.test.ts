import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MemoryLedgerStore } from '../../adapters/memory/memory-ledger-store.ts';
import { createMemorySigner } from '../../adapters/memory/memory-signer.ts';
import type { LedgerQuery, LedgerStore, StoredEntry } from '../../ports/ledger-store.ts';
import { RecorderError } from './recorder-index.ts';
import { openRecorder, type RecordedEntry } from './recorder.ts';

const STREAM = 'service/a';
/** Entry 0 enrols the key; of the others, every second one is of the stream, and entry 5 is where its story can be taken up. */
const IN_STREAM = [1, 3, 5, 7, 9];
const RESTART = 5;

for (const gone of [1, 3, 5, 7, 9]) {
  test(`a store that leaves entry ${gone} out of its stream is found, whole log and tail`, async () => {
    const store = await filled();
    const signal = AbortSignal.timeout(30_000);
    await using recorder = await openRecorder(partsOf(leavingOut(store, gone)), signal);
    await assert.rejects(Array.fromAsync(recorder.replay(STREAM, signal)), isMissing);
    const tail = Array.fromAsync(recorder.replayTails((stream) => stream === STREAM, signal));
    if (gone >= RESTART) await assert.rejects(tail, isMissing);
    else assert.deepEqual(indexes(await tail), [5, 7, 9]);
    assert.equal((await Array.fromAsync(recorder.replay(null, signal))).length, 11);
  });
}

test('a store that leaves nothing out is read, whole, from a tail, and of a stream that is not there', async () => {
  const store = await filled();
  const signal = AbortSignal.timeout(30_000);
  await using recorder = await openRecorder(partsOf(store), signal);
  assert.deepEqual(indexes(await Array.fromAsync(recorder.replay(STREAM, signal))), IN_STREAM);
  const tails = await Array.fromAsync(recorder.replayTails((stream) => stream === STREAM, signal));
  assert.deepEqual(indexes(tails), [5, 7, 9]);
  assert.deepEqual(await Array.fromAsync(recorder.replay('service/none', signal)), []);
});

async function filled(): Promise<MemoryLedgerStore> {
  const store = new MemoryLedgerStore();
  const signal = AbortSignal.timeout(30_000);
  await using recorder = await openRecorder(partsOf(store), signal);
  for (let n = 1; n <= 10; n += 1) {
    const entry = {
      type: 'gate-result' as const,
      subjects: [],
      idempotencyKey: `${n}`,
      data: { n },
    };
    const blobs = n === RESTART ? [{ name: 'state', bytes: Buffer.from('state') }] : [];
    const stream = n % 2 === 1 ? STREAM : 'service/b';
    await recorder.record({ stream, entries: [entry], blobs }, signal);
  }
  return store;
}

/** As when the row of one entry is lost from the database's index by stream. */
function leavingOut(store: LedgerStore, gone: number): LedgerStore {
  async function* read(query: LedgerQuery, signal: AbortSignal): AsyncIterable<StoredEntry> {
    for await (const entry of store.read(query, signal)) {
      if (query.stream === null || entry.index !== gone) yield entry;
    }
  }
  return {
    head: (signal) => store.head(signal),
    append: (batch, signal) => store.append(batch, signal),
    blob: (sha256, signal) => store.blob(sha256, signal),
    read,
  };
}

function partsOf(store: LedgerStore) {
  const clock = { nowMs: () => 1_000, sleep: () => Promise.reject(new Error('not needed')) };
  return { store, signer: createMemorySigner(Buffer.alloc(32, 3)), clock, version: '0.1.0' };
}

function indexes(entries: readonly RecordedEntry[]): readonly number[] {
  return entries.map(({ index }) => index);
}

function isMissing(error: unknown): boolean {
  return (
    error instanceof RecorderError &&
    error.code === 'unreadable-ledger' &&
    /entries are missing/.test(error.message)
  );
}
