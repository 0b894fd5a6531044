import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MemoryLedgerStore } from '../../adapters/memory/memory-ledger-store.ts';
import { createMemorySigner } from '../../adapters/memory/memory-signer.ts';
import type { ReleaseEvent } from '../../domain/release/event.ts';
import {
  ana,
  awaitedKey,
  firstRollout,
  instancesOf,
  revisionOf,
  sampleOf,
  specOf,
} from '../../domain/release/release.fixture.ts';
import type { Decision } from '../../domain/release/service-state.ts';
import { entryBatch } from './entry-batch.ts';
import { HandClock } from '../loop/hand-clock.fixture.ts';
import { openRecorder, type Recorder } from './recorder.ts';
import { recoverServices, streamOfService } from './recovery.ts';
import { ServiceLane } from '../loop/service-lane.ts';

const { signal } = new AbortController();

test('an empty ledger has no services', async () => {
  const { recovered } = await world();
  assert.deepEqual(await recovered(), new Map());
});

test('after each record the service is recovered as it was', async () => {
  const { lane, take, recovered } = await world();
  let records = 0;
  let progress = 0;
  for (const event of story(lane)) {
    const { record } = await take(event);
    if (record === null) continue;
    records += 1;
    if (record.decision === 'progress') progress += 1;
    const found = (await recovered()).get('web');
    assert.deepEqual(found?.state, lane.state, record.sentence);
    assert.equal(found?.lastAtMs, record.atMs);
  }
  // Both ways of recovering were taken: a state, and events after it.
  assert.ok(records > 8 && progress >= 3, `${records} records, ${progress} of progress`);
});

test('what was observed after the last record is gone, and nothing else', async () => {
  const { lane, take, recovered } = await world();
  let last = lane.state;
  for (const event of story(lane)) {
    const { record } = await take(event);
    if (record !== null) last = lane.state;
  }
  await take(sampleEvent(lane.lastAtMs + 10));
  assert.notDeepEqual(lane.state, last);
  assert.deepEqual((await recovered()).get('web')?.state, last);
});

test('each service is recovered by itself, and other streams are none', async () => {
  const { recorder, lane, take, recovered } = await world();
  for (const event of firstRollout()) await take(event);
  const other = new ServiceLane('shop');
  const spec = specOf(1, { name: 'shop' });
  const decision = other.take({ kind: 'apply', spec, by: ana }, 5_000);
  await keep(recorder, other, decision);
  const found = await recovered();
  assert.deepEqual([...found.keys()].toSorted(), ['shop', 'web']);
  assert.deepEqual(found.get('web')?.state, lane.state);
  assert.deepEqual(found.get('shop')?.state, other.state);
});

test('a missing blob is an error and no other state', async () => {
  const { recorder, take } = await world();
  for (const event of firstRollout()) await take(event);
  const gone = async () => Promise.reject(new Error('the blob is missing'));
  await assert.rejects(recoverServices(recorder.replay(null, signal), gone), /blob is missing/);
});

test('the count of records is that of the ledger, whatever a changed decider replays', async () => {
  const { recorder, take, recovered } = await world();
  for (const event of firstRollout()) await take(event);
  const entry = { type: 'gate-result', subjects: [], idempotencyKey: 'extra', data: {} } as const;
  const stream = streamOfService('web');
  await recorder.record({ stream, entries: [entry], blobs: [] }, signal);
  assert.equal((await recovered()).get('web')?.state.recordCount, 4);
});

test('no record after a recovery takes the name of an earlier one', async () => {
  const { recorder, lane, take, recovered } = await world();
  for (const event of firstRollout()) await take(event);
  const found = (await recovered()).get('web');
  assert.ok(found);
  const again = new ServiceLane('web', found);
  await keep(recorder, again, again.take({ kind: 'recovered' }, 9_000));
  const versions: number[] = [];
  for await (const entry of recorder.replay(streamOfService('web'), signal)) {
    versions.push(entry.streamVersion);
  }
  assert.deepEqual(versions, [1, 2, 3, 4]);
  assert.equal(again.state.recordCount, lane.state.recordCount + 1);
});

async function world() {
  const store = new MemoryLedgerStore();
  const signer = createMemorySigner(Buffer.alloc(32, 1));
  const clock = new HandClock(500);
  const recorder = await openRecorder({ store, signer, clock, version: '0.1.0' }, signal);
  const lane = new ServiceLane('web');
  const take = async (event: ReleaseEvent): Promise<Decision> => {
    clock.set(event.atMs);
    const decision = lane.take(event, event.atMs);
    await keep(recorder, lane, decision);
    return decision;
  };
  const recovered = () =>
    recoverServices(recorder.replay(null, signal), async (sha256) => {
      const bytes = await store.blob(sha256, signal);
      assert.ok(bytes);
      return bytes;
    });
  return { recorder, lane, take, recovered };
}

async function keep(recorder: Recorder, lane: ServiceLane, decision: Decision): Promise<void> {
  const { record, state } = decision;
  if (record === null) return;
  await recorder.record(entryBatch({ record, events: lane.drainEvents(), state }), signal);
}

/** A canary up to its second step, with progress entries and views of the instances between. */
function* story(lane: ServiceLane): Iterable<ReleaseEvent> {
  yield* firstRollout();
  yield { kind: 'instances', atMs: 3_500, revisions: [instancesOf(1, 1, 1)] };
  yield { kind: 'instances', atMs: 3_600, revisions: [instancesOf(1)] };
  yield { kind: 'apply', atMs: 4_000, spec: specOf(2), by: ana };
  yield { kind: 'instances', atMs: 5_000, revisions: [instancesOf(1), instancesOf(2)] };
  yield { kind: 'effect-done', atMs: 6_000, key: awaitedKey(lane.state) ?? '' };
  yield { kind: 'operate', atMs: 6_100, action: { kind: 'pause' }, by: ana };
  for (let n = 1; n <= 120; n++) yield sampleEvent(6_100 + n * 100);
  yield { kind: 'operate', atMs: 20_000, action: { kind: 'resume' }, by: ana };
  yield sampleEvent(20_100);
  yield { kind: 'effect-done', atMs: 20_200, key: awaitedKey(lane.state) ?? '' };
}

function sampleEvent(atMs: number): ReleaseEvent {
  const sample = sampleOf(atMs, [
    { revisionId: revisionOf(2).id, requests: 4, failures: 0 },
    { revisionId: revisionOf(1).id, requests: 36, failures: 1 },
  ]);
  return { kind: 'sample', atMs, sample };
}
