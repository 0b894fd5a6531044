import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MemoryLedgerStore } from '../../adapters/memory/memory-ledger-store.ts';
import { createMemorySigner } from '../../adapters/memory/memory-signer.ts';
import { openVerification } from '../../domain/evidence/verify-ledger.ts';
import type { Clock } from '../../ports/clock.ts';
import { LedgerError } from '../../ports/ledger-store.ts';
import type { LedgerBatch, LedgerStore } from '../../ports/ledger-store.ts';
import { openRecorder } from './recorder.ts';
import { MAX_ATTEMPTS, MAX_GROUP_ENTRIES, MAX_WAITING } from './recorder-pipeline.ts';
import type { RecordedEntry, Recorder } from './recorder.ts';
import type { RecordBatch } from './recorder-draft.ts';
import { RecorderError } from './recorder-index.ts';

const OURS = createMemorySigner(Buffer.alloc(32, 1));
const OTHER = createMemorySigner(Buffer.alloc(32, 2));

test('an empty ledger begins with the enrolment of its key, once', async () => {
  const store = new MemoryLedgerStore();
  await open(store);
  await open(store);
  const report = await verified(store);
  assert.equal(report.valid, true);
  assert.equal(report.entries, 1);
  assert.deepEqual(report.keyIds, [OURS.keyId]);
});

test('a key that the ledger does not know is refused, and nothing is written', async () => {
  const store = new MemoryLedgerStore();
  await open(store);
  await assert.rejects(open(store, { signer: OTHER }), isRecorderError('key-mismatch'));
  assert.equal((await store.head(signal())).size, 1);
});

test('of two keys that begin one ledger at the same time exactly one is enrolled', async () => {
  const store = new MemoryLedgerStore();
  const openings = await Promise.allSettled([open(store), open(store, { signer: OTHER })]);
  assert.deepEqual(
    openings.map((opening) => opening.status),
    ['fulfilled', 'rejected'],
  );
  await assert.rejects(open(store, { signer: OTHER }), isRecorderError('key-mismatch'));
  const report = await verified(store);
  assert.deepEqual([report.valid, report.entries], [true, 1]);
});

test('what was recorded is replayed, whole or by stream, with inputs and versions', async () => {
  const store = new MemoryLedgerStore();
  const recorder = await open(store);
  const bytes = Buffer.from('raw samples');
  const places = await recorder.record(
    { ...batchOf('rollouts/a', ['1', '2']), blobs: [{ name: 'samples', bytes }] },
    signal(),
  );
  await recorder.record(batchOf('rollouts/b', ['1']), signal());
  assert.deepEqual(
    places.map((place) => place.index),
    [1, 2],
  );
  const replayed = await replay(recorder, 'rollouts/a');
  assert.deepEqual(
    replayed.map(({ index, streamVersion, data }) => ({ index, streamVersion, data })),
    [
      { index: 1, streamVersion: 1, data: { of: '1' } },
      { index: 2, streamVersion: 2, data: { of: '2' } },
    ],
  );
  assert.deepEqual(
    replayed.map((entry) => entry.leafHash),
    places.map((place) => place.leafHash),
  );
  const input = replayed[0]?.inputs[0];
  assert.equal(input?.name, 'samples');
  assert.deepEqual(Buffer.from((await store.blob(input.sha256, signal())) ?? []), bytes);
  assert.equal((await replay(recorder, null)).length, 4);
  assert.equal((await verified(store)).valid, true);
});

test('a key recorded already gives the first entry, also after a restart and inside one batch', async () => {
  const store = new MemoryLedgerStore();
  const recorder = await open(store);
  const [first] = await recorder.record(batchOf('s', ['1']), signal());
  const again = await recorder.record(batchOf('s', ['1', '2', '2', '1']), signal());
  assert.deepEqual(
    again.map((place) => place.index),
    [1, 2, 2, 1],
  );
  assert.deepEqual(again[0], first);
  const restarted = await open(store);
  assert.deepEqual(await restarted.record(batchOf('s', ['1']), signal()), [first]);
  const [inOtherStream] = await restarted.record(batchOf('t', ['1']), signal());
  assert.equal(inOtherStream?.index, 3);
});

test('many callers at once share few transactions and lose nothing', async () => {
  const store = new CountingStore();
  const recorder = await open(store);
  const calls = Array.from({ length: 600 }, (_, n) =>
    recorder.record(batchOf(`s${n % 7}`, [`${n}`]), signal()),
  );
  const indexes = (await Promise.all(calls)).map(([place]) => place?.index);
  assert.deepEqual(
    indexes,
    Array.from({ length: 600 }, (_, n) => n + 1),
  );
  assert.ok(store.appends <= 20, `${store.appends} transactions`);
  assert.equal((await verified(store)).valid, true);
});

test('of callers in one transaction only the one with a bad entry is refused', async () => {
  const store = new MemoryLedgerStore();
  const recorder = await open(store);
  const tooLarge = batchOf('s', ['large']);
  const calls = await Promise.allSettled([
    recorder.record(batchOf('s', ['1']), signal()),
    recorder.record(withData(batchOf('s', ['2', '3']), { text: 'x'.repeat(60_000) }), signal()),
    recorder.record(withData(tooLarge, { ratio: Number.NaN }), signal()),
    recorder.record(batchOf('s', ['4']), signal()),
  ]);
  assert.deepEqual(
    calls.map((call) => call.status),
    ['fulfilled', 'rejected', 'rejected', 'fulfilled'],
  );
  for (const call of calls) {
    if (call.status === 'rejected') assert.ok(isRecorderError('invalid-entry')(call.reason));
  }
  const report = await verified(store);
  assert.deepEqual([report.valid, report.entries], [true, 3]);
});

test('no entries, or more than a transaction holds, are refused', async () => {
  const recorder = await open(new MemoryLedgerStore());
  const keys = Array.from({ length: MAX_GROUP_ENTRIES + 1 }, (_, n) => `${n}`);
  await assert.rejects(
    recorder.record(batchOf('s', []), signal()),
    isRecorderError('invalid-entry'),
  );
  await assert.rejects(
    recorder.record(batchOf('s', keys), signal()),
    isRecorderError('invalid-entry'),
  );
  const most = await recorder.record(batchOf('s', keys.slice(1)), signal());
  assert.equal(most.length, MAX_GROUP_ENTRIES);
});

test('the queue is bounded and says so', async () => {
  const recorder = await open(new MemoryLedgerStore());
  const calls = Array.from({ length: MAX_WAITING + 1 }, (_, n) =>
    recorder.record(batchOf('s', [`${n % 10}`]), signal()),
  );
  const results = await Promise.allSettled(calls);
  assert.equal(results.filter((result) => result.status === 'rejected').length, 1);
  await assert.rejects(calls.at(-1) ?? Promise.resolve(), isRecorderError('overloaded'));
});

test('two recorders on one store take turns and write one valid chain', async () => {
  const store = new MemoryLedgerStore();
  const recorders = [await open(store), await open(store)];
  for (let n = 0; n < 20; n += 1) {
    await Promise.all(
      recorders.map((recorder, who) => recorder.record(batchOf('s', [`${n}/${who}`]), signal())),
    );
  }
  const report = await verified(store);
  assert.deepEqual([report.valid, report.entries], [true, 41]);
});

test('a writer that always loses gives up after a bounded number of tries, and may be asked again', async () => {
  const store = new CountingStore();
  const recorder = await open(store);
  store.conflictsToCome = MAX_ATTEMPTS;
  await assert.rejects(
    recorder.record(batchOf('s', ['1']), signal()),
    isRecorderError('contended'),
  );
  assert.equal(store.appends, 1 + MAX_ATTEMPTS);
  assert.deepEqual(
    (await recorder.record(batchOf('s', ['1']), signal())).map((p) => p.index),
    [1],
  );
});

test('a failing store fails the callers it concerned, and the next call works', async () => {
  const store = new CountingStore();
  const recorder = await open(store);
  const full = new LedgerError('full', 'cannot append: no space', { retryable: true });
  store.failure = full;
  await assert.rejects(recorder.record(batchOf('s', ['1']), signal()), full);
  store.failure = null;
  assert.deepEqual(
    (await recorder.record(batchOf('s', ['1']), signal())).map((p) => p.index),
    [1],
  );
});

test('a commit whose answer was lost is found again and not repeated', async () => {
  const store = new CountingStore();
  const recorder = await open(store);
  store.failureAfterwards = new LedgerError('io', 'answer lost', { retryable: true });
  await assert.rejects(recorder.record(batchOf('s', ['1']), signal()), /answer lost/);
  store.failureAfterwards = null;
  const places = await recorder.record(batchOf('s', ['1', '2']), signal());
  assert.deepEqual(
    places.map((place) => place.index),
    [1, 2],
  );
  assert.equal((await verified(store)).valid, true);
});

test('the time of entries never goes back although the clock does', async () => {
  const store = new MemoryLedgerStore();
  const clock = { nowMs: 5_000 };
  await (await open(store, { clock })).record(batchOf('s', ['1']), signal());
  clock.nowMs = 1_000;
  const restarted = await open(store, { clock });
  await restarted.record(batchOf('s', ['2']), signal());
  clock.nowMs = 6_000;
  await restarted.record(batchOf('s', ['3']), signal());
  const times = (await replay(restarted, 's')).map((entry) => entry.observedAtMs);
  assert.deepEqual(times, [5_000, 5_000, 6_000]);
  assert.equal((await verified(store)).valid, true);
});

test('a waiting call that is aborted is not recorded', async () => {
  const store = new MemoryLedgerStore();
  const recorder = await open(store);
  const controller = new AbortController();
  const reason = new Error('stop');
  const waiting = recorder.record(batchOf('s', ['1']), controller.signal);
  controller.abort(reason);
  await assert.rejects(waiting, reason);
  await assert.rejects(recorder.record(batchOf('s', ['2']), controller.signal), reason);
  assert.equal((await store.head(signal())).size, 1);
});

test('closing waits for what was asked for and takes no more', async () => {
  const store = new MemoryLedgerStore();
  const recorder = await open(store);
  const waiting = recorder.record(batchOf('s', ['1']), signal());
  await recorder[Symbol.asyncDispose]();
  assert.equal((await store.head(signal())).size, 2);
  await waiting;
  await assert.rejects(recorder.record(batchOf('s', ['2']), signal()), isRecorderError('closed'));
});

test('an entry without a subject is about its stream', async () => {
  const store = new MemoryLedgerStore();
  const recorder = await open(store);
  const batch = batchOf('s', ['1']);
  const entries = batch.entries.map((entry) => ({ ...entry, subjects: [] }));
  await recorder.record({ ...batch, entries }, signal());
  assert.equal((await verified(store)).valid, true);
});

/** A memory store that can lose races, fail before writing, and fail after writing. */
class CountingStore extends MemoryLedgerStore {
  appends = 0;
  conflictsToCome = 0;
  failure: Error | null = null;
  failureAfterwards: Error | null = null;

  override async append(batch: LedgerBatch, signal: AbortSignal): Promise<'appended' | 'conflict'> {
    this.appends += 1;
    if (this.failure !== null) throw this.failure;
    if (this.conflictsToCome > 0) {
      this.conflictsToCome -= 1;
      return 'conflict';
    }
    const outcome = await super.append(batch, signal);
    if (this.failureAfterwards !== null) throw this.failureAfterwards;
    return outcome;
  }
}

interface OpenChanges {
  readonly signer?: typeof OURS;
  readonly clock?: { readonly nowMs: number };
}

function open(store: LedgerStore, changes: OpenChanges = {}): Promise<Recorder> {
  const time = changes.clock ?? { nowMs: 1_000 };
  const clock: Clock = {
    nowMs: () => time.nowMs,
    sleep: () => Promise.reject(new Error('a recorder never sleeps')),
  };
  const signer = changes.signer ?? OURS;
  return openRecorder({ store, signer, clock, version: '0.1.0' }, signal());
}

function batchOf(stream: string, keys: readonly string[]): RecordBatch {
  const subjects = [{ name: 'checkout', sha256: OURS.keyId }];
  const entries = keys.map((key) => ({
    type: 'decision' as const,
    subjects,
    idempotencyKey: key,
    data: { of: key },
  }));
  return { stream, entries, blobs: [] };
}

function withData(
  batch: RecordBatch,
  data: Readonly<Record<string, string | number>>,
): RecordBatch {
  const entries = batch.entries.map((entry, n) =>
    n === batch.entries.length - 1 ? { ...entry, data } : entry,
  );
  return { ...batch, entries };
}

async function replay(recorder: Recorder, stream: string | null): Promise<RecordedEntry[]> {
  const entries: RecordedEntry[] = [];
  for await (const entry of recorder.replay(stream, signal())) entries.push(entry);
  return entries;
}

async function verified(store: LedgerStore) {
  const verification = openVerification({ trustedKeyId: OURS.keyId });
  for await (const { leaf } of store.read({ fromIndex: 0, stream: null }, signal())) {
    verification.add(leaf);
  }
  return verification.finish();
}

function isRecorderError(code: RecorderError['code']) {
  return (error: unknown): boolean => error instanceof RecorderError && error.code === code;
}

function signal(): AbortSignal {
  return AbortSignal.timeout(60_000);
}
