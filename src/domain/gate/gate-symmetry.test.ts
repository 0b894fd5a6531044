import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { MetricSpec } from './custom-metrics.ts';
import { type GateObservation, type GateState, judge, observe, openGate } from './gate.ts';
import { sharesOf } from './gate-state.ts';
import { latencyBucketCount } from '../traffic/samples/latency-buckets.ts';
import { addToUnits, type InstanceTally, openUnitLane, unitEvidence } from './unit-lane.ts';

/** What must not matter to a gate: the order within a block, how instances are reported, the unit of weights, the way of storing. */
const settings = {
  falseRollbackRatio: 0.001,
  falsePromotionRatio: 0.01,
  worseByRatio: 0.0025,
  soakMs: 0,
  atMostMs: 600_000,
  warmUpMs: 0,
};

const small = fc.record({ requests: fc.nat({ max: 30 }), failedPart: fc.nat({ max: 100 }) });
const interval = fc.record({ candidate: small, stable: small });
type Interval = Readonly<Record<'candidate' | 'stable', { requests: number; failedPart: number }>>;

test('the order of the intervals within one block does not matter', () => {
  // One candidate request at a time and 3 of stable: the third interval completes a block.
  const few = fc.array(
    fc.record({ failed: fc.boolean(), stableFailures: fc.integer({ min: 0, max: 3 }) }),
    { minLength: 3, maxLength: 3 },
  );
  fc.assert(
    fc.property(few, (rows) => {
      const after = (all: typeof rows): GateState => {
        let state = openGate(settings, [], 0, 60_000);
        for (const { failed, stableFailures } of all) {
          state = observe(state, {
            atMs: 1000,
            candidate: { requests: 1, failures: failed ? 1 : 0 },
            stable: { requests: 3, failures: stableFailures },
          });
        }
        return state;
      };
      const turned = after(rows.toReversed());
      assert.deepEqual(after(rows).errors, turned.errors);
      assert.notEqual(turned.errors.comparedAtMs, null);
    }),
    { seed: 41, numRuns: 300 },
  );
});

test('counts told in parts are the counts told at once, within a block and by instance', () => {
  fc.assert(
    fc.property(fc.array(interval, { minLength: 1, maxLength: 20 }), (rows) => {
      let whole = openUnitLane(1000, 0, 60_000);
      let parts = whole;
      for (const [index, row] of rows.entries()) {
        const atMs = 400 * (index + 1);
        const candidate = [tallyOf('c', row.candidate)];
        const stable = [tallyOf('s', row.stable), tallyOf('t', row.candidate)];
        whole = addToUnits(whole, { candidate, stable }, atMs);
        parts = addToUnits(parts, { candidate, stable: [] }, atMs);
        parts = addToUnits(parts, { candidate: [], stable: stable.toReversed() }, atMs);
      }
      assert.equal(unitEvidence(parts), unitEvidence(whole));
    }),
    { seed: 42, numRuns: 300 },
  );
});

test('the unit in which weights of metrics are told does not matter', () => {
  const metric = (name: string, weight: number): MetricSpec => ({ name, kind: 'ratio', weight });
  // 0.6 of errors and 0.25 of latency are fixed, so weights scale against each other.
  for (const factor of [0.5, 2, 10]) {
    const plain = openGate({ ...settings, metrics: [metric('a', 1), metric('b', 3)] }, [], 0, 0);
    const scaled = openGate(
      { ...settings, metrics: [metric('a', factor), metric('b', 3 * factor)] },
      [],
      0,
      0,
    );
    const custom = (state: GateState): number => sharesOf(state).perWeight;
    const ofA = (state: GateState, weight: number): number =>
      (weight * custom(state)) / (weight * custom(state) + 3 * weight * custom(state));
    assert.ok(Math.abs(ofA(plain, 1) - ofA(scaled, factor)) < 1e-12);
    const { errors, latency, perWeight } = sharesOf(scaled);
    assert.ok(Math.abs(errors + latency + 4 * factor * perWeight - 0.85) < 1e-12);
  }
});

test('a state that was stored and read again goes on the same, byte for byte', () => {
  fc.assert(
    fc.property(fc.array(interval, { minLength: 5, maxLength: 40 }), (rows) => {
      let kept = openGate({ ...settings, incidentMs: 1000 }, [], 0, 60_000);
      let stored = kept;
      for (const [index, row] of rows.entries()) {
        const seen = observationOf(row, 100 * (index + 1));
        const before = JSON.stringify(kept);
        const next = observe(kept, seen);
        assert.equal(JSON.stringify(kept), before, 'a state that somebody holds was changed');
        kept = next;
        stored = JSON.parse(JSON.stringify(observe(stored, seen)));
      }
      assert.equal(JSON.stringify(stored), JSON.stringify(kept));
      const question = { atMs: kept.lastAtMs, stepSinceMs: 0, weightPercent: 50, isLastGate: true };
      assert.deepEqual(judge(stored, question), judge(kept, question));
    }),
    { seed: 43, numRuns: 100 },
  );
});

test('numbers that are none, negative or huge are refused at the door, wherever they stand', () => {
  const right: GateObservation = {
    atMs: 1000,
    candidate: { requests: 10, failures: 1 },
    stable: { requests: 90, failures: 1 },
    wantedShareRatio: 0.1,
    latency: { candidate: [[100, 10]], stable: [[100, 90]] },
    instances: {
      candidate: [{ instanceId: 'c', requests: 10, failures: 1, latency: [[100, 10]] }],
      stable: [{ instanceId: 's', requests: 90, failures: 1 }],
    },
    strata: [
      {
        key: 'a',
        candidate: { requests: 10, failures: 1 },
        stable: { requests: 90, failures: 1 },
        latency: { candidate: [[100, 10]], stable: [[100, 90]] },
      },
    ],
    metrics: [
      {
        name: 'm',
        kind: 'ratio',
        candidate: { requests: 10, failures: 1 },
        stable: { requests: 90, failures: 1 },
      },
      { name: 'h', kind: 'histogram', candidate: [[100, 10]], stable: [[100, 90]] },
    ],
  };
  const opened = openGate(settings, [], 0, 60_000);
  assert.equal(observe(opened, right).telemetryFault, null);
  const paths = numbersOf(right);
  assert.ok(paths.length >= 32, `${paths.length} numbers`);
  for (const path of paths) {
    for (const wrong of [Number.NaN, Infinity, -Infinity, -1, 2 ** 53]) {
      if (path.join('.') === 'atMs' && wrong === 2 ** 53) continue;
      const broken = observe(opened, replaced(right, path, wrong) as GateObservation);
      const place = `${wrong} at ${path.join('.')}`;
      assert.notEqual(broken.telemetryFault, null, place);
      assert.deepEqual({ ...broken, telemetryFault: null }, opened, place);
    }
  }
  const noBucket = { candidate: [[latencyBucketCount, 1]] as const, stable: [] };
  assert.notEqual(observe(opened, { ...right, latency: noBucket }).telemetryFault, null);
});

function tallyOf(
  instanceId: string,
  { requests, failedPart }: Interval['candidate'],
): InstanceTally {
  return { instanceId, requests, failures: Math.floor((requests * failedPart) / 100) };
}

function observationOf({ candidate, stable }: Interval, atMs: number): GateObservation {
  const [bad, good] = [tallyOf('c', candidate), tallyOf('s', stable)];
  const histogram = (requests: number): readonly (readonly [number, number])[] =>
    requests === 0 ? [] : [[200 + (requests % 40), requests]];
  return {
    atMs,
    candidate: { requests: bad.requests, failures: bad.failures },
    stable: { requests: good.requests, failures: good.failures },
    latency: { candidate: histogram(bad.requests), stable: histogram(good.requests) },
    instances: { candidate: [bad], stable: [good] },
  };
}

type Path = readonly (string | number)[];

/** Where numbers stand in plain data. */
function numbersOf(value: unknown): readonly Path[] {
  if (typeof value === 'number') return [[]];
  if (Array.isArray(value)) {
    return value.flatMap((each: unknown, index) => numbersOf(each).map((rest) => [index, ...rest]));
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) =>
    numbersOf(each).map((rest) => [key, ...rest]),
  );
}

function replaced(value: unknown, path: Path, by: number): unknown {
  const [first, ...rest] = path;
  if (first === undefined) return by;
  if (Array.isArray(value)) {
    return value.map((each: unknown, index) => (index === first ? replaced(each, rest, by) : each));
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      key,
      key === first ? replaced(each, rest, by) : each,
    ]),
  );
}
