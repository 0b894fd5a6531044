import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { type InstanceAmount, planRecreate, planRolling, rollingBounds } from './rolling-update.ts';

const count = (value: number): InstanceAmount => ({ kind: 'count', count: value });
const percent = (value: number): InstanceAmount => ({ kind: 'percent', percent: value });

const bounds: readonly (readonly [
  surge: InstanceAmount,
  unavailable: InstanceAmount,
  desired: number,
  want: string,
])[] = [
  // Rounded up, and down.
  [percent(25), percent(25), 1, '+1 -0'],
  [percent(25), percent(25), 3, '+1 -0'],
  [percent(25), percent(25), 4, '+1 -1'],
  [percent(25), percent(25), 10, '+3 -2'],
  [percent(30), percent(30), 10, '+3 -3'],
  [percent(100), percent(0), 5, '+5 -0'],
  [percent(0), percent(100), 5, '+0 -5'],
  [count(2), count(1), 3, '+2 -1'],
  // No more can be missing than there are.
  [count(0), count(9), 3, '+0 -3'],
  // Both come to 0: one may be missing.
  [percent(0), percent(1), 5, '+0 -1'],
  [count(0), count(0), 5, '+0 -1'],
];

for (const [maxSurge, maxUnavailable, desired, want] of bounds) {
  test(`${JSON.stringify([maxSurge, maxUnavailable])} of ${desired} is ${want}`, () => {
    const { surge, unavailable } = rollingBounds({ maxSurge, maxUnavailable }, desired);
    assert.equal(`+${surge} -${unavailable}`, want);
  });
}

/** `ready/wanted` of incoming and outgoing of 3 -> what is wanted next. */
const plans: readonly (readonly [
  bounds: string,
  incoming: string,
  outgoing: string,
  want: string,
])[] = [
  ['+1 -0', '0/0', '3/3', '1 3'],
  ['+1 -0', '0/1', '3/3', '1 3'],
  ['+1 -0', '1/1', '3/3', '1 2'],
  ['+1 -0', '1/1', '2/2', '2 2'],
  ['+1 -0', '2/2', '2/2', '2 1'],
  ['+1 -0', '3/3', '1/1', '3 0'],
  ['+1 -0', '3/3', '0/0', '3 0'],
  ['+0 -1', '0/0', '3/3', '0 2'],
  ['+0 -1', '0/0', '2/2', '1 2'],
  ['+0 -1', '1/1', '2/2', '1 1'],
  ['+3 -0', '0/0', '3/3', '3 3'],
  ['+3 -0', '2/3', '3/3', '3 1'],
  // Those that do not serve go at once, as nobody misses them.
  ['+1 -0', '0/0', '1/3', '1 3'],
  ['+1 -0', '1/1', '1/3', '1 2'],
  ['+0 -1', '0/0', '0/3', '0 2'],
  ['+1 -1', '0/2', '2/2', '2 2'],
];

for (const [given, incoming, outgoing, want] of plans) {
  test(`${given}: ${incoming} come and ${outgoing} go, next ${want}`, () => {
    const [surge = 0, unavailable = 0] = given.split(' ').map((text) => Math.abs(Number(text)));
    const fleetOf = (text: string) => {
      const [ready = 0, wanted = 0] = text.split('/').map(Number);
      return { ready, wanted };
    };
    const fleets = { incoming: fleetOf(incoming), outgoing: fleetOf(outgoing) };
    const next = planRolling({ surge, unavailable }, 3, fleets);
    assert.equal(`${next.incoming} ${next.outgoing}`, want);
  });
}

test('whatever becomes ready when, the bounds hold, and all are replaced in the end', () => {
  const cases = fc.record({
    desired: fc.integer({ min: 1, max: 12 }),
    surge: fc.integer({ min: 0, max: 12 }),
    unavailable: fc.integer({ min: 0, max: 12 }),
    /** How many of those that are not ready become so at each look. */
    readiness: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 5, maxLength: 60 }),
    idle: fc.integer({ min: 0, max: 12 }),
  });
  fc.assert(
    fc.property(cases, ({ desired, readiness, idle, ...given }) => {
      const limits = rollingBounds(
        { maxSurge: count(given.surge), maxUnavailable: count(given.unavailable) },
        desired,
      );
      const servedMin = desired - limits.unavailable;
      let incoming = { wanted: 0, ready: 0 };
      let outgoing = { wanted: desired, ready: Math.max(0, desired - idle) };
      // In the end all that start become ready.
      for (const grow of [...readiness, ...Array.from({ length: 60 }, () => 12)]) {
        const servedBefore = incoming.ready + outgoing.ready;
        const next = planRolling(limits, desired, { incoming, outgoing });
        assert.ok(next.incoming >= incoming.wanted && next.incoming <= desired);
        assert.ok(next.outgoing <= outgoing.wanted && next.outgoing >= 0);
        assert.ok(next.incoming + next.outgoing <= Math.max(desired + limits.surge, desired));
        const gone = outgoing.wanted - next.outgoing;
        const goneReady = Math.max(0, gone - (outgoing.wanted - outgoing.ready));
        assert.ok(
          goneReady === 0 || servedBefore - goneReady >= servedMin,
          `${servedBefore} - ${goneReady} of ${servedMin}`,
        );
        outgoing = { wanted: next.outgoing, ready: outgoing.ready - goneReady };
        incoming = { wanted: next.incoming, ready: Math.min(next.incoming, incoming.ready + grow) };
      }
      assert.deepEqual(
        { incoming, outgoing },
        {
          incoming: { wanted: desired, ready: desired },
          outgoing: { wanted: 0, ready: 0 },
        },
      );
    }),
    { seed: 20_26, numRuns: 2_000 },
  );
});

test('recreate starts nothing before all are gone', () => {
  assert.deepEqual(planRecreate(3, { wanted: 0, isGone: false }), { incoming: 0, outgoing: 0 });
  assert.deepEqual(planRecreate(3, { wanted: 0, isGone: true }), { incoming: 3, outgoing: 0 });
  assert.deepEqual(planRecreate(3, { wanted: 3, isGone: true }), { incoming: 3, outgoing: 0 });
});
