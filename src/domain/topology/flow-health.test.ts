import assert from 'node:assert/strict';
import { test } from 'node:test';

import { latencyBucket } from '../traffic/samples/latency-buckets.ts';
import {
  addFlows,
  type Flow,
  type FlowHealth,
  type FlowPromise,
  judgeFlow,
  judgeNode,
  latencyQuantileMs,
  type Standing,
} from './flow-health.ts';

const promise: FlowPromise = {
  errorRatioMax: 0.01,
  isDeclared: true,
  latencies: [{ quantile: 0.99, limitMs: 300 }],
};

function flow(requests: number, failures: number, ms: readonly number[] = []): Flow {
  return { requests, failures, latency: ms.map((each) => [latencyBucket(each * 1000), 1]) };
}

const rows: readonly (readonly [string, Flow, FlowHealth, RegExp | null])[] = [
  ['nothing flowed', flow(0, 0), 'quiet', null],
  ['all went well', flow(1000, 0), 'healthy', null],
  ['as many failed as may', flow(1000, 10), 'healthy', null],
  [
    'one more',
    flow(1000, 11),
    'degraded',
    /^1\.1 % of 1000 requests failed \(promised: at most 1 %/,
  ],
  ['two of two are chance', flow(2, 2), 'healthy', null],
  ['three of three are not', flow(3, 3), 'failing', /^100 % of 3/],
  ['just under a half', flow(1000, 499), 'degraded', /49\.9 %/],
  ['a half', flow(1000, 500), 'failing', /50 %/],
];

for (const [name, given, health, why] of rows) {
  test(`${name}: ${health}`, () => {
    const judged = judgeFlow(given, promise);
    assert.equal(judged.health, health);
    if (why === null) assert.equal(judged.why, null);
    else assert.match(judged.why ?? '', why);
  });
}

test('slower than promised is degraded, once there are enough requests to tell', () => {
  const slow = (count: number): Flow => ({
    requests: count,
    failures: 0,
    latency: [[latencyBucket(400_000), count]],
  });
  assert.equal(judgeFlow(slow(19), promise).health, 'healthy');
  const { health, why } = judgeFlow(slow(20), promise);
  assert.equal(health, 'degraded');
  assert.match(why ?? '', /^p99 is \d+ ms \(promised: at most 300 ms\)$/);
  assert.equal(judgeFlow(slow(20), { ...promise, latencies: [] }).health, 'healthy');
});

test('what is taken where no objective is declared is said', () => {
  const { why } = judgeFlow(flow(100, 5), { ...promise, isDeclared: false });
  assert.match(why ?? '', /no objective is declared; taken is: at most 1 %/);
});

const well: Standing = { ready: 2, total: 2, isAsleep: false, reason: null, trouble: null };
const nodes: readonly (readonly [string, Flow, Standing, FlowHealth, RegExp | null])[] = [
  ['all is well', flow(100, 0), well, 'healthy', null],
  ['nobody asks', flow(0, 0), well, 'quiet', null],
  ['one is not ready', flow(100, 0), { ...well, ready: 1 }, 'degraded', /^1 of 2 instances/],
  [
    'none is ready',
    flow(100, 0),
    { ...well, ready: 0, reason: 'exit 1' },
    'failing',
    /^none of 2 instances is ready: exit 1$/,
  ],
  ['there is none', flow(0, 0), { ...well, ready: 0, total: 0 }, 'failing', /no instance/],
  ['it sleeps', flow(0, 0), { ...well, ready: 0, total: 0, isAsleep: true }, 'quiet', null],
  ['its rollout was parked', flow(100, 0), { ...well, trouble: 'parked' }, 'degraded', /^parked$/],
  [
    'several things are wrong, and the worst is said first',
    flow(100, 60),
    { ...well, ready: 1, trouble: 'parked' },
    'failing',
    /^60 % of 100 requests failed .*; 1 of 2 instances are ready; parked$/,
  ],
];

for (const [name, given, standing, health, why] of nodes) {
  test(`a node: ${name}`, () => {
    const judged = judgeNode(given, promise, standing);
    assert.equal(judged.health, health);
    if (why === null) assert.equal(judged.why, null);
    else assert.match(judged.why ?? '', why);
  });
}

test('a node is never better than the worst of its edges where that carries all of its requests', () => {
  for (const [, given] of rows) {
    const edge = judgeFlow(given, promise).health;
    assert.equal(judgeNode(given, promise, well).health, edge);
  }
});

test('flows add up, and the quantile is that of all', () => {
  const sum = addFlows([flow(2, 1, [1, 2]), flow(2, 0, [1, 100])]);
  assert.equal(sum.requests, 4);
  assert.equal(sum.failures, 1);
  assert.equal(sum.latency.length, 3);
  assert.ok((latencyQuantileMs(sum, 0.99) ?? 0) > 90);
  assert.ok((latencyQuantileMs(sum, 0.5) ?? 100) <= 1);
  assert.equal(latencyQuantileMs({ latency: [] }, 0.5), null);
});
