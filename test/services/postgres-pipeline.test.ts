import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { createMemorySigner } from '../../src/adapters/memory/memory-signer.ts';
import { openPostgresLedger } from '../../src/adapters/postgres/postgres-ledger-store.ts';
import type { PostgresLedgerStore } from '../../src/adapters/postgres/postgres-ledger-store.ts';
import { parsePostgresUrl } from '../../src/adapters/postgres/postgres-url.ts';
import { SystemClock } from '../../src/adapters/system/system-clock.ts';
import type { RecordedPlace } from '../../src/control/recording/recorder-places.ts';
import { openRecorder } from '../../src/control/recording/recorder.ts';
import type { Recorder } from '../../src/control/recording/recorder.ts';
import { readLeaf } from '../../src/domain/evidence/leaf.ts';
import { openVerification } from '../../src/domain/evidence/verify-ledger.ts';
import { LedgerError } from '../../src/ports/ledger-store.ts';
import { Postgres, withoutPostgres } from './postgres.fixture.ts';

const boundMs = 600_000;
const callers = 24;
const signer = createMemorySigner(Buffer.alloc(32, 1));

if (withoutPostgres !== false) {
  test('many callers of the ledger in PostgreSQL', { skip: withoutPostgres }, () => {});
} else {
  const postgres = await Postgres.start();
  after(() => postgres[Symbol.asyncDispose]());

  test('entries that many callers record while PostgreSQL is stopped at once are there, once, in one chain', async () => {
    await using own = await Postgres.start();
    await using store = await open(await own.newDatabase());
    const recorder = await recorderOn(store);
    const work = callsOf(recorder, (error) => error instanceof LedgerError && error.retryable);
    for (let stop = 1; stop <= 4; stop += 1) {
      await work.acknowledged(stop * 60);
      await own.stopImmediately();
      await own.start();
    }
    await work.acknowledged(300);
    await work.end();
    await requireAcknowledged(store, work.places);
  });

  test('who loses the lease in the middle of many calls has acknowledged all that is there, and writes no more', async () => {
    const url = await postgres.newDatabase();
    await using first = await open(url);
    const recorder = await recorderOn(first);
    const refused: unknown[] = [];
    const work = callsOf(recorder, (error) => {
      refused.push(error);
      return false;
    });
    await work.acknowledged(120);
    await using second = await open(url);
    const { size } = await second.head(signal());
    await work.ended;
    assert.equal(refused.length, callers);
    for (const error of refused) {
      assert.ok(error instanceof LedgerError && error.code === 'fenced', String(error));
    }
    await assert.rejects(recorder.record(batchOf('late'), signal()), LedgerError);
    assert.equal((await second.head(signal())).size, size);
    await requireAcknowledged(second, work.places);
    // The next holder goes on where the last one was cut off.
    const next = await recorderOn(second);
    const [place] = await next.record(batchOf('next'), signal());
    assert.equal(place?.index, size);
    await requireAcknowledged(second, new Map([...work.places, ['next', place]]));
  });
}

/** Always the same controller: it takes over at once. */
function open(url: string): Promise<PostgresLedgerStore> {
  const controller = { id: 'one', shown: 'one' };
  return openPostgresLedger({ address: parsePostgresUrl(url), controller }, signal());
}

function recorderOn(store: PostgresLedgerStore): Promise<Recorder> {
  const clock = new SystemClock({ notBeforeMs: 0 });
  return openRecorder({ store, tree: store, signer, clock, version: '0.1.0' }, signal());
}

/** Callers that each record one entry after the other, and ask again with the same key as long as `isRetried` says so. */
function callsOf(recorder: Recorder, isRetried: (error: unknown) => boolean) {
  const places = new Map<string, RecordedPlace | undefined>();
  const state = { isOver: false };
  const call = async (caller: number): Promise<void> => {
    for (let n = 0; !state.isOver; n += 1) {
      const key = `${caller}/${n}`;
      for (;;) {
        try {
          const [place] = await recorder.record(batchOf(key), signal());
          places.set(key, place);
          break;
        } catch (error) {
          if (!isRetried(error)) return;
          await sleep(5);
        }
      }
    }
  };
  const ended = Promise.all(Array.from({ length: callers }, (_, caller) => call(caller)));
  return {
    places,
    ended,
    acknowledged: async (count: number): Promise<void> => {
      const endMs = performance.now() + boundMs;
      while (places.size < count && performance.now() < endMs) await sleep(2);
      assert.ok(places.size >= count, `${places.size} of ${count} entries were acknowledged`);
    },
    end: async (): Promise<void> => {
      state.isOver = true;
      await ended;
    },
  };
}

/** One valid chain, no key twice, and each acknowledged entry where and what it was said to be. */
async function requireAcknowledged(
  store: PostgresLedgerStore,
  acknowledged: ReadonlyMap<string, RecordedPlace | undefined>,
): Promise<void> {
  const verification = openVerification({ trustedKeyId: signer.keyId });
  const found = new Map<string, RecordedPlace>();
  for await (const entry of store.read({ fromIndex: 0, stream: null }, signal())) {
    verification.add(entry.leaf);
    const { idempotencyKey } = readLeaf(entry.leaf).statement;
    assert.ok(!found.has(idempotencyKey), `${idempotencyKey} was recorded twice`);
    found.set(idempotencyKey, { index: entry.index, leafHash: entry.leafHash });
  }
  assert.equal(verification.finish().firstProblem, null);
  for (const [key, place] of acknowledged) assert.deepEqual(found.get(key), place, key);
}

function batchOf(idempotencyKey: string) {
  const type = 'gate-result' as const;
  const entries = [{ type, subjects: [], idempotencyKey, data: { of: idempotencyKey } }];
  return { stream: `service/${idempotencyKey.length}`, entries, blobs: [] };
}

function signal(): AbortSignal {
  return AbortSignal.timeout(boundMs);
}
