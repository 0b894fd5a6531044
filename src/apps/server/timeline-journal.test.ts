import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { RecordedEntry } from '../../control/recording/recorder.ts';
import { TimelineJournal, timelineKind } from './timeline-journal.ts';

const signal = new AbortController().signal;

function recorded(index: number, change: Partial<RecordedEntry> = {}): RecordedEntry {
  return {
    index,
    leafHash: '',
    stream: 'service/web',
    streamVersion: index,
    type: 'decision',
    observedAtMs: index,
    version: '1',
    data: { service: 'web', decision: 'advance', sentence: `number ${index}`, rolloutId: 'web-1' },
    inputs: [],
    ...change,
  };
}

/** A ledger that tells where it was read from. */
class Ledger {
  readonly entries: RecordedEntry[] = [];
  readonly readFrom: number[] = [];

  get size(): number {
    return this.entries.length;
  }

  async *replayFrom(fromIndex: number): AsyncIterable<RecordedEntry> {
    this.readFrom.push(fromIndex);
    yield* this.entries.slice(fromIndex);
  }
}

test('only what came since is read again, and nothing is there twice', async () => {
  const ledger = new Ledger();
  const journal = new TimelineJournal(ledger);
  assert.deepEqual((await journal.entries(signal)).entries, []);
  ledger.entries.push(recorded(0), recorded(1));
  const [one, two] = await Promise.all([journal.entries(signal), journal.entries(signal)]);
  assert.deepEqual(
    one.entries.map(({ index }) => index),
    [0, 1],
  );
  assert.deepEqual(two.entries, one.entries);
  ledger.entries.push(recorded(2));
  assert.equal((await journal.entries(signal)).entries.at(-1)?.sentence, 'number 2');
  assert.deepEqual(ledger.readFrom, [0, 0, 2, 2]);
});

test('of a long ledger the newest entries are kept, and it is said that there are more', async () => {
  const ledger = new Ledger();
  ledger.entries.push(...Array.from({ length: 250 }, (_, index) => recorded(index)));
  const journal = new TimelineJournal(ledger, 100);
  const { entries, isWhole } = await journal.entries(signal);
  assert.deepEqual([entries.length, entries[0]?.index, isWhole], [100, 150, false]);
  ledger.entries.push(recorded(250));
  assert.deepEqual((await journal.entries(signal)).entries.map(({ index }) => index).at(0), 151);
});

const rows: readonly (readonly [RecordedEntry['type'], object, string])[] = [
  ['release-plan', { decision: 'start' }, 'deployment'],
  ['deploy-outcome', { decision: 'promoted' }, 'deployment'],
  ['decision', { decision: 'advance' }, 'step'],
  ['decision', { decision: 'scale' }, 'scaling'],
  ['decision', { decision: 'alert' }, 'alert'],
  ['gate-result', { decision: 'progress' }, 'verdict'],
  ['gate-result', { decision: 'roll-back' }, 'alert'],
  ['operator-action', { action: 'add-fault' }, 'fault'],
  ['operator-action', { decision: 'pause', rolloutId: 'web-1' }, 'step'],
  ['operator-action', { decision: 'create-token' }, 'config'],
  ['approval', { envelope: '{}' }, 'approval'],
  ['override', { decision: 'advance' }, 'approval'],
  ['load-test', {}, 'load-test'],
  ['instance-event', { decision: 'recover' }, 'instance'],
  ['key-event', { action: 'enrol' }, 'config'],
];

for (const [type, data, kind] of rows) {
  test(`${type} ${JSON.stringify(data)} is of the kind ${kind}`, () => {
    assert.equal(timelineKind({ type, data: { ...data } }), kind);
  });
}
