import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CounterReading } from '../../../adapters/gateway/control-message.ts';
import { Counters } from '../counters.ts';
import { MergedCounts } from './merged-counts.ts';
import type { CountedMessage } from './worker-message.ts';

/** What a worker tells: `total` requests of r1 since it began, all answered 2xx within bucket 3. */
function counted(total: number, version = 1, change: Partial<CounterReading> = {}): CountedMessage {
  const reading = {
    generation: 1,
    service: 's',
    revisionId: 'r1',
    instanceId: 'i',
    isMatched: false,
    byStatusClass: [0, total, 0, 0, 0, 0],
    latency: [[3, total]] as const,
    ...change,
  };
  return { type: 'counted', version, counters: [reading], underWay: [] };
}

function open() {
  const counters = new Counters();
  const merged = new MergedCounts(counters);
  const total = () => {
    const all = [...counters.all()];
    const sum = all.reduce((requests, { ended }) => requests + ended, 0);
    assert.equal(
      sum,
      all.reduce((requests, { latency }) => requests + (latency[3] ?? 0), 0),
    );
    return sum;
  };
  return { counters, merged, total };
}

test('totals of several workers are summed, each request once', () => {
  const { merged, total, counters } = open();
  const [one, other] = [{}, {}];
  merged.take(one, counted(5), 1);
  merged.take(other, counted(2), 1);
  merged.take(one, counted(9), 1);
  merged.take(one, counted(9), 1);
  assert.equal(total(), 11);
  assert.equal([...counters.all()].length, 1);
});

test('a worker that takes the place of another begins at 0, and what the other told stays', () => {
  const { merged, total } = open();
  merged.take({}, counted(5), 1);
  merged.take({}, counted(3), 1);
  assert.equal(total(), 8);
});

test('strata and what is set aside are counted apart', () => {
  const { merged, counters } = open();
  const worker = {};
  merged.take(worker, counted(1, 1, { generation: 1, stratum: 'reads' }), 1);
  merged.take(worker, counted(2, 1, { generation: 2, setAside: 'retry' }), 1);
  merged.take(worker, counted(4, 1, { generation: 3, isMatched: true }), 1);
  merged.take(worker, counted(8, 1, { generation: 4, setAside: 'mirror' }), 1);
  const ended = [...counters.all()].map((each) => [each.stratum, each.setAside, each.ended]);
  assert.deepEqual(ended, [
    ['reads', null, 1],
    [null, 'retry', 2],
    [null, null, 4],
    [null, 'mirror', 8],
  ]);
});

test('what was counted under a table that is not in force everywhere waits for it', () => {
  const { merged, total } = open();
  const [quick, slow] = [{}, {}];
  merged.take(quick, counted(1, 1), 1);
  merged.take(quick, counted(10, 2), 1);
  merged.take(slow, counted(3, 1), 1);
  assert.equal(total(), 4);
  merged.take(quick, counted(20, 3), 1);
  merged.release(2);
  assert.equal(total(), 13);
  merged.release(3);
  assert.equal(total(), 23);
});

test('what a worker had ejected is ejected no more when it has ended, what another has still is', () => {
  const { counters, merged } = open();
  const [one, other] = [{}, {}];
  const ejected = (): number =>
    [...counters.all()].reduce((sum, each) => sum + each.ejections - each.readmissions, 0);
  merged.take(one, counted(1, 1, { ejections: 2, readmissions: 1 }), 1);
  merged.take(other, counted(1, 1, { ejections: 1, readmissions: 0 }), 1);
  assert.equal(ejected(), 2);
  merged.ended(one);
  assert.equal(ejected(), 1);
  merged.ended(one);
  assert.equal(ejected(), 1);
  merged.take(other, counted(1, 1, { ejections: 1, readmissions: 1 }), 1);
  assert.equal(ejected(), 0);
});
