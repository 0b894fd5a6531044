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

test('each change is told once, with the instance and its service, and a new gateway has ejected nobody', () => {
  const book = new Ejections();
  const told = (changes: ReturnType<Ejections['take']>): string =>
    changes.map((each) => `${each.instanceId} ${each.isEjected ? 'out' : 'in'}`).join(', ');
  assert.equal(told(book.hello(hello('e1', [reading(1, 'a', '1-0')]))), 'a out');
  assert.equal(told(book.take([reading(1, 'a', '1-0')])), '');
  // By another class of its requests: it is out already.
  assert.equal(told(book.take([reading(2, 'a', '1-0'), reading(3, 'b', '1-0')])), 'b out');
  assert.equal(told(book.take([reading(1, 'a', '1-1')])), '');
  assert.equal(told(book.take([reading(2, 'a', '1-1')])), 'a in');
  assert.equal(told(book.take([reading(4, 'c', '0-0')])), '');
  assert.deepEqual(book.hello(hello('e2', [])), [
    { service: 's', instanceId: 'b', isEjected: false },
  ]);
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
