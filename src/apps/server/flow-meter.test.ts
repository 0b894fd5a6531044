import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { TrafficSample } from '../../domain/traffic/samples/traffic-sample.ts';
import { FlowMeter, flowWindowMs } from './flow-meter.ts';

function sample(
  atMs: number,
  revisionId: string,
  [good, bad]: readonly [number, number],
): TrafficSample {
  const latency = [[10, good + bad]] as const;
  const byStatusClass = [0, good, 0, 0, bad, 0];
  const counts = [{ revisionId, instanceId: 'i', isMatched: false, byStatusClass, latency }];
  return { atMs, service: 'web', counts, isCatchUp: false };
}

test('what flowed to each revision in the last minute is added up, and older slots are forgotten', () => {
  const meter = new FlowMeter();
  meter.add(sample(1_000, 'web-1', [50, 0]));
  meter.add(sample(31_000, 'web-1', [90, 10]));
  meter.add(sample(31_000, 'web-2', [5, 5]));
  const { seconds, byRevision } = meter.flows('web', 40_000);
  assert.equal(seconds, 40);
  assert.deepEqual(byRevision.get('web-1'), { requests: 150, failures: 10, latency: [[10, 150]] });
  assert.deepEqual(byRevision.get('web-2'), { requests: 10, failures: 5, latency: [[10, 10]] });
  const later = meter.flows('web', 31_000 + flowWindowMs - 2_000);
  assert.equal(later.byRevision.get('web-1')?.requests, 100);
  const last = meter.flows('web', 31_000 + flowWindowMs + 5_000);
  assert.equal(last.byRevision.size, 0);
  assert.ok(last.seconds > 0);
});

test('what was counted while nobody listened is left out, and so is another service', () => {
  const meter = new FlowMeter();
  meter.add({ ...sample(1_000, 'web-1', [50, 0]), isCatchUp: true });
  assert.equal(meter.flows('web', 2_000).byRevision.size, 0);
  assert.equal(meter.flows('pay', 2_000).byRevision.size, 0);
});

test('a clock that goes back by a slot adds to the newest slot', () => {
  const meter = new FlowMeter();
  meter.add(sample(12_000, 'web-1', [1, 0]));
  meter.add(sample(9_000, 'web-1', [1, 0]));
  assert.equal(meter.flows('web', 12_500).byRevision.get('web-1')?.requests, 2);
});
