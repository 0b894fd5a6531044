import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RouteTable } from '../../domain/traffic/routing/route-table.ts';
import { totalCount } from '../../domain/traffic/samples/traffic-sample.ts';
import type { Clock } from '../../ports/clock.ts';
import { testMetricsSource } from '../../ports/metrics-source.contract.ts';
import { testTrafficRouter } from '../../ports/traffic-router.contract.ts';
import { RouterError } from '../../ports/traffic-router.ts';
import { testUnderWaySource } from '../../ports/under-way-source.contract.ts';
import { MemoryRouter } from './memory-router.ts';

const signal = AbortSignal.timeout(60_000);

/** Virtual time that passes only by sleeping. */
class SleepingClock implements Clock {
  #nowMs = 1000;

  nowMs(): number {
    return this.#nowMs;
  }

  sleep(durationMs: number): Promise<void> {
    this.#nowMs += durationMs;
    return Promise.resolve();
  }
}

const endpoint = (instanceId: string) => [{ instanceId, host: '127.0.0.1', port: 1 }];

function table(version: number, candidatePercent: number): RouteTable {
  const route = {
    service: 'contract',
    host: 'contract.localhost',
    requestTimeoutMs: 1000,
    backends: [
      { revisionId: 'r1', weightPercent: 100 - candidatePercent, endpoints: endpoint('r1-0') },
      { revisionId: 'r2', weightPercent: candidatePercent, endpoints: endpoint('r2-0') },
    ],
    matches: [{ header: { name: 'x-canary', value: 'true' }, revisionId: 'r2' }],
  };
  return { version, routes: [route] };
}

testTrafficRouter('memory', () => {
  const router = new MemoryRouter(new SleepingClock());
  return Promise.resolve({
    router,
    endpoints: (revisionId) => endpoint(`${revisionId}-0`),
    observe: () => router,
    send: (requests) => {
      const revisions: string[] = [];
      router.serve('contract', requests, (revisionId) => {
        revisions.push(revisionId);
        return { statusClass: 1, latencyBucket: 100 };
      });
      return Promise.resolve(revisions);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});

testMetricsSource('memory', async () => {
  const router = new MemoryRouter(new SleepingClock());
  await router.apply(table(1, 50), signal);
  return {
    source: router,
    send: (requests) => {
      router.serve('contract', requests, (revisionId) => {
        return { statusClass: revisionId === 'r1' ? 1 : 4, latencyBucket: 100 };
      });
      return Promise.resolve();
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
});

test('planned faults come in order, one for each apply', async () => {
  const clock = new SleepingClock();
  const router = new MemoryRouter(clock);
  router.plan({ kind: 'fails' }, { kind: 'answer-lost' }, { kind: 'slow', durationMs: 500 });
  const isRetryable = (error: unknown) => error instanceof RouterError && error.retryable;
  await assert.rejects(router.apply(table(1, 0), signal), isRetryable);
  assert.equal(await router.version(signal), null);
  await assert.rejects(router.apply(table(1, 0), signal), isRetryable);
  assert.equal(await router.version(signal), 1);
  await router.apply(table(2, 0), signal);
  assert.equal(clock.nowMs(), 1500);
  assert.equal(await router.version(signal), 2);
});

test('a header match reaches a candidate of weight 0, and no instance is no answer', async () => {
  const router = new MemoryRouter(new SleepingClock());
  await router.apply(table(1, 0), signal);
  const matched = router.serve('contract', 3, undefined, { 'x-canary': 'true' });
  assert.ok(matched);
  assert.deepEqual(totalCount(matched, 'r2'), { requests: 3, failures: 0 });
  const [route] = table(2, 0).routes;
  assert.ok(route);
  const backends = route.backends.map((backend) => ({ ...backend, endpoints: [] }));
  await router.apply({ version: 2, routes: [{ ...route, backends }] }, signal);
  const unanswered = router.serve('contract', 3);
  assert.ok(unanswered);
  assert.deepEqual(totalCount(unanswered, 'r1'), { requests: 3, failures: 3 });
  assert.equal(unanswered.counts[0]?.instanceId, '');
});

test('the sample after the observer was away is a catch-up, the next is not', async () => {
  const router = new MemoryRouter(new SleepingClock());
  await router.apply(table(1, 50), signal);
  router.observerReturned();
  assert.equal(router.serve('contract', 2)?.isCatchUp, true);
  assert.equal(router.serve('contract', 2)?.isCatchUp, false);
  assert.equal(router.serve('unknown', 2), null);
});

testUnderWaySource('memory', async () => {
  const router = new MemoryRouter(new SleepingClock());
  const set = (id: string, requests: number | null): void => {
    const others = [...(router.underWay ?? [])].filter(([each]) => each !== id);
    router.underWay = new Map(requests === null ? others : [...others, [id, requests]]);
  };
  return {
    source: router,
    begin: (id, requests) => set(id, requests),
    answer: (id) => set(id, null),
    pass: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
});
