import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApartCount } from '../traffic/samples/traffic-sample.ts';
import {
  ana,
  firstRollout,
  instancesOf,
  plan,
  play,
  sampleOf,
  specOf,
  stepOf,
} from './release.fixture.ts';
import { shadowP95Ms } from './shadow.ts';

const candidate = specOf(2).revision.id;

/** Version 2 with a mirror beside its first step, after these samples. */
function after(...samples: readonly (readonly ApartCount[])[]) {
  const steps = [stepOf(10, { mirror: { percent: 50 } }), stepOf(100)];
  const spec = { ...specOf(2), plan: { ...plan, steps } };
  const first = play(firstRollout()).state;
  const begun = play(
    [
      { kind: 'apply', atMs: 10_000, spec, by: ana },
      { kind: 'instances', atMs: 11_000, revisions: [instancesOf(1), instancesOf(2)] },
    ],
    first,
  ).state;
  return play(
    samples.map((apart, index) => {
      const atMs = 12_000 + index;
      return { kind: 'sample', atMs, sample: { ...sampleOf(atMs, []), apart } };
    }),
    begun,
  ).state;
}

function copies(kind: ApartCount['kind'], byStatusClass: readonly number[]): ApartCount {
  const ended = byStatusClass.reduce((sum, count) => sum + count, 0);
  return { kind, revisionId: candidate, instanceId: 'x', byStatusClass, latency: [[100, ended]] };
}

test('a step with a mirror copies to its candidate', () => {
  assert.deepEqual(after().traffic?.mirror, { percent: 50, revisionId: candidate });
});

test('what copies came to is summed, and is in no total and no evidence', () => {
  const { rollout } = after(
    [copies('mirror', [0, 8, 0, 0, 1, 1]), copies('mirror-too-large', [0, 0, 0, 0, 0, 2])],
    [copies('mirror', [0, 5, 0, 0, 0, 0]), copies('mirror-overflow', [0, 0, 0, 0, 0, 3])],
  );
  const { shadow } = rollout ?? {};
  assert.deepEqual([shadow?.requests, shadow?.failures, shadow?.dropped], [15, 2, 5]);
  assert.deepEqual(shadow?.latency, [[100, 15]]);
  assert.deepEqual(rollout?.totals.candidate, { requests: 0, failures: 0 });
  assert.deepEqual(after().rollout?.gate, rollout?.gate);
});

test('the 95th percentile is of the bucket that has it', () => {
  const totals = { requests: 0, failures: 0, dropped: 0 };
  assert.equal(shadowP95Ms({ ...totals, latency: [] }), null);
  assert.equal(
    shadowP95Ms({
      ...totals,
      latency: [
        [1, 94],
        [2, 5],
        [3, 1],
      ],
    }),
    0.002,
  );
  assert.equal(
    shadowP95Ms({
      ...totals,
      latency: [
        [1, 95],
        [3, 5],
      ],
    }),
    0.001,
  );
});
