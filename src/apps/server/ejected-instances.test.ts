import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InstanceView } from '../../api/wire.ts';
import { usualOutlierDetection } from '../../domain/traffic/resilience/traffic-policy.ts';
import { withEjectionReason } from './ejected-instances.ts';

const instance: InstanceView = {
  id: 'pay-1',
  service: 'pay',
  revisionId: 'pay-a',
  state: 'ready',
  port: 1,
  pid: 1,
  startedAt: null,
  restarts: 0,
  reason: null,
  cpuSeconds: 0,
  rssBytes: 0,
};

test('an ejected instance says why, by the rule of its service, and others are as they were', () => {
  assert.equal(withEjectionReason(instance, undefined), instance);
  const ejected = { ...instance, isEjected: true };
  assert.equal(
    withEjectionReason(ejected, undefined).reason,
    'gets nothing for a while after 5 in a row of 502, 503, 504 or no answer',
  );
  const outlierDetection = { ...usualOutlierDetection, consecutive5xx: 3 };
  assert.equal(
    withEjectionReason(ejected, { outlierDetection }).reason,
    'gets nothing for a while after 5 in a row of 502, 503, 504 or no answer, or 3 in a row of 5xx or no answer',
  );
});
