import assert from 'node:assert/strict';
import { test } from 'node:test';
import type {
  MetricReading,
  MetricSelection,
} from '../../domain/traffic/samples/metric-selection.ts';
import type { TrafficSample } from '../../domain/traffic/samples/traffic-sample.ts';
import { type InstanceMetrics, InstanceMetricsError } from '../../ports/instance-metrics.ts';
import type { Instance } from '../../ports/platform.ts';
import { HandClock, settle } from '../loop/hand-clock.fixture.ts';
import { MetricScraper, type ScrapeTarget } from './metric-scraper.ts';

const declined: MetricSelection = {
  kind: 'counter',
  bad: { name: 'declined_total', labels: {} },
  total: { name: 'orders_total', labels: {} },
};

function instance(revisionId: string, number: number, startedAtMs = 0): Instance {
  const id = `${revisionId}-${number}`;
  return {
    id,
    service: 'shop',
    revisionId,
    state: 'ready',
    endpoint: { instanceId: id, host: '127.0.0.1', port: 1 },
    pid: 1,
    startedAtMs,
    restarts: 0,
    reason: null,
    cpuSeconds: 0,
    rssBytes: 0,
  };
}

function target(...instances: readonly Instance[]): ScrapeTarget {
  return {
    service: 'shop',
    path: '/metrics',
    intervalMs: 1000,
    metrics: [{ name: 'declined', source: declined }],
    revisionIds: ['v1', 'v2'],
    instances,
  };
}

/** A scraper in virtual time; what instances publish is `published`, by id: a pair, or why it can't be read. */
function world(initial: ScrapeTarget) {
  const clock = new HandClock(1_000_000);
  const published = new Map<string, readonly [bad: number, total: number] | string>();
  const samples: TrafficSample[] = [];
  const state = { targets: [initial], looks: 0, gate: Promise.resolve() };
  const metrics: Pick<InstanceMetrics, 'read'> = {
    async read({ endpoint }): Promise<readonly MetricReading[]> {
      state.looks += 1;
      await state.gate;
      const found = published.get(endpoint.instanceId) ?? 'GET /metrics failed: nobody answers';
      if (typeof found === 'string') throw new InstanceMetricsError('unreachable', found);
      const [bad, total] = found;
      if (bad < 0) return [{ kind: 'unusable', sentence: `${bad} is no count` }];
      return [{ kind: 'counter', bad, total }];
    },
  };
  const scraper = new MetricScraper({ metrics, clock, targets: () => state.targets });
  scraper.subscribe((sample) => samples.push(sample));
  const stop = new AbortController();
  const running = scraper.run(stop.signal);
  return {
    clock,
    published,
    samples,
    state,
    async [Symbol.asyncDispose]() {
      stop.abort(new Error('the test is over'));
      await running;
      assert.equal(clock.sleeping, 0);
    },
  };
}

test('both arms are counted over one interval, and the first look is a beginning', async () => {
  await using scraped = world(target(instance('v1', 0), instance('v1', 1), instance('v2', 0)));
  const { clock, published, samples } = scraped;
  published.set('v1-0', [1, 100]).set('v1-1', [0, 100]).set('v2-0', [0, 10]);
  await clock.pass(900);
  assert.deepEqual(samples, []);
  published.set('v1-0', [2, 130]).set('v1-1', [0, 125]).set('v2-0', [3, 13]);
  await clock.pass(100);
  assert.deepEqual(samples, [
    {
      atMs: 1_001_000,
      service: 'shop',
      counts: [],
      isCatchUp: false,
      metrics: {
        sinceMs: 1_000_000,
        counts: [
          { metric: 'declined', revisionId: 'v1', kind: 'ratio', bad: 1, total: 55 },
          { metric: 'declined', revisionId: 'v2', kind: 'ratio', bad: 3, total: 3 },
        ],
        faults: [],
      },
    },
  ]);
});

test('what can not be read is a fault, and begins anew when it can', async () => {
  await using scraped = world(target(instance('v1', 0), instance('v1', 1), instance('v2', 0)));
  const { clock, published, samples } = scraped;
  published.set('v1-0', [0, 1]).set('v1-1', [0, 1]).set('v2-0', [0, 1]);
  await clock.pass(500);
  published.set('v1-1', 'GET /metrics answered 500').set('v2-0', [-1, 0]);
  await clock.pass(1000);
  published.set('v1-0', [0, 7]).set('v1-1', [0, 70]).set('v2-0', [9, 90]);
  await clock.pass(1000);
  published.set('v1-1', [0, 71]).set('v2-0', [9, 92]);
  await clock.pass(1000);
  const seen = samples.map(({ metrics }) => {
    const counts = metrics?.counts.map((each) => (each.kind === 'ratio' ? each.total : null));
    const faults = metrics?.faults.map(({ sentence, isBlind }) => `${sentence} ${isBlind}`);
    return [counts, faults];
  });
  assert.deepEqual(seen, [
    [[0], ['v1-1: GET /metrics answered 500 false', 'v2-0: -1 is no count true']],
    [[6], []],
    [[1, 2], []],
  ]);
});

test('a process that began anew is not compared with the one before', async () => {
  await using scraped = world(target(instance('v1', 0), instance('v2', 0)));
  const { clock, published, samples, state } = scraped;
  published.set('v1-0', [0, 5]).set('v2-0', [0, 5]);
  await clock.pass(500);
  state.targets = [target(instance('v1', 0), instance('v2', 0, 77))];
  published.set('v1-0', [0, 6]).set('v2-0', [0, 50]);
  await clock.pass(1000);
  const revisions = samples[0]?.metrics?.counts.map(({ revisionId }) => revisionId);
  assert.deepEqual(revisions, ['v1']);
});

test('a look that is slow is not joined by another, and no target is asked for nothing', async () => {
  await using scraped = world(target(instance('v1', 0)));
  const { clock, published, state } = scraped;
  published.set('v1-0', [0, 1]);
  await clock.pass(100);
  assert.equal(state.looks, 1);
  const { promise, resolve } = Promise.withResolvers<void>();
  state.gate = promise;
  await clock.pass(5000);
  resolve();
  assert.equal(state.looks, 2);
  await settle();
  await clock.pass(200);
  assert.equal(state.looks, 3);
  state.targets = [];
  await clock.pass(5000);
  assert.equal(state.looks, 3);
});

test('a defect of the reader ends the run with it', async () => {
  const clock = new HandClock();
  const broken: Pick<InstanceMetrics, 'read'> = {
    read: () => Promise.reject(new TypeError('a defect')),
  };
  const scraper = new MetricScraper({
    metrics: broken,
    clock,
    targets: () => [target(instance('v1', 0))],
  });
  const running = assert.rejects(scraper.run(new AbortController().signal), TypeError);
  await clock.pass(200);
  await running;
});
