import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MemoryLedgerStore } from '../../adapters/memory/memory-ledger-store.ts';
import { createMemorySigner } from '../../adapters/memory/memory-signer.ts';
import { openRecorder } from './recorder.ts';
import { loadIndex } from './recorder-snapshot.ts';

const signer = createMemorySigner(Buffer.alloc(32, 1));
const stranger = createMemorySigner(Buffer.alloc(32, 2));

test('a start after an orderly end reads no entry, and goes on where the last one was', async () => {
  const store = await recordedStore(40);
  const reads = countedReads(store);
  const recorder = await open(store);
  assert.equal(reads.entries, 0);
  assert.equal(recorder.size, 40);
  assert.deepEqual(await record(recorder, 's1', 'again', 'key-7'), { index: 7, isNew: false });
  assert.deepEqual(await record(recorder, 's1', 'new', 'key-new'), { index: 40, isNew: true });
});

test('entries after the snapshot are read, and those before are not', async () => {
  const store = await recordedStore(40);
  const unclosed = await open(store);
  await record(unclosed, 's1', 'later', 'key-later');
  const reads = countedReads(store);
  const recorder = await open(store);
  assert.equal(reads.entries, 1);
  assert.equal(recorder.size, 41);
});

test('tails begin at the newest state of each stream', async () => {
  const store = await recordedStore(40);
  const recorder = await open(store);
  const blobs = [{ name: 'state', bytes: Buffer.from('state') }];
  await record(recorder, 's1', 'turning point', 'turn', blobs);
  await record(recorder, 's1', 'after', 'after');
  await recorder[Symbol.asyncDispose]();
  const again = await open(store);
  const tails = await Array.fromAsync(again.replayTails((stream) => stream !== 's2', signal()));
  assert.deepEqual(
    tails.filter(({ stream }) => stream === 's1').map(({ index }) => index),
    [40, 41],
  );
  assert.equal(
    tails.some(({ stream }) => stream === 's2'),
    false,
  );
  const all = await Array.fromAsync(again.replay('s0', signal()));
  assert.equal(tails.filter(({ stream }) => stream === 's0').length, all.length);
});

const PLANTED: readonly (readonly [name: string, change: (text: string) => string])[] = [
  ['a changed byte', (text) => text.replace('"version":', '"versiom":')],
  ['a changed number', (text) => text.replace(/"version":\d+/, '"version":999')],
  ['another size', (text) => text.replace(/"size":40/, '"size":39')],
  ['another root', (text) => text.replace(/"root":"[0-9a-f]/, '"root":"x')],
  ['half of it', (text) => text.slice(0, text.length / 2)],
  ['nothing', () => ''],
];

for (const [name, change] of PLANTED) {
  test(`a snapshot with ${name} is not believed: all entries are read instead`, async () => {
    const store = await recordedStore(40);
    const text = Buffer.from((await store.snapshot('recorder', signal())) ?? []).toString();
    assert.notEqual(change(text), text);
    await store.saveSnapshot('recorder', Buffer.from(change(text)), signal());
    const reads = countedReads(store);
    const recorder = await open(store);
    assert.equal(reads.entries, 40);
    assert.equal(recorder.size, 40);
  });
}

test('a snapshot of another ledger or of another key is not believed', async () => {
  const store = await recordedStore(40);
  const other = await recordedStore(41);
  assert.ok((await loadIndex({ tree: store, signer }, signal())) !== null);
  const snapshot = (await other.snapshot('recorder', signal())) ?? Buffer.alloc(0);
  await store.saveSnapshot('recorder', snapshot, signal());
  assert.equal(await loadIndex({ tree: store, signer }, signal()), null);
  assert.equal(await loadIndex({ tree: other, signer: stranger }, signal()), null);
});

type Recorder = Awaited<ReturnType<typeof open>>;

function open(store: MemoryLedgerStore) {
  const clock = { nowMs: () => 1_000, sleep: () => Promise.reject(new Error('not needed')) };
  return openRecorder({ store, tree: store, signer, clock, version: '0.1.0' }, signal());
}

/** Entry 0 enrols the key; entry n has the key `key-n`, in one of three streams. */
async function recordedStore(count: number): Promise<MemoryLedgerStore> {
  const store = new MemoryLedgerStore();
  await using recorder = await open(store);
  for (let n = 1; n < count; n += 1) await record(recorder, `s${n % 3}`, `entry ${n}`, `key-${n}`);
  return store;
}

async function record(
  recorder: Recorder,
  stream: string,
  data: string,
  ...[idempotencyKey, blobs = []]: [key: string, blobs?: { name: string; bytes: Uint8Array }[]]
) {
  const before = recorder.size;
  const entries = [{ type: 'decision' as const, subjects: [], idempotencyKey, data }];
  const [place] = await recorder.record({ stream, entries, blobs }, signal());
  return { index: place?.index, isNew: recorder.size > before };
}

function countedReads(store: MemoryLedgerStore): { entries: number } {
  const reads = { entries: 0 };
  const read = store.read.bind(store);
  store.read = async function* (...query) {
    for await (const entry of read(...query)) {
      reads.entries += 1;
      yield entry;
    }
  };
  return reads;
}

function signal(): AbortSignal {
  return AbortSignal.timeout(60_000);
}
