import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CounterReading } from './control-message.ts';
import { Ejections } from './ejections.ts';
import { SampleDeltas } from './sample-deltas.ts';

function reading(generation: number, instanceId: string, ejected: string): CounterReading {
  const [ejections = 0, readmissions = 0] = ejected.split('-').map(Number);
  const key = { service: 's', revisionId: 'r', instanceId, isMatched: false };
  return {
    generation,
    ...key,
    byStatusClass: [0, 0, 0, 0, 0, 0],
    latency: [],
    ejections,
    readmissions,
  };
}

function hello(epoch: string, counters: readonly CounterReading[]) {
  return { type: 'hello', epoch, version: 1, counters } as const;
}

test('an instance is ejected while it was ejected more often than let in again', () => {
  const book = new Ejections();
  const ids = (): string => [...book.instanceIds].join(' ');
  book.hello(hello('e1', [reading(1, 'a', '1-0'), reading(2, 'b', '2-2')]));
  assert.equal(ids(), 'a');
  book.take([reading(3, 'b', '1-0')]);
  assert.equal(ids(), 'a b');
  book.take([reading(1, 'a', '1-1')]);
  assert.equal(ids(), 'b');
  book.hello(hello('e1', [reading(4, 'c', '1-0')]));
  assert.equal(ids(), 'b c');
  book.hello(hello('e2', []));
  assert.equal(ids(), '');
});

test('a sample has the ejections since the one before, also where no request ended', () => {
  const deltas = new SampleDeltas();
  deltas.hello(hello('e1', [reading(1, 'a', '1-0')]));
  const told = (ejected: string) => {
    const counters = [reading(1, 'a', ejected)];
    const [sample] = deltas.samples({ type: 'samples', atMs: 1, counters });
    const [count] = sample?.counts ?? [];
    return [count?.ejections, count?.readmissions];
  };
  assert.deepEqual(told('1-0'), [undefined, undefined]);
  assert.deepEqual(told('2-1'), [1, 1]);
  assert.deepEqual(told('2-2'), [0, 1]);
});
