import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adviceOf, type InstanceUsage, type MetricTarget } from './metric-advice.ts';

const cpu: MetricTarget = { metric: 'cpu', perInstance: 0.7, setsUnreadyAside: true };
const rate: MetricTarget = {
  metric: 'requestsPerSecond',
  perInstance: 1000,
  setsUnreadyAside: false,
};
const tolerance = { up: 0.1, down: 0.1 };

/** A number: ready and known; `?`: unknown; `~0.9`: not ready. */
function usagesOf(text: string): readonly InstanceUsage[] {
  return text
    .split(' ')
    .filter(Boolean)
    .map((word, index) => ({
      instanceId: `i${index}`,
      value: word === '?' ? null : Number(word.replace('~', '')),
      isReady: !word.startsWith('~'),
    }));
}

/** By the algorithm details of the Horizontal Pod Autoscaling page of kubernetes.io. */
const cases: readonly (readonly [
  about: string,
  usages: string,
  target: MetricTarget,
  instances: number,
])[] = [
  ['ceil of instances times usage over target', '0.9 0.8 1.0', cpu, 4],
  ['twice the target doubles', '2000 2000 2000', rate, 6],
  ['half the target halves, rounded up', '500 500 500', rate, 2],
  ['within a tenth above: nothing', '1090 1090 1090', rate, 3],
  ['exactly a tenth above: nothing', '1100 1100 1100', rate, 3],
  ['more than a tenth above', '1110 1110 1110', rate, 4],
  ['within a tenth below: nothing', '910 910 910 910', rate, 4],
  ['nothing known: nothing', '? ? ?', rate, 3],
  ['nothing at all: nothing', '', rate, 0],
  ['no load at all', '0 0 0', rate, 0],
  ['unknown use nothing when there would be more', '3000 3000 ?', rate, 6],
  ['unknown damp a rise away', '1400 1400 ?', rate, 3],
  ['unknown use their target when there would be fewer', '100 100 ?', rate, 2],
  ['unknown keep a small fall away', '880 880 ? ? ? ?', rate, 6],
  ['a rise that unknown turn around is none', '1200 ? ?', rate, 3],
  ['CPU of one that starts is not looked at', '0.7 0.7 ~3.0', cpu, 3],
  ['one that starts uses nothing when there would be more', '1.4 1.4 ~3.0', cpu, 4],
  ['one that starts is left out when there would be fewer', '0.1 0.1 ~0.9', cpu, 1],
  ['requests of one that starts count', '1000 1000 ~4000', rate, 6],
  ['a sum of thirds is no reason for one more', '0.7 0.7 0.7 0.7 0.7 0.7', cpu, 6],
];

for (const [about, text, target, instances] of cases) {
  test(`${target.metric} ${text}: ${about}`, () => {
    const usages = usagesOf(text);
    assert.equal(adviceOf(usages.length, usages, target, tolerance).instances, instances);
  });
}

test('the advice says what it assumed, and the mean of what is known', () => {
  assert.deepEqual(adviceOf(3, usagesOf('3000 3000 ?'), rate, tolerance), {
    metric: 'requestsPerSecond',
    instances: 6,
    perInstance: 3000,
    usageRatio: 2,
    assumed: 1,
  });
});

test('instances that are asked for and not there yet are not asked for twice', () => {
  // Five there, of which two are too new to be known: the three known ones would want six.
  assert.equal(adviceOf(5, usagesOf('2000 2000 2000 ? ?'), rate, tolerance).instances, 6);
  assert.equal(adviceOf(7, usagesOf('2000 2000 2000 ? ? ? ?'), rate, tolerance).instances, 7);
});
