import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type ConcurrencyDecision,
  type ConcurrencyScaling,
  openConcurrency,
  scaleByConcurrency,
  usualConcurrencyScaling,
  wokenInstances,
  withLoad,
} from './concurrency.ts';

const scaling: ConcurrencyScaling = {
  ...usualConcurrencyScaling,
  perInstance: 10,
  targetUtilizationRatio: 1,
  max: 1000,
};

/** A value a second, a look every two; instances are ready at the next look. */
function follow(
  rules: ConcurrencyScaling,
  ready: number,
  loads: readonly number[],
): readonly ConcurrencyDecision[] {
  let state = openConcurrency(rules);
  let present = ready;
  const decisions: ConcurrencyDecision[] = [];
  for (const [index, underWay] of loads.entries()) {
    const atMs = (index + 1) * 1000;
    if (index % 2 === 0) {
      state = withLoad(state, { atMs, underWay });
      continue;
    }
    const next = scaleByConcurrency(rules, state, { atMs, underWay, ready: present });
    state = next.state;
    present = next.decision.instances;
    decisions.push(next.decision);
  }
  return decisions;
}

function seconds(count: number, load: number): readonly number[] {
  return Array.from({ length: count }, () => load);
}

test('as many instances as the load over their target, rounded up', () => {
  assert.equal(follow(scaling, 4, seconds(60, 35)).at(-1)?.instances, 4);
  assert.equal(follow(scaling, 5, seconds(60, 41)).at(-1)?.instances, 5);
});

test('a target utilisation of 70 % leaves room', () => {
  const rules = { ...scaling, targetUtilizationRatio: 0.7 };
  assert.equal(follow(rules, 5, seconds(60, 35)).at(-1)?.instances, 5);
  assert.equal(follow(rules, 5, seconds(60, 36)).at(-1)?.instances, 6);
});

test('a burst of twice what is ready is panic: 1 to 12 instances within the panic window', () => {
  const decisions = follow(scaling, 1, [...seconds(60, 5), ...seconds(6, 120)]);
  const last = decisions.at(-1);
  assert.deepEqual([last?.instances, last?.isPanic], [12, true]);
  // The stable window alone would still want two.
  assert.ok((last?.stableUnderWay ?? 0) < 20);
});

test('less than twice is no panic', () => {
  const decisions = follow(scaling, 2, [...seconds(60, 20), ...seconds(6, 29)]);
  assert.ok(decisions.every(({ isPanic }) => !isPanic));
});

test('there are never fewer in a panic, which lasts a stable window after the last burst', () => {
  const decisions = follow(scaling, 1, [
    ...seconds(60, 5),
    ...seconds(10, 120),
    ...seconds(120, 5),
  ]);
  const most = Math.max(...decisions.map(({ instances }) => instances));
  const inPanic = decisions.filter(({ isPanic }) => isPanic).slice(5);
  assert.ok(inPanic.every(({ instances }) => instances === most));
  const lastsMs = decisions.filter(({ isPanic }) => isPanic).length * 2000;
  assert.ok(lastsMs >= 60_000 && lastsMs <= 80_000, `${lastsMs}`);
  assert.equal(decisions.at(-1)?.instances, 1);
});

test('down it halves at most in one look', () => {
  const decisions = follow(scaling, 16, seconds(8, 0.1));
  assert.deepEqual(
    decisions.map(({ instances }) => instances),
    [8, 4, 2, 1],
  );
});

test('up it grows at most by its rate in one look', () => {
  const decisions = follow({ ...scaling, maxScaleUpRate: 2 }, 1, seconds(8, 100));
  assert.deepEqual(
    decisions.map(({ instances }) => instances),
    [2, 4, 8, 10],
  );
});

test('to zero only after a stable window without a request and the grace', () => {
  const decisions = follow(scaling, 1, [...seconds(10, 5), ...seconds(120, 0)]);
  const zeroAt = decisions.findIndex(({ instances }) => instances === 0);
  // The last request was at 10 s: 60 s of window, then 30 s of grace.
  assert.equal((zeroAt + 1) * 2, 100);
});

test('never below the least, and a request at zero wants one at once', () => {
  assert.equal(follow({ ...scaling, min: 2 }, 2, seconds(200, 0)).at(-1)?.instances, 2);
  assert.equal(follow(scaling, 0, [0, 0, 0, 1]).at(-1)?.instances, 1);
});

test('the room for a burst says when the gateway should hold requests', () => {
  const rules = { ...scaling, targetBurstCapacity: 20 };
  assert.equal(follow(rules, 5, seconds(6, 25)).at(0)?.excessBurstCapacity, 5);
  assert.equal(follow(rules, 3, seconds(6, 25)).at(0)?.excessBurstCapacity, -15);
  assert.equal(
    follow({ ...rules, targetBurstCapacity: -1 }, 5, seconds(6, 1)).at(0)?.excessBurstCapacity,
    -1,
  );
  assert.equal(
    follow({ ...rules, targetBurstCapacity: 0 }, 5, seconds(6, 1)).at(0)?.excessBurstCapacity,
    0,
  );
});

test('requests that wait want one instance at least, and as many as their number asks for at most', () => {
  const rules = { ...scaling, max: 4, perInstance: 10, targetUtilizationRatio: 0.7 };
  const rows = [
    [0, 0],
    [1, 1],
    [7, 1],
    [8, 2],
    [28, 4],
    [1000, 4],
  ] as const;
  for (const [waiting, want] of rows) assert.equal(wokenInstances(rules, waiting), want);
});
