import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  type Timeline,
  timelineKinds,
  timelineQuerySchema,
  timelineSchema,
} from '../../../api/timeline-wire.ts';
import type { TimelineEntry } from '../timeline-journal.ts';
import { timelineView } from './timeline-view.ts';

const nowMs = 10_000_000;

function entry(index: number, change: Partial<TimelineEntry> = {}): TimelineEntry {
  return {
    index,
    atMs: nowMs - 1_000_000 + index * 1_000,
    kind: 'step',
    service: 'web',
    rolloutId: 'web-1',
    who: null,
    severity: 'info',
    sentence: `entry ${index}`,
    ...change,
  };
}

function view(
  entries: readonly TimelineEntry[],
  query: Record<string, string> = {},
  sees: (service: string | null) => boolean = () => true,
): Timeline {
  const parts = { nowMs, sees, isWhole: true };
  return timelineSchema.parse(timelineView(entries, timelineQuerySchema.parse(query), parts));
}

test('entries far from each other are marks of their own, in the words of the ledger', () => {
  const { marks, entryCount } = view([entry(0), entry(500), entry(900, { kind: 'fault' })]);
  assert.equal(entryCount, 3);
  assert.deepEqual(
    marks.map(({ kind, sentence, entryCount: count }) => [kind, sentence, count]),
    [
      ['step', 'entry 0', 1],
      ['step', 'entry 500', 1],
      ['fault', 'entry 900', 1],
    ],
  );
});

test('however many entries there are, the marks stay few, and no entry is lost', () => {
  const many = Array.from({ length: 20_000 }, (_, index) => {
    const kind = timelineKinds[index % timelineKinds.length] ?? 'step';
    return entry(index, { atMs: nowMs - 3_600_000 + index * 180, kind });
  });
  for (const marks of ['10', '100', '500']) {
    const seen = view(many, { marks });
    assert.ok(seen.marks.length <= Number(marks), `${seen.marks.length} marks`);
    assert.equal(
      seen.marks.reduce((sum, each) => sum + each.entryCount, 0),
      20_000,
    );
  }
});

test('of several entries in a mark the last warning is told, else the last entry', () => {
  const close = [1, 2, 3].map((index) => entry(index, { atMs: nowMs - 1_000 + index }));
  const [mark] = view(close).marks;
  assert.deepEqual([mark?.entryCount, mark?.sentence, mark?.severity], [3, 'entry 3', 'info']);
  const [warned] = view(close.with(1, entry(2, { atMs: nowMs - 998, severity: 'warning' }))).marks;
  assert.deepEqual([warned?.sentence, warned?.severity], ['entry 2', 'warning']);
});

test('range, services and kinds narrow it, and the kinds that were left out are still counted', () => {
  const entries = [
    entry(0),
    entry(500, { service: 'pay', kind: 'fault' }),
    entry(900, { service: null, kind: 'config' }),
  ];
  const at = (ms: number): string => new Date(ms).toISOString();
  const first = entries[0]?.atMs ?? 0;
  assert.equal(view(entries, { until: at(first) }).entryCount, 1);
  assert.equal(view(entries, { until: at(first - 1) }).entryCount, 0);
  assert.equal(view(entries, { since: at(first + 1) }).entryCount, 2);
  assert.equal(view(entries, { services: 'pay,nobody' }).entryCount, 1);
  const faults = view(entries, { kinds: 'fault' });
  assert.equal(faults.entryCount, 1);
  assert.deepEqual(faults.countByKind, { step: 1, fault: 1, config: 1 });
  assert.throws(() => timelineQuerySchema.parse({ kinds: 'parties' }), /kinds/);
  assert.throws(() => timelineQuerySchema.parse({ marks: '501' }), /marks/);
});

test('nobody sees what is not theirs', () => {
  const entries = [entry(0), entry(1, { service: 'pay' }), entry(2, { service: null })];
  assert.equal(view(entries, {}, (service) => service === 'pay').entryCount, 1);
});
