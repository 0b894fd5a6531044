import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bucketOf, openHistogram, percentileOf, withWeighted } from './decaying-histogram.ts';
import {
  openVertical,
  recommend,
  usualVerticalBounds,
  withOutOfMemory,
  withUse,
} from './vertical.ts';

const dayMs = 86_400_000;
const minuteMs = 60_000;
const mebibyte = 1024 ** 2;
const scale = { first: 1, ratio: 2, most: 1000, halfLifeMs: 1000 };

function filled(values: readonly (readonly [value: number, atMs: number])[]) {
  return values.reduce(
    (histogram, [value, atMs]) => withWeighted(scale, histogram, { value, weight: 1, atMs }),
    openHistogram(0),
  );
}

test('buckets begin at 0, 1, 3, 7, 15 for a ratio of 2', () => {
  assert.deepEqual(
    [0, 0.9, 1, 2.9, 3, 6.9, 7, 5000].map((value) => bucketOf(scale, value)),
    [0, 0, 1, 1, 2, 2, 3, bucketOf(scale, 1000)],
  );
});

test('a percentile is the end of its bucket', () => {
  const histogram = filled([
    [0.5, 0],
    [2, 0],
    [5, 0],
    [10, 0],
  ]);
  assert.deepEqual(
    [0.25, 0.5, 0.75, 1].map((ratio) => percentileOf(scale, histogram, ratio)),
    [1, 3, 7, 15],
  );
  assert.equal(percentileOf(scale, openHistogram(0), 0.9), 0);
});

test('a value weighs half after a half-life, however long it has been running', () => {
  const old = filled([
    [10, 0],
    [10, 0],
    [2, 1000],
  ]);
  // Two at half weight against one: just half.
  assert.equal(percentileOf(scale, old, 0.5), 3);
  assert.equal(percentileOf(scale, old, 0.51), 15);
  const late = filled([
    [10, 0],
    [10, 0],
    [2, 500_000],
  ]);
  assert.equal(percentileOf(scale, late, 1), 3);
});

test('what is taken back leaves nothing', () => {
  const put = withWeighted(scale, openHistogram(0), { value: 5, weight: 1, atMs: 300 });
  const taken = withWeighted(scale, put, { value: 5, weight: -1, atMs: 300 });
  assert.equal(taken.weights.size, 0);
});

/** One instance for so many days, a sample a minute. */
function used(days: number, at: (minute: number) => { cpuCores: number; memoryBytes: number }) {
  let state = openVertical(0);
  for (let minute = 0; minute < days * 1440; minute += 1) {
    state = withUse(state, {
      atMs: minute * minuteMs,
      instanceId: 'a',
      used: at(minute),
      requestedCpuCores: 1,
    });
  }
  return state;
}

test('the target is the 90th percentile with 15 % on top, at the accuracy of a bucket', () => {
  const state = used(8, (minute) => ({
    cpuCores: minute % 10 < 8 ? 0.2 : 0.5,
    memoryBytes: (minute % 10 === 9 ? 900 : 600) * mebibyte,
  }));
  const { target, lower, upper } = recommend(state, usualVerticalBounds) ?? assert.fail('none');
  assert.ok(
    target.cpuCores > 0.5 * 1.15 && target.cpuCores < 0.5 * 1.15 * 1.1,
    `${target.cpuCores}`,
  );
  // Memory by each day's peak, not by the mean.
  const memory = target.memoryBytes / mebibyte;
  assert.ok(memory > 900 * 1.15 && memory < 900 * 1.15 * 1.1, `${memory}`);
  assert.ok(lower.cpuCores > 0.2 && lower.cpuCores < 0.3);
  assert.ok(upper.cpuCores >= target.cpuCores && upper.cpuCores < target.cpuCores * 1.2);
});

test('while little is known the bounds are wide', () => {
  const at = () => ({ cpuCores: 0.5, memoryBytes: 700 * mebibyte });
  const early = recommend(used(0.1, at), usualVerticalBounds) ?? assert.fail('none');
  const late = recommend(used(8, at), usualVerticalBounds) ?? assert.fail('none');
  assert.equal(early.upper.cpuCores, usualVerticalBounds.max.cpuCores);
  assert.ok(late.upper.cpuCores < 1);
  assert.ok(early.lower.cpuCores < late.lower.cpuCores);
  assert.equal(early.target.cpuCores, late.target.cpuCores);
});

test('nothing known is no recommendation; all of them are within the bounds', () => {
  assert.equal(recommend(openVertical(0), usualVerticalBounds), null);
  const tiny = recommend(
    used(1, () => ({ cpuCores: 0.001, memoryBytes: mebibyte })),
    usualVerticalBounds,
  );
  assert.deepEqual(tiny?.target, usualVerticalBounds.min);
  const huge = recommend(
    used(1, () => ({ cpuCores: 64, memoryBytes: 2 ** 40 })),
    usualVerticalBounds,
  );
  assert.deepEqual(huge?.target, usualVerticalBounds.max);
});

test('an instance killed for want of memory asks for a fifth more, or 100 MiB', () => {
  const state = used(1, () => ({ cpuCores: 0.1, memoryBytes: 200 * mebibyte }));
  const killed = withOutOfMemory(state, {
    atMs: dayMs - 1,
    instanceId: 'a',
    bytes: 1000 * mebibyte,
  });
  const memory = (recommend(killed, usualVerticalBounds)?.target.memoryBytes ?? 0) / mebibyte;
  assert.ok(memory > 1200 * 1.15 && memory < 1200 * 1.15 * 1.1, `${memory}`);
  const small = withOutOfMemory(state, { atMs: dayMs - 1, instanceId: 'a', bytes: 250 * mebibyte });
  const less = (recommend(small, usualVerticalBounds)?.target.memoryBytes ?? 0) / mebibyte;
  assert.ok(less > 350 * 1.15 && less < 350 * 1.15 * 1.1, `${less}`);
});

test('a day without use is forgotten by half: yesterday counts less than today', () => {
  let state = used(2, () => ({ cpuCores: 1.5, memoryBytes: 1500 * mebibyte }));
  for (let minute = 2 * 1440; minute < 7 * 1440; minute += 1) {
    const quiet = { cpuCores: 0.2, memoryBytes: 300 * mebibyte };
    state = withUse(state, {
      atMs: minute * minuteMs,
      instanceId: 'a',
      used: quiet,
      requestedCpuCores: 1,
    });
  }
  const target = recommend(state, usualVerticalBounds)?.target;
  assert.ok((target?.cpuCores ?? 9) < 0.3);
  assert.ok((target?.memoryBytes ?? 9e9) < 400 * mebibyte);
});
