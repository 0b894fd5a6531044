import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type HorizontalDecision,
  type HorizontalScaling,
  openHorizontal,
  scaleHorizontally,
  usualHorizontalScaling,
} from './horizontal.ts';

const rateOnly: HorizontalScaling = {
  ...usualHorizontalScaling,
  min: 1,
  max: 100,
  targets: [{ metric: 'requestsPerSecond', perInstance: 1000, setsUnreadyAside: false }],
};

/** Instances after each look, one every 15 s, at a load that is dealt evenly; new ones serve at once. */
function follow(
  scaling: HorizontalScaling,
  first: number,
  loads: readonly (number | null)[],
): readonly HorizontalDecision[] {
  let state = openHorizontal;
  let present = first;
  return loads.map((load, index) => {
    const value = load === null ? null : load / present;
    const usages = Array.from({ length: present }, (_, at) => ({
      instanceId: `i${at}`,
      value,
      isReady: true,
    }));
    const atMs = (index + 1) * 15_000;
    const byMetric = new Map([['requestsPerSecond', usages]]);
    const next = scaleHorizontally(scaling, state, { atMs, present, usages: byMetric });
    state = next.state;
    present = next.decision.instances;
    return next.decision;
  });
}

function counts(decisions: readonly HorizontalDecision[]): readonly number[] {
  return decisions.map(({ instances }) => instances);
}

function times<Item>(count: number, item: Item): readonly Item[] {
  return Array.from({ length: count }, () => item);
}

describe('how fast', () => {
  test('up it doubles or takes four, whichever is more, each 15 s', () => {
    assert.deepEqual(counts(follow(rateOnly, 1, times(6, 60_000))), [5, 10, 20, 40, 60, 60]);
  });

  test('down it goes only after five calm minutes, then at once', () => {
    const decisions = follow(rateOnly, 10, times(22, 2000));
    assert.deepEqual(counts(decisions), [...times(20, 10), 2, 2]);
    assert.equal(decisions[0]?.limitedBy, 'window');
    assert.equal(decisions[0]?.wished, 2);
  });

  test('a spike within the five minutes begins them anew', () => {
    const decisions = follow(rateOnly, 10, [...times(10, 2000), 10_000, ...times(21, 2000)]);
    assert.deepEqual(counts(decisions), [...times(30, 10), 2, 2]);
  });

  test('a window upwards takes the least of its wishes', () => {
    const { scaleDown, scaleUp } = rateOnly.behavior;
    const behavior = { scaleDown, scaleUp: { ...scaleUp, stabilizationWindowMs: 60_000 } };
    const decisions = follow(
      { ...rateOnly, behavior },
      2,
      [2000, 2000, 6000, 6000, 6000, 6000, 6000],
    );
    assert.deepEqual(counts(decisions), [2, 2, 2, 2, 2, 6, 6]);
  });

  test('of several policies the one that allows least, if asked', () => {
    const { scaleDown, scaleUp } = rateOnly.behavior;
    const behavior = { scaleDown, scaleUp: { ...scaleUp, selectPolicy: 'min' as const } };
    assert.deepEqual(counts(follow({ ...rateOnly, behavior }, 1, times(4, 60_000))), [2, 4, 8, 12]);
  });

  test('a disabled direction is not gone', () => {
    const { scaleDown, scaleUp } = rateOnly.behavior;
    const behavior = { scaleUp, scaleDown: { ...scaleDown, selectPolicy: 'disabled' as const } };
    const decisions = follow({ ...rateOnly, behavior }, 10, times(40, 1000));
    assert.deepEqual(counts(decisions), times(40, 10));
    assert.equal(decisions.at(-1)?.limitedBy, 'policy');
  });

  test('a policy counts what came within its period, not within one look', () => {
    const { scaleDown, scaleUp } = rateOnly.behavior;
    const slow = [{ kind: 'instances', value: 2, periodMs: 60_000 }] as const;
    const behavior = { scaleDown, scaleUp: { ...scaleUp, policies: slow } };
    const decisions = follow({ ...rateOnly, behavior }, 1, times(9, 60_000));
    assert.deepEqual(counts(decisions), [3, 3, 3, 3, 5, 5, 5, 5, 7]);
  });
});

describe('bounds', () => {
  test('never above the most nor below the least, and the decision says so', () => {
    const scaling = { ...rateOnly, min: 3, max: 10 };
    const up = follow(scaling, 3, times(3, 60_000));
    assert.deepEqual(counts(up), [7, 10, 10]);
    assert.equal(up[2]?.limitedBy, 'max');
    const down = follow(scaling, 3, times(30, 10));
    assert.deepEqual(counts(down), times(30, 3));
    assert.equal(down.at(-1)?.limitedBy, 'min');
  });

  test('a number outside of new bounds is brought into them', () => {
    assert.deepEqual(counts(follow({ ...rateOnly, min: 3 }, 1, [100])), [3]);
    assert.deepEqual(counts(follow({ ...rateOnly, max: 4 }, 9, [9000])), [4]);
  });
});

describe('several metrics', () => {
  const scaling: HorizontalScaling = { ...usualHorizontalScaling, min: 1 };
  const at = (cpu: number | null, memory: number | null, rate: number | null) =>
    scaleHorizontally(scaling, openHorizontal, {
      atMs: 15_000,
      present: 4,
      usages: new Map(
        Object.entries({ cpu, memory, requestsPerSecond: rate }).map(([metric, value]) => [
          metric,
          times(4, { instanceId: 'i', value, isReady: true }),
        ]),
      ),
    }).decision;

  test('the one that asks for most counts', () => {
    assert.equal(at(0.7, 0.75, 1500).instances, 6);
    assert.equal(at(1.05, 0.75, 1000).instances, 6);
    assert.equal(at(0.35, 1.5, 100).instances, 8);
  });

  test('while one is unknown there may be more and not fewer', () => {
    assert.equal(at(null, 0.75, 1500).wished, 6);
    assert.equal(at(null, 0.1, 100).wished, 4);
  });

  test('without any metric nothing is changed', () => {
    const decision = at(null, null, null);
    assert.equal(decision.instances, 4);
    assert.equal(decision.limitedBy, 'no metrics');
  });
});

test('what is remembered is bounded by the windows', () => {
  let state = openHorizontal;
  for (let look = 0; look < 10_000; look += 1) {
    const usages = new Map([
      ['requestsPerSecond', [{ instanceId: 'a', value: (look % 7) * 900, isReady: true }]],
    ]);
    ({ state } = scaleHorizontally(rateOnly, state, { atMs: look * 15_000, present: 1, usages }));
  }
  assert.ok(state.wishes.length <= 22 && state.changes.length <= 21);
});

test('a look that knows nothing begins no window anew', () => {
  // Every other look is blind; after five minutes and a look it goes down all the same.
  const loads = times(24, 0).map((_each, index) => (index % 2 === 0 ? 2000 : null));
  const after = counts(follow(rateOnly, 10, loads));
  assert.deepEqual(after.slice(0, 20), times(20, 10));
  assert.equal(after.at(-1), 2);
});

test('what is needed for another reason is kept, and the decision says that it is', () => {
  const usages = new Map([['requestsPerSecond', [{ instanceId: 'a', value: 10, isReady: true }]]]);
  const look = { atMs: 0, present: 1, usages };
  const scaleAt = (more: { readonly atLeast?: number }) =>
    scaleHorizontally(rateOnly, openHorizontal, { ...look, ...more }).decision;
  const reserve = scaleAt({ atLeast: 4 });
  assert.deepEqual([reserve.instances, reserve.limitedBy], [4, 'reserve']);
  assert.equal(scaleAt({}).instances, 1);
  assert.equal(scaleAt({ atLeast: 9_999 }).instances, 5, 'policies hold for it too');
  const blind = { ...look, usages: new Map(), atLeast: 3 };
  assert.equal(scaleHorizontally(rateOnly, openHorizontal, blind).decision.instances, 3);
});
