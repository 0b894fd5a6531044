import assert from 'node:assert/strict';
import { test } from 'node:test';

import { windowMs } from '../../domain/gate/before-after.ts';
import type { TrafficSample } from '../../domain/traffic/samples/traffic-sample.ts';
import { StableMeter } from './stable-meter.ts';

function sample(
  atMs: number,
  revisionId: string,
  more: Partial<TrafficSample> = {},
): TrafficSample {
  const count = {
    revisionId,
    isMatched: false,
    instanceId: 'one',
    byStatusClass: [0, 9, 0, 0, 1, 0],
    latency: [[100, 10]] as const,
  };
  return { atMs, service: 'web', counts: [count], isCatchUp: false, ...more };
}

test('the meter sums what stable did, of this revision and of late', () => {
  const meter = new StableMeter();
  assert.equal(meter.seen('web', 'web-1', 0), null);
  for (let second = 0; second < 60; second += 1) meter.add(sample(second * 1000, 'web-1'), 'web-1');
  meter.add(sample(60_000, 'web-1', { isCatchUp: true }), 'web-1');
  meter.add(sample(60_000, 'web-2'), 'web-1');
  const seen = meter.seen('web', 'web-1', 61_000);
  assert.deepEqual(seen?.count, { requests: 600, failures: 60 });
  assert.deepEqual([seen?.sinceMs, seen?.untilMs], [0, 59_000]);
  assert.equal(
    seen?.latency.reduce((sum, count) => sum + count, 0),
    600,
  );
  assert.equal(meter.seen('web', 'web-2', 61_000), null);
  assert.equal(meter.seen('web', 'web-1', 60_000 + windowMs), null);
});

test('an hour is kept as the last ten to twenty minutes', () => {
  const meter = new StableMeter();
  for (let second = 0; second < 3600; second += 1)
    meter.add(sample(second * 1000, 'web-1'), 'web-1');
  const seen = meter.seen('web', 'web-1', 3_600_000);
  const spanMs = (seen?.untilMs ?? 0) - (seen?.sinceMs ?? 0);
  assert.ok(spanMs >= windowMs - 1000 && spanMs <= 2 * windowMs, `${spanMs}`);
  assert.equal(seen?.count.requests, 10 * (spanMs / 1000 + 1));
});

test('windows of unlike widths of the scale are summed whole', () => {
  const meter = new StableMeter();
  const slow = sample(windowMs + 1000, 'web-1');
  meter.add(sample(0, 'web-1'), 'web-1');
  meter.add(sample(windowMs, 'web-1'), 'web-1');
  const [count] = slow.counts;
  assert.ok(count);
  meter.add({ ...slow, counts: [{ ...count, latency: [[300, 10]] }] }, 'web-1');
  const seen = meter.seen('web', 'web-1', windowMs + 2000);
  assert.equal(
    seen?.latency.reduce((sum, each) => sum + each, 0),
    30,
  );
});

test('a new stable revision begins anew', () => {
  const meter = new StableMeter();
  meter.add(sample(0, 'web-1'), 'web-1');
  meter.add(sample(1000, 'web-2'), 'web-2');
  assert.equal(meter.seen('web', 'web-1', 1000), null);
  assert.equal(meter.seen('web', 'web-2', 1000)?.count.requests, 10);
});
