import assert from 'node:assert/strict';
import { test } from 'node:test';

import { addCounts, totalCount, type TrafficSample, weightedCount } from './traffic-sample.ts';

type Count = TrafficSample['counts'][number];

function count(options: Partial<Count>): Count {
  return {
    revisionId: 'a',
    isMatched: false,
    instanceId: 'a-1',
    byStatusClass: [0, 0, 0, 0, 0, 0],
    latency: [],
    ...options,
  };
}

const rows: readonly (readonly [
  name: string,
  counts: readonly Count[],
  weighted: readonly [number, number],
  total: readonly [number, number],
])[] = [
  ['no request is nothing', [], [0, 0], [0, 0]],
  ['4xx is the callers fault', [count({ byStatusClass: [1, 2, 3, 4, 0, 0] })], [10, 0], [10, 0]],
  [
    '5xx and no answer are failures',
    [count({ byStatusClass: [0, 1, 0, 0, 2, 3] })],
    [6, 5],
    [6, 5],
  ],
  [
    'instances are summed, also requests that found none',
    [
      count({ byStatusClass: [0, 7, 0, 0, 0, 0] }),
      count({ instanceId: '', byStatusClass: [0, 0, 0, 0, 0, 2] }),
    ],
    [9, 2],
    [9, 2],
  ],
  [
    'another revision is not counted',
    [count({ revisionId: 'b', byStatusClass: [0, 5] })],
    [0, 0],
    [0, 0],
  ],
  [
    'a header match counts in the total only',
    [
      count({ byStatusClass: [0, 4] }),
      count({ isMatched: true, byStatusClass: [0, 1, 0, 0, 1, 0] }),
    ],
    [4, 0],
    [6, 1],
  ],
  [
    'retries, and clients that have had their vote, count in the total only',
    [
      count({ byStatusClass: [0, 4], stratum: 'other' }),
      count({ byStatusClass: [0, 0, 0, 0, 3], setAside: 'retry' }),
      count({ byStatusClass: [0, 5, 0, 0, 1], setAside: 'same-client' }),
      count({ byStatusClass: [0, 7], setAside: 'too-many-clients' }),
    ],
    [4, 0],
    [20, 4],
  ],
];

for (const [name, counts, weighted, total] of rows) {
  test(name, () => {
    const sample: TrafficSample = { atMs: 1, service: 'web', counts, isCatchUp: false };
    const arm = ([requests, failures]: readonly [number, number]) => ({ requests, failures });
    assert.deepEqual(weightedCount(sample, 'a'), arm(weighted));
    assert.deepEqual(totalCount(sample, 'a'), arm(total));
  });
}

test('counts are added arm by arm', () => {
  const sum = addCounts({ requests: 5, failures: 1 }, { requests: 7, failures: 2 });
  assert.deepEqual(sum, { requests: 12, failures: 3 });
});
