import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MemoryLedgerStore } from '../../adapters/memory/memory-ledger-store.ts';
import { createMemorySigner } from '../../adapters/memory/memory-signer.ts';
import type { CloudEvent } from '../../domain/evidence/cd-events.ts';
import type { EventSink, PostOutcome } from '../../ports/event-sink.ts';
import { LedgerError } from '../../ports/ledger-store.ts';
import { CdEventSender, type CdEventSenderParts, waitMs } from './cd-event-sender.ts';
import { HandClock } from '../loop/hand-clock.fixture.ts';
import { openRecorder, type Recorder } from '../recording/recorder.ts';

const { signal } = new AbortController();
const failed = { kind: 'failed', what: 'status 503', retryAfterMs: null } as const;
const unwanted = { kind: 'unwanted', what: 'status 400' } as const;

test('all events are posted in the order of the ledger, each once, and those that come later too', async () => {
  const world = await openWorld();
  await world.record(...Array.from({ length: 100 }, (_, number) => promoted(number)));
  const sending = world.start();
  await world.clock.pass(1_000);
  assert.deepEqual(world.taken(), idsOf(1, 100));
  await world.record({ ...promoted(100), decision: 'progress' }, promoted(101));
  await world.clock.pass(1_000);
  assert.deepEqual(world.taken().slice(200), idsOf(102, 1));
  const { status } = world.sender();
  assert.deepEqual(
    [status.taken, status.behindEntries, status.nextIndex, status.problem],
    [202, 0, 103, null],
  );
  await sending.stop();
});

test('a sink that fails gets the same event until it takes it, nothing overtakes, and the ledger grows meanwhile', async () => {
  const world = await openWorld();
  await world.record(promoted(0), promoted(1));
  world.answers.push({ kind: 'taken' }, failed, failed, failed);
  const sending = world.start();
  await world.clock.pass(100);
  await world.record(promoted(2));
  const held = world.sender().status;
  assert.match(held.problem ?? '', /cannot send CDEvents to a sink: status 503/);
  assert.deepEqual([held.taken, held.behindEntries], [1, 3]);
  await world.clock.pass(120_000);
  assert.deepEqual(world.taken(), idsOf(1, 3));
  assert.equal(world.posted.filter((id) => id === '1.service.published').length, 4);
  const { status } = world.sender();
  assert.deepEqual([status.failedTries, status.problem, status.behindEntries], [3, null, 0]);
  assert.equal(world.said.filter((line) => line.includes('cannot send')).length, 1);
  await sending.stop();
});

test('an event that is not wanted is skipped aloud, counted, and keeps none of the others away', async () => {
  const world = await openWorld();
  await world.record(promoted(0), promoted(1));
  world.answers.push(unwanted);
  const sending = world.start();
  await world.clock.pass(1_000);
  assert.deepEqual(world.taken(), idsOf(1, 2).slice(1));
  assert.deepEqual([world.sender().status.unwanted, world.sender().status.taken], [1, 3]);
  assert.match(world.said.join('\n'), /does not want the CDEvent 1\.service\.upgraded .*skipped/);
  await sending.stop();
});

test('a stop in the middle of a try, and another sender goes on at that event', async () => {
  const world = await openWorld();
  await world.record(promoted(0), promoted(1));
  world.answers.push({ kind: 'taken' }, { kind: 'taken' });
  world.answers.push(...Array.from({ length: 9 }, () => failed));
  const first = world.start();
  await world.clock.pass(3_000);
  await first.stop();
  world.answers.length = 0;
  const second = world.start();
  await world.clock.pass(1_000);
  assert.deepEqual(world.taken(), idsOf(1, 2));
  await second.stop();
  const third = world.start();
  await world.clock.pass(1_000);
  assert.deepEqual(world.taken(), idsOf(1, 2));
  assert.equal(world.sender().status.behindEntries, 0);
  await third.stop();
});

test('a cursor that could not be kept costs events that come twice, and no event', async () => {
  const world = await openWorld();
  await world.record(promoted(0), promoted(1));
  world.trouble.saving = new LedgerError('io', 'the disk is gone', { retryable: true });
  const first = world.start();
  await world.clock.pass(1_000);
  await first.stop();
  assert.match(world.said.join('\n'), /cannot keep how far CDEvents were sent: the disk is gone/);
  world.trouble.saving = null;
  const second = world.start();
  await world.clock.pass(1_000);
  await second.stop();
  assert.deepEqual(world.taken(), [...idsOf(1, 2), ...idsOf(1, 2)]);
});

test('another sink gets all events, and so does one whose ledger is not the one that was sent', async () => {
  const world = await openWorld();
  await world.record(promoted(0));
  const first = world.start();
  await world.clock.pass(1_000);
  await first.stop();
  const other = world.start({ sinkId: 'other' });
  await world.clock.pass(1_000);
  await other.stop();
  assert.deepEqual(world.taken(), [...idsOf(1, 1), ...idsOf(1, 1)]);

  // The same beginning, put back to before the entry that was sent, and gone on in another way.
  const restored = await openWorld();
  await restored.record({ ...promoted(0), decision: 'progress' });
  const cursor = await world.store.snapshot('cd-events', signal);
  assert.ok(cursor !== null);
  await restored.store.saveSnapshot('cd-events', cursor, signal);
  await restored.record(promoted(1));
  const sending = restored.start({ sinkId: 'other' });
  await restored.clock.pass(1_000);
  assert.deepEqual(restored.taken(), idsOf(2, 1));
  assert.match(restored.said.join('\n'), /not the one that CDEvents were sent of/);
  await sending.stop();
});

test('a ledger that can’t be read for a while is waited for, and a defect ends the sending alone', async () => {
  const world = await openWorld();
  await world.record(promoted(0));
  world.trouble.reading = new LedgerError('io', 'the database is away', { retryable: true });
  const sending = world.start();
  await world.clock.pass(1_000);
  assert.match(world.sender().status.problem ?? '', /the database is away/);
  world.trouble.reading = null;
  await world.clock.pass(120_000);
  assert.deepEqual(world.taken(), idsOf(1, 1));
  assert.equal(world.sender().status.problem, null);
  world.trouble.reading = new TypeError('a bug');
  await world.record(promoted(1));
  await world.clock.pass(120_000);
  assert.match(world.sender().status.problem ?? '', /ended for a defect: a bug/);
  assert.equal(world.clock.sleeping, 0);
  await sending.stop();
});

const waits: readonly (readonly [
  name: string,
  of: Parameters<typeof waitMs>[0],
  chance: number,
  wantMs: number,
])[] = [
  ['the first, at the least', { failures: 0, retryAfterMs: null }, 0, 250],
  ['the first, in the middle', { failures: 0, retryAfterMs: null }, 0.5, 375],
  ['the third', { failures: 2, retryAfterMs: null }, 0.5, 1_500],
  ['the limit', { failures: 7, retryAfterMs: null }, 0.5, 45_000],
  ['far beyond the limit', { failures: 2_000, retryAfterMs: null }, 0.5, 45_000],
  ['as long as it is asked to', { failures: 0, retryAfterMs: 30_000 }, 0, 30_250],
  ['no longer than that', { failures: 0, retryAfterMs: 1e9 }, 0, 900_250],
];
for (const [name, of, chance, wantMs] of waits) {
  test(`a wait of ${name} is ${wantMs} ms`, () => assert.equal(waitMs(of, chance), wantMs));
}

/** Of entries with a promotion each: two events. */
function idsOf(fromIndex: number, count: number): readonly string[] {
  return Array.from({ length: count }, (_, number) => fromIndex + number).flatMap((index) => [
    `${index}.service.upgraded`,
    `${index}.service.published`,
  ]);
}

function promoted(number: number) {
  return { decision: 'promoted', number };
}

interface World {
  readonly store: MemoryLedgerStore;
  readonly clock: HandClock;
  /** Taken one a post, then `taken` for ever. */
  readonly answers: PostOutcome[];
  readonly posted: string[];
  readonly said: string[];
  readonly trouble: { reading: Error | null; saving: Error | null };
  taken(): readonly string[];
  record(...of: readonly { readonly decision: string; readonly number: number }[]): Promise<void>;
  sender(): CdEventSender;
  start(change?: Partial<CdEventSenderParts>): { stop(): Promise<void> };
}

async function openWorld(): Promise<World> {
  const store = new MemoryLedgerStore();
  const clock = new HandClock();
  const signer = createMemorySigner(Buffer.alloc(32, 1));
  const recorder = await openRecorder({ store, signer, clock, version: '0.1.0' }, signal);
  const [answers, posted, taken, said]: [PostOutcome[], string[], string[], string[]] = [
    [],
    [],
    [],
    [],
  ];
  const trouble: World['trouble'] = { reading: null, saving: null };
  const sink: EventSink = {
    shown: 'a sink',
    post: async ({ id }: CloudEvent) => {
      posted.push(id);
      const answer = answers.shift() ?? { kind: 'taken' };
      if (answer.kind === 'taken') taken.push(id);
      return answer;
    },
  };
  let current: CdEventSender | null = null;
  return {
    store,
    clock,
    answers,
    posted,
    said,
    trouble,
    taken: () => taken,
    record: (...all) => recordAll(recorder, all),
    sender: () => current ?? assert.fail('none was started'),
    start: (change = {}) => {
      const sender = new CdEventSender({
        ledger: troubled(store, trouble),
        size: () => recorder.size,
        sink,
        sinkId: 'sink',
        environment: 'local',
        timeText: (atMs) => new Date(atMs).toISOString(),
        clock,
        random: () => 0.5,
        log: (_, message) => void said.push(message),
        ...change,
      });
      current = sender;
      const stopping = new AbortController();
      const running = sender.run(stopping.signal);
      return {
        stop: async () => {
          stopping.abort(new Error('stopped'));
          await running;
        },
      };
    },
  };
}

async function recordAll(
  recorder: Recorder,
  all: readonly { readonly decision: string; readonly number: number }[],
): Promise<void> {
  for (const { decision, number } of all) {
    const data = {
      service: 'pay',
      rolloutId: `pay-${number}`,
      decision,
      fromRevisionId: 'pay-1111111111',
      toRevisionId: 'pay-2222222222',
      sentence: 'said so',
    };
    const idempotencyKey = `pay/${number}`;
    const subjects = [{ name: 'pay', sha256: '0'.repeat(64) }];
    const entry = { type: 'decision', subjects, idempotencyKey, data } as const;
    await recorder.record({ stream: 'service/pay', entries: [entry], blobs: [] }, signal);
  }
}

function troubled(store: MemoryLedgerStore, trouble: World['trouble']) {
  const ledger: CdEventSenderParts['ledger'] = {
    read: (query, until) => {
      if (trouble.reading !== null) throw trouble.reading;
      return store.read(query, until);
    },
    snapshot: (name, until) => store.snapshot(name, until),
    saveSnapshot: async (name, bytes, until) => {
      if (trouble.saving !== null) throw trouble.saving;
      await store.saveSnapshot(name, bytes, until);
    },
  };
  return ledger;
}
