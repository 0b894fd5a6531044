import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { JsonValue } from '../../domain/evidence/canonical-json.ts';
import { PersonDirectory } from '../../domain/evidence/approval/person-directory.ts';
import { sha256Hex } from '../../domain/evidence/digest.ts';
import { EvidenceCheck } from '../../domain/evidence/evidence-check.ts';
import { releaseFacts } from '../../domain/evidence/release-facts.ts';
import type { ReleaseEvent } from '../../domain/release/event.ts';
import { packEvents, packState, unpackEvents, unpackState } from '../recording/journal.ts';
import { type Ledger, listed, readerOf, recorded } from './recorded-ledger.fixture.ts';
import type { RecordedEntry } from '../recording/recorder.ts';
import { digestOf, eventsInput, stateInput } from '../recording/recovery.ts';
import { replayRollout, serviceOfRollout } from './replay.ts';

test('the rollouts of a loop come out again, byte for byte, also after a restart in the middle', async () => {
  const { entries, blobs } = await recorded();
  let decisionCount = 0;
  for (const id of ['web-1', 'web-2', 'web-3']) {
    const replay = await replayRollout(id, listed(entries), readerOf(blobs));
    assert.ok(replay);
    assert.equal(replay.firstDifference, null, JSON.stringify(replay));
    assert.equal(replay.sameCount, replay.decisionCount);
    assert.deepEqual(replay.versions, ['0.1.0']);
    decisionCount += replay.decisionCount;
    if (id !== 'web-1') assert.ok(replay.eventCount > 5, `${id}: ${replay.eventCount} events`);
  }
  assert.equal(decisionCount, entries.length, 'every entry is of one of them');
  assert.equal(await replayRollout('web-4', listed(entries), readerOf(blobs)), null);
});

interface Plant {
  readonly what: string;
  readonly change: (ledger: Ledger, index: number) => void;
  readonly says: RegExp;
}

const plants: readonly Plant[] = [
  {
    what: 'a changed sentence',
    change: ({ entries }, index) => setData(entries, index, 'sentence', 'all was well'),
    says: /^the record differs in sentence$/,
  },
  {
    what: 'a changed verdict',
    change: ({ entries }, index) => setData(entries, index, 'verdict', null),
    says: /^the record differs in verdict$/,
  },
  {
    what: 'a sample without its failures, under a digest of its own',
    change: (ledger, index) => {
      const events = unpackEvents(bytesOf(ledger, index, eventsInput));
      setInput(ledger, index, eventsInput, packEvents(events.map(withoutFailures)));
    },
    says: /^the record differs$/,
  },
  {
    what: 'events cut off before the last',
    change: (ledger, index) => {
      const events = unpackEvents(bytesOf(ledger, index, eventsInput));
      setInput(ledger, index, eventsInput, packEvents(events.slice(0, -1)));
    },
    says: /^the record differs$/,
  },
  {
    what: 'an event after the one that decided',
    change: (ledger, index) => {
      const events = unpackEvents(bytesOf(ledger, index, eventsInput));
      setInput(ledger, index, eventsInput, packEvents([...events, ...events.slice(-1)]));
    },
    says: /^an event before the last one led to a record$/,
  },
  {
    what: 'other bytes under the same digest',
    change: ({ entries, blobs }, index) =>
      void blobs.set(digestAt(entries, index, eventsInput), packEvents([])),
    says: /^the blob of its events was changed: SHA-256 [0-9a-f]{64} instead of [0-9a-f]{64}$/,
  },
  {
    what: 'a lost blob',
    change: ({ entries, blobs }, index) => void blobs.delete(digestAt(entries, index, eventsInput)),
    says: /^the blob of its events, [0-9a-f]{64}, is not in the ledger$/,
  },
  {
    what: 'a changed state',
    change: (ledger, index) => {
      const state = unpackState(bytesOf(ledger, index, stateInput));
      setInput(ledger, index, stateInput, packState({ ...state, rolloutCount: 9 }));
    },
    says: /^the state after it differs in rolloutCount$/,
  },
];

for (const { what, change, says } of plants) {
  test(`${what} is found, and colours no other decision`, async () => {
    const ledger = await recorded();
    const index = ledger.entries.findIndex(({ data }) => fieldOf(data, 'decision') === 'roll-back');
    const entry = ledger.entries[index];
    assert.ok(entry);
    change(ledger, index);
    const replay = await replayRollout('web-3', listed(ledger.entries), readerOf(ledger.blobs));
    assert.match(replay?.firstDifference?.what ?? '', says);
    assert.equal(replay?.firstDifference?.entryIndex, entry.index);
    assert.ok(replay.decisionCount - replay.sameCount <= 2, JSON.stringify(replay));
    // The rollout before has nothing to do with it.
    const before = await replayRollout('web-2', listed(ledger.entries), readerOf(ledger.blobs));
    assert.equal(before?.firstDifference, null);
  });
}

test('an entry of a program that did not say what has to follow is decided again as it was', async () => {
  const { entries, blobs } = await recorded();
  const earlier = entries.map((entry) => {
    const { evidence: _, ...data } = entry.data as Readonly<Record<string, JsonValue>>;
    return { ...entry, data };
  });
  const begun = entries.filter(({ type }) => type === 'release-plan');
  assert.ok(begun.every(({ data }) => data !== null && Object.hasOwn(data as object, 'evidence')));
  for (const all of [entries, earlier]) {
    const replay = await replayRollout('web-2', listed(all), readerOf(blobs));
    assert.deepEqual([replay?.firstDifference, replay?.sameCount], [null, replay?.decisionCount]);
  }
});

test('what the ledger of a loop owes is all there, and a decision left out is missed', async () => {
  const { entries } = await recorded();
  const factsOf = ({ type, data }: RecordedEntry) => releaseFacts({ type, data });
  const report = (left: readonly RecordedEntry[]) => {
    const check = new EvidenceCheck(new PersonDirectory());
    for (const entry of left) {
      const facts = factsOf(entry);
      if (facts !== null) check.add(entry.index, facts);
    }
    return check.report();
  };
  const { planned, ended, findings } = report(entries);
  assert.deepEqual([planned, ended, findings], [3, 3, []]);
  const outcome = (entry: RecordedEntry) =>
    ['promoted', 'rolled-back'].includes(factsOf(entry)?.decision ?? '');
  const first = entries.find(outcome);
  assert.match(
    report(entries.filter((each) => each !== first)).findings[0]?.what ?? '',
    /no outcome/,
  );
  const inForce = entries.find((each) => factsOf(each)?.decision === 'bake');
  const lacking = report(entries.filter((each) => each !== inForce));
  assert.ok(inForce === undefined || lacking.findingCount > 0);
});

test('a rollout that two versions decided names both', async () => {
  const { entries, blobs } = await recorded();
  entries[0] = { ...entryAt(entries, 0), version: '0.0.9' };
  const replay = await replayRollout('web-1', listed(entries), readerOf(blobs));
  assert.deepEqual(replay?.versions, ['0.0.9', '0.1.0']);
});

test('the service of a rollout is its id without the number', () => {
  assert.equal(serviceOfRollout('web-3'), 'web');
  assert.equal(serviceOfRollout('web-2-13'), 'web-2');
  assert.equal(serviceOfRollout('web'), 'web');
});

function entryAt(entries: readonly RecordedEntry[], index: number): RecordedEntry {
  const entry = entries[index];
  assert.ok(entry);
  return entry;
}

function digestAt(entries: readonly RecordedEntry[], index: number, name: string): string {
  const digest = digestOf(entryAt(entries, index), name);
  assert.ok(digest);
  return digest;
}

function bytesOf({ entries, blobs }: Ledger, index: number, name: string): Uint8Array {
  const bytes = blobs.get(digestAt(entries, index, name));
  assert.ok(bytes);
  return bytes;
}

/** As who can sign anew could do it. */
function setInput(
  { entries, blobs }: Ledger,
  index: number,
  name: string,
  bytes: Uint8Array,
): void {
  const sha256 = sha256Hex(bytes);
  blobs.set(sha256, bytes);
  const entry = entryAt(entries, index);
  const inputs = entry.inputs.map((each) => (each.name === name ? { name, sha256 } : each));
  entries[index] = { ...entry, inputs };
}

function setData(entries: RecordedEntry[], index: number, name: string, value: JsonValue): void {
  const entry = entryAt(entries, index);
  assert.notDeepEqual(fieldOf(entry.data, name), value);
  entries[index] = { ...entry, data: { ...Object(entry.data), [name]: value } };
}

function fieldOf(data: JsonValue, name: string): unknown {
  return (Object(data) as Readonly<Record<string, unknown>>)[name];
}

function withoutFailures(event: ReleaseEvent): ReleaseEvent {
  if (event.kind !== 'sample') return event;
  const counts = event.sample.counts.map((each) => {
    const requests = each.byStatusClass.reduce((sum, count) => sum + count, 0);
    return { ...each, byStatusClass: [0, requests, 0, 0, 0, 0] };
  });
  return { ...event, sample: { ...event.sample, counts } };
}
