import assert from 'node:assert/strict';
import { test } from 'node:test';

import { array, assert as assertProperty, asyncProperty, constantFrom, record } from 'fast-check';

import { MemoryLedgerStore } from '../../adapters/memory/memory-ledger-store.ts';
import { createMemoryPairSigner, createMemorySigner } from '../../adapters/memory/memory-signer.ts';
import { readLeaf } from '../../domain/evidence/leaf.ts';
import { openVerification } from '../../domain/evidence/verify-ledger.ts';
import { LedgerError } from '../../ports/ledger-store.ts';
import type { LedgerBatch, LedgerStore } from '../../ports/ledger-store.ts';
import { openRecorder } from './recorder.ts';
import type { Recorder } from './recorder.ts';
import { Draft } from './recorder-draft.ts';
import type { ChainEnd, RecordBatch } from './recorder-draft.ts';
import { RecorderIndex } from './recorder-index.ts';
import type { RecordedPlace } from './recorder-places.ts';

const OURS = createMemorySigner(Buffer.alloc(32, 1));

test('the next entries are drafted while the last are on their way, and acknowledged after their own commit', async () => {
  const { store, recorder } = await opened();
  const first = watched(recorder.record(batchOf('s', ['1']), signal()));
  await store.asked(1);
  const second = watched(recorder.record(batchOf('s', ['2']), signal()));
  // Signed already: the first one's commit is all that it waits for.
  await until(() => store.signatures === 3);
  assert.deepEqual([first.state, second.state], ['waits', 'waits']);
  store.end('commit');
  await store.asked(2);
  assert.deepEqual([first.state, second.state], ['resolved', 'waits']);
  assert.equal(store.pending?.expectedSize, 2);
  store.end('commit');
  await second.promise;
  assert.deepEqual(await keysOf(store), ['1', '2']);
});

test('what comes while a commit is under way goes into the next one together, in the order in which it came', async () => {
  const { store, recorder } = await opened();
  const calls = [recorder.record(batchOf('s', ['1']), signal())];
  await store.asked(1);
  for (const key of ['2', '3', '4']) {
    calls.push(recorder.record(batchOf(key === '3' ? 't' : 's', [key]), signal()));
    await othersTurn();
  }
  store.end('commit');
  await store.asked(2);
  assert.equal(store.pending?.entries.length, 3);
  store.end('commit');
  const indexes = (await Promise.all(calls)).map(([place]) => place?.index);
  assert.deepEqual(indexes, [1, 2, 3, 4]);
});

test('a failed commit is told to its callers, and what was drafted on it is drafted again without it', async () => {
  const { store, recorder } = await opened();
  const first = recorder.record(batchOf('s', ['1']), signal());
  await store.asked(1);
  const second = recorder.record(batchOf('s', ['2']), signal());
  await until(() => store.signatures === 3);
  const full = new LedgerError('full', 'cannot append: no space', { retryable: true });
  store.end(full);
  await assert.rejects(first, full);
  await store.asked(2);
  assert.equal(store.pending?.expectedSize, 1);
  assert.equal(statementOf(store.pending).streamVersion, 1);
  store.end('commit');
  assert.equal((await second)[0]?.index, 1);
  assert.deepEqual(await keysOf(store), ['2']);
});

test('a commit whose answer was lost stands, and what was drafted on it comes behind it', async () => {
  const { store, recorder } = await opened();
  const first = recorder.record(batchOf('s', ['1']), signal());
  await store.asked(1);
  const second = recorder.record(batchOf('s', ['2']), signal());
  await until(() => store.signatures === 3);
  store.end('lost');
  await assert.rejects(first, /answer lost/);
  // Asked for the size before the lost one, which is a conflict; then behind it.
  await store.asked(2);
  store.end('commit');
  await store.asked(3);
  store.end('commit');
  assert.equal((await second)[0]?.index, 2);
  assert.deepEqual(await keysOf(store), ['1', '2']);
  const again = recorder.record(batchOf('s', ['1']), signal());
  assert.equal((await again)[0]?.index, 1);
});

test('a lease lost in the middle ends all that was asked for, and nothing more is written', async () => {
  const { store, recorder } = await opened();
  const first = recorder.record(batchOf('s', ['1']), signal());
  await store.asked(1);
  const others = ['2', '3'].map((key) => recorder.record(batchOf('s', [key]), signal()));
  await until(() => store.signatures === 4);
  const fenced = new LedgerError('fenced', 'another has taken it over', { retryable: false });
  store.end(fenced);
  await assert.rejects(first, fenced);
  await store.asked(2);
  store.end(fenced);
  for (const other of others) await assert.rejects(other, fenced);
  assert.equal((await store.head(signal())).size, 1);
});

test('entries of a quicker writer are read, and both groups come behind them in their order', async () => {
  const { store, recorder } = await opened();
  const first = recorder.record(batchOf('s', ['1']), signal());
  await store.asked(1);
  const second = recorder.record(batchOf('s', ['2']), signal());
  await until(() => store.signatures === 3);
  await quicker(store, 's', 'theirs');
  store.end('commit');
  await store.asked(2);
  assert.equal(store.pending?.expectedSize, 2);
  assert.equal(store.pending.entries.length, 2);
  store.end('commit');
  assert.deepEqual([(await first)[0]?.index, (await second)[0]?.index], [2, 3]);
  assert.deepEqual(await keysOf(store), ['theirs', '1', '2']);
});

test('a key that is on its way already gives that entry, and is written when it does not arrive', async () => {
  const { store, recorder } = await opened();
  const first = recorder.record(batchOf('s', ['1']), signal());
  await store.asked(1);
  const same = watched(recorder.record(batchOf('s', ['1']), signal()));
  await othersTurn();
  assert.equal(same.state, 'waits');
  store.end('commit');
  assert.deepEqual(await same.promise, await first);
  const next = recorder.record(batchOf('s', ['2']), signal());
  await store.asked(2);
  const again = recorder.record(batchOf('s', ['2']), signal());
  await othersTurn();
  const io = new LedgerError('io', 'cannot append: no answer', { retryable: true });
  store.end(io);
  await assert.rejects(next, io);
  await store.asked(3);
  store.end('commit');
  assert.equal((await again)[0]?.index, 2);
  assert.deepEqual(await keysOf(store), ['1', '2']);
});

test('a bad batch is taken out of a draft that rests on a commit, and leaves no gap', async () => {
  const { store, recorder } = await opened();
  const first = recorder.record(batchOf('s', ['1']), signal());
  await store.asked(1);
  const before = recorder.record(batchOf('t', ['1']), signal());
  const bad = recorder.record(batchOf('s', ['2', 'bad']), signal());
  const good = recorder.record(batchOf('s', ['2']), signal());
  await assert.rejects(bad, /cannot record in stream s/);
  store.end('commit');
  await first;
  await store.asked(2);
  store.end('commit');
  assert.deepEqual([(await before)[0]?.index, (await good)[0]?.index], [2, 3]);
  assert.deepEqual(await keysOf(store), ['1', '1', '2']);
});

test('a call that is aborted while its draft is made void is not written', async () => {
  const { store, recorder } = await opened();
  const first = recorder.record(batchOf('s', ['1']), signal());
  await store.asked(1);
  const stop = new AbortController();
  const second = recorder.record(batchOf('s', ['2']), stop.signal);
  await until(() => store.signatures === 3);
  stop.abort(new Error('stop'));
  store.end(new LedgerError('io', 'cannot append: no answer', { retryable: true }));
  await assert.rejects(first, /no answer/);
  await assert.rejects(second, /stop/);
  assert.equal((await store.head(signal())).size, 1);
});

test('an entry about keys is drafted after all that is durable, and nothing is drafted on it', async () => {
  const { store, recorder } = await opened();
  const first = recorder.record(batchOf('s', ['1']), signal());
  await store.asked(1);
  const next = createMemoryPairSigner(Buffer.alloc(32, 2));
  const rotated = recorder.rotate(next, { by: 'ops', reason: 'a year is over' }, signal());
  for (let turn = 0; turn < 20; turn += 1) await othersTurn();
  const last = recorder.record(batchOf('s', ['2']), signal());
  for (let turn = 0; turn < 20; turn += 1) await othersTurn();
  assert.equal(store.signatures, 2);
  store.end('commit');
  await first;
  await store.asked(2);
  for (let turn = 0; turn < 20; turn += 1) await othersTurn();
  assert.deepEqual([store.pending?.entries.length, store.signatures], [1, 3]);
  store.end('commit');
  await rotated;
  await store.asked(3);
  assert.equal(readLeaf(store.pending?.entries[0]?.leaf ?? Buffer.alloc(0)).keyId, next.keyId);
  store.end('commit');
  assert.equal((await last)[0]?.index, 3);
});

test('a draft forgets the one before it once that is durable', async () => {
  const index = new RecorderIndex();
  const context = { index, signer: OURS, version: '0.1.0', clock: { nowMs: () => 1_000 } };
  const first = new Draft(context);
  await first.add(batchOf('s', ['1', '2']), signal());
  const asked: string[] = [];
  const watchedFirst: ChainEnd = {
    size: first.size,
    headLeafHash: first.headLeafHash,
    lastAtMs: first.lastAtMs,
    versionOf: (stream) => {
      asked.push(stream);
      return first.versionOf(stream);
    },
    indexOf: (stream, key) => first.indexOf(stream, key),
  };
  const second = new Draft(context, watchedFirst);
  assert.deepEqual(await second.add(batchOf('s', ['2', '3']), signal()), [1, 2]);
  assert.deepEqual(asked, ['s']);
  for (const entry of first.entries()) index.add(entry);
  second.restOnIndex();
  assert.deepEqual(await second.add(batchOf('t', ['1']), signal()), [3]);
  assert.deepEqual([second.indexOf('s', '1'), second.versionOf('s')], [0, 3]);
  assert.deepEqual(asked, ['s']);
  for (const entry of second.entries()) index.add(entry);
  assert.equal(index.size, 4);
});

test('closing waits for the commit under way and for what was drafted on it', async () => {
  const { store, recorder } = await opened();
  const calls = [recorder.record(batchOf('s', ['1']), signal())];
  await store.asked(1);
  calls.push(recorder.record(batchOf('s', ['2']), signal()));
  const closed = watched(recorder[Symbol.asyncDispose]());
  await othersTurn();
  assert.equal(closed.state, 'waits');
  store.end('commit');
  await store.asked(2);
  store.end('commit');
  await closed.promise;
  await Promise.all(calls);
});

test('whatever becomes of commits, an acknowledged entry is there, once, in one chain, and each caller in order', async () => {
  const step = record({
    call: constantFrom('one', 'three', 'same', 'none'),
    end: constantFrom('commit', 'commit', 'io', 'lost', 'quicker', 'none'),
  });
  const steps = array(step, { minLength: 1, maxLength: 25 });
  await assertProperty(
    asyncProperty(steps, async (plan) => {
      const { store, recorder } = await opened();
      const calls: Call[] = [];
      for (const [at, { call, end }] of plan.entries()) {
        const keys = keysFor(call, at);
        if (keys.length > 0) {
          const promise = recorder.record(batchOf('s', keys), signal());
          promise.catch(() => undefined);
          calls.push({ keys, promise });
        }
        await othersTurn();
        if (store.pending === null || end === 'none') continue;
        if (end === 'quicker') await quicker(store, 's', `theirs ${at}`);
        const io = new LedgerError('io', 'cannot append: no answer', { retryable: true });
        store.end(end === 'io' ? io : end === 'lost' ? 'lost' : 'commit');
      }
      store.endAll();
      await recorder[Symbol.asyncDispose]();
      await checkAnswers(store, calls);
    }),
    { numRuns: 150 },
  );
});

function keysFor(call: 'one' | 'three' | 'same' | 'none', at: number): readonly string[] {
  switch (call) {
    case 'one':
      return [`${at}`];
    case 'three':
      return [`${at}a`, `${at}b`, `${at}c`];
    case 'same':
      return ['same'];
    case 'none':
      return [];
  }
}

interface Call {
  readonly keys: readonly string[];
  readonly promise: Promise<readonly RecordedPlace[]>;
}

async function checkAnswers(store: HeldStore, calls: readonly Call[]): Promise<void> {
  const keys = await keysOf(store);
  assert.equal(new Set(keys).size, keys.length, 'recorded twice');
  let before = -1;
  for (const call of calls) {
    const [outcome] = await Promise.allSettled([call.promise]);
    const places = call.keys.map((key) => keys.indexOf(key));
    if (outcome?.status !== 'fulfilled') continue;
    // Entry 0 enrols the key and is not among these.
    const indexes = outcome.value.map(({ index }) => index - 1);
    assert.deepEqual(indexes, places);
    if (call.keys[0] === 'same') continue;
    assert.ok((places[0] ?? -1) > before, 'out of order');
    before = places[0] ?? -1;
  }
}

/** A memory store whose commits end when and how they are told to. */
class HeldStore extends MemoryLedgerStore {
  signatures = 0;
  pending: LedgerBatch | null = null;
  #appends = 0;
  #isHeld = false;
  #end: PromiseWithResolvers<Error | 'commit' | 'lost'> | null = null;

  /** From here on. */
  hold(): void {
    this.#isHeld = true;
  }

  end(how: Error | 'commit' | 'lost'): void {
    assert.ok(this.#end !== null, 'nothing is under way');
    this.#end.resolve(how);
    this.#end = null;
    this.pending = null;
  }

  endAll(): void {
    this.#isHeld = false;
    if (this.#end !== null) this.end('commit');
  }

  /** Resolves when so many commits have been asked for and the last of them is under way. */
  async asked(count: number): Promise<void> {
    await until(() => this.#appends === count && this.pending !== null);
  }

  override async append(batch: LedgerBatch, signal: AbortSignal): Promise<'appended' | 'conflict'> {
    if (!this.#isHeld) return super.append(batch, signal);
    this.#appends += 1;
    this.pending = batch;
    this.#end = Promise.withResolvers();
    const how = await this.#end.promise;
    if (how instanceof Error) throw how;
    const outcome = await super.append(batch, signal);
    if (how === 'commit' || outcome === 'conflict') return outcome;
    throw new LedgerError('io', 'answer lost', { retryable: true });
  }

  /** As another process would. */
  appendFromElsewhere(batch: LedgerBatch): Promise<'appended' | 'conflict'> {
    return super.append(batch, signal());
  }
}

/** A recorder on an empty ledger, whose commits are held from now on. */
async function opened(): Promise<{ readonly store: HeldStore; readonly recorder: Recorder }> {
  const store = new HeldStore();
  const signer: typeof OURS = {
    ...OURS,
    sign: (message, until) => {
      store.signatures += 1;
      return OURS.sign(message, until);
    },
  };
  const recorder = await open(store, signer);
  store.hold();
  return { store, recorder };
}

function open(store: LedgerStore, signer: typeof OURS): Promise<Recorder> {
  const clock = {
    nowMs: () => 1_000,
    sleep: () => Promise.reject(new Error('a recorder never sleeps')),
  };
  return openRecorder({ store, signer, clock, version: '0.1.0' }, signal());
}

/** Another writer's entry, past the commit that is held. */
async function quicker(store: HeldStore, stream: string, key: string): Promise<void> {
  const elsewhere: LedgerStore = {
    head: (until) => store.head(until),
    append: (batch) => store.appendFromElsewhere(batch),
    read: (query, until) => store.read(query, until),
    blob: (digest, until) => store.blob(digest, until),
  };
  const other = await open(elsewhere, OURS);
  await other.record(batchOf(stream, [key]), signal());
}

/** In the order of the ledger, after the entry that enrols the key; the chain is verified on the way. */
async function keysOf(store: LedgerStore): Promise<readonly string[]> {
  const verification = openVerification({ trustedKeyId: OURS.keyId });
  const keys: string[] = [];
  for await (const { leaf, index } of store.read({ fromIndex: 0, stream: null }, signal())) {
    verification.add(leaf);
    if (index > 0) keys.push(readLeaf(leaf).statement.idempotencyKey);
  }
  assert.equal(verification.finish().firstProblem, null);
  return keys;
}

function statementOf(batch: LedgerBatch | null) {
  return readLeaf(batch?.entries[0]?.leaf ?? Buffer.alloc(0)).statement;
}

/** The key `bad` stands for an entry that has no canonical form. */
function batchOf(stream: string, keys: readonly string[]): RecordBatch {
  const entries = keys.map((key) => ({
    type: 'gate-result' as const,
    subjects: [],
    idempotencyKey: key,
    data: { of: key === 'bad' ? Number.NaN : key },
  }));
  return { stream, entries, blobs: [] };
}

function watched<Value>(promise: Promise<Value>) {
  const found = { promise, state: 'waits' };
  promise.then(
    () => (found.state = 'resolved'),
    () => (found.state = 'rejected'),
  );
  return found;
}

async function until(isSo: () => boolean): Promise<void> {
  const { aborted } = signal();
  for (let turn = 0; !isSo(); turn += 1) {
    assert.ok(turn < 20_000 && !aborted, 'it never became so');
    await othersTurn();
  }
}

function othersTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function signal(): AbortSignal {
  return AbortSignal.timeout(60_000);
}
