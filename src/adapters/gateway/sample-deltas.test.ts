import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CounterReading } from './control-message.ts';
import { SampleDeltas } from './sample-deltas.ts';

function reading(ok: number, change: Partial<CounterReading> = {}): CounterReading {
  return {
    generation: 1,
    service: 'checkout',
    revisionId: 'v1',
    instanceId: 'v1-0',
    isMatched: false,
    byStatusClass: [0, ok, 0, 0, 0, 0],
    latency: [[10, ok]],
    ...change,
  };
}

const hello = (epoch: string, ...counters: readonly CounterReading[]) => {
  return { type: 'hello', epoch, version: 1, counters } as const;
};
const samples = (atMs: number, ...counters: readonly CounterReading[]) => {
  return { type: 'samples', atMs, counters } as const;
};
const seen = (found: ReturnType<SampleDeltas['samples']>) => {
  return found.map(({ atMs, service, counts, isCatchUp }) => {
    return [atMs, service, counts[0]?.byStatusClass[1], counts[0]?.latency, isCatchUp];
  });
};

test('a new listener starts at what was reported before it, with a catch-up', () => {
  const deltas = new SampleDeltas();
  deltas.hello(hello('a', reading(10)));
  assert.deepEqual(seen(deltas.samples(samples(1, reading(13)))), [
    [1, 'checkout', 3, [[10, 3]], true],
  ]);
  assert.deepEqual(seen(deltas.samples(samples(2, reading(14)))), [
    [2, 'checkout', 1, [[10, 1]], false],
  ]);
});

test('a catch-up without news is no sample, and what follows is evidence', () => {
  const deltas = new SampleDeltas();
  deltas.hello(hello('a', reading(10)));
  assert.deepEqual(seen(deltas.samples(samples(1))), []);
  assert.deepEqual(seen(deltas.samples(samples(2, reading(11)))), [
    [2, 'checkout', 1, [[10, 1]], false],
  ]);
});

test('a listener that comes back to the same gateway goes on from its own baseline', () => {
  const deltas = new SampleDeltas();
  deltas.hello(hello('a'));
  deltas.samples(samples(1, reading(5)));
  // The gateway had sent 8, which was lost with the connection.
  deltas.hello(hello('a', reading(8)));
  assert.deepEqual(seen(deltas.samples(samples(2, reading(9)))), [
    [2, 'checkout', 4, [[10, 4]], true],
  ]);
});

test('counters of a restarted gateway start at 0', () => {
  const deltas = new SampleDeltas();
  deltas.hello(hello('a'));
  deltas.samples(samples(1, reading(5)));
  deltas.hello(hello('b'));
  assert.deepEqual(seen(deltas.samples(samples(2, reading(3)))), [
    [2, 'checkout', 3, [[10, 3]], true],
  ]);
});

test('a counter dropped and made again starts at 0 under its new generation', () => {
  const deltas = new SampleDeltas();
  deltas.hello(hello('a'));
  deltas.samples(samples(1, reading(5)));
  const again = deltas.samples(samples(2, reading(2, { generation: 2 })));
  assert.deepEqual(seen(again), [[2, 'checkout', 2, [[10, 2]], false]]);
});

test('time never goes back, and each service has a sample of its own', () => {
  const deltas = new SampleDeltas();
  deltas.hello(hello('a'));
  deltas.samples(samples(50, reading(1)));
  const back = deltas.samples(
    samples(20, reading(2), reading(1, { generation: 2, service: 'web' })),
  );
  assert.deepEqual(seen(back), [
    [50, 'checkout', 1, [[10, 1]], false],
    [50, 'web', 1, [[10, 1]], false],
  ]);
});

test('only changed buckets are read, the others keep their totals', () => {
  const deltas = new SampleDeltas();
  deltas.hello(hello('a'));
  deltas.samples(
    samples(
      1,
      reading(2, {
        latency: [
          [10, 1],
          [20, 1],
        ],
      }),
    ),
  );
  const next = deltas.samples(samples(2, reading(3, { latency: [[20, 2]] })));
  assert.deepEqual(seen(next), [[2, 'checkout', 1, [[20, 1]], false]]);
});

test('what was done beside serving callers is no count of requests', () => {
  const deltas = new SampleDeltas();
  deltas.hello(hello('a'));
  deltas.samples(samples(1));
  const copies = reading(7, { generation: 2, setAside: 'mirror', instanceId: 'v2-0' });
  const [both, none] = deltas.samples(samples(2, reading(3), copies));
  assert.equal(none, undefined);
  assert.deepEqual(
    both?.counts.map(({ byStatusClass }) => byStatusClass[1]),
    [3],
  );
  assert.deepEqual(both?.apart, [
    {
      kind: 'mirror',
      revisionId: 'v1',
      instanceId: 'v2-0',
      byStatusClass: [0, 7, 0, 0, 0, 0],
      latency: [[10, 7]],
    },
  ]);
  const [alone] = deltas.samples(samples(3, { ...copies, byStatusClass: [0, 9, 0, 0, 0, 0] }));
  assert.deepEqual(alone?.counts, []);
  assert.equal(alone?.apart?.[0]?.byStatusClass[1], 2);
});
