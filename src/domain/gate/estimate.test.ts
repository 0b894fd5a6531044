import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GateSettings, Plan, Step } from '../release/revision.ts';
import { estimateRollout, type StepEstimate } from './estimate.ts';

test('detection estimates are within a quarter of the simulated median', () => {
  // Base, share in %, candidate, requests of both arms (bench/gates, table estimate).
  const rows: readonly (readonly [number, number, string, number])[] = [
    [0.001, 5, '2x', 509_784],
    [0.001, 5, '5x', 45_593],
    [0.001, 10, '+1 pp', 6795],
    [0.001, 5, '+5 pp', 1785],
    [0.001, 50, '+5 pp', 645],
    [0.005, 5, '5x', 9600],
    [0.005, 10, '2x', 55_356],
    [0.005, 50, '+5 pp', 712],
    [0.01, 10, '2x', 26_406],
    [0.01, 5, '+1 pp', 44_684],
    [0.05, 10, '2x', 4952],
  ];
  for (const [base, share, name, want] of rows) {
    const step = only(estimate({ base, weights: [share, 100] }).steps);
    const requests = step.detections.find((each) => each.name === name)?.candidateRequests ?? 0;
    const got = (100 * requests) / share;
    assert.ok(Math.abs(got / want - 1) < 0.25, `${base} ${share} % ${name}: ${got}, not ${want}`);
  }
});

test('less than the smallest regression the gate looks for is not promised to be found', () => {
  // Odds 1.2; the gate's smallest alternative has 1.5. Simulated, chance finds it after 660,000 requests.
  const step = only(estimate({ base: 0.05, weights: [5, 100] }).steps);
  assert.equal(step.detections.find(({ name }) => name === '+1 pp')?.detectedMs, null);
});

test('promotion estimates are within a quarter of the simulated median', () => {
  // Base, share in %, margin, requests in all.
  const rows: readonly (readonly [number, number, number, number])[] = [
    [0.0001, 5, 0.0025, 43_919],
    [0.0001, 50, 0.01, 1271],
    [0.001, 5, 0.0025, 73_843],
    [0.001, 10, 0.005, 14_699],
    [0.001, 50, 0.0025, 8914],
    [0.005, 50, 0.005, 8092],
    [0.01, 5, 0.001, 2_029_600],
    [0.01, 10, 0.01, 16_769],
    [0.05, 50, 0.01, 20_320],
  ];
  for (const [base, share, margin, want] of rows) {
    const step = only(estimate({ base, weights: [share, 100], margin }).steps);
    const got = step.requests ?? 0;
    assert.ok(
      Math.abs(got / want - 1) < 0.25,
      `${base} ${share} % +${margin}: ${got}, not ${want}`,
    );
  }
});

test('the soak and what earlier steps have shown are counted', () => {
  const all = estimate({ base: 0.001, weights: [1, 5, 50, 100] });
  assert.equal(all.kind, 'feasible');
  assert.deepEqual(
    all.steps.map((step) => [step.weightPercent, step.marginRatio, step.lastsMs]),
    [
      [1, 0.2, 30_000],
      [5, 0.03, 30_000],
      [50, 0.0025, 30_000],
    ],
  );
  assert.equal(all.totalMs, 90_000);
  const direct = only(estimate({ base: 0.001, weights: [50, 100] }).steps);
  assert.ok((all.steps[2]?.requests ?? 0) < (direct.requests ?? 0));
});

test('a step that cannot have its verdict in time says what it would need', () => {
  const slow = estimate({ base: 0.001, weights: [5, 100], requestsPerSecond: 20 });
  assert.equal(slow.kind, 'infeasible');
  assert.match(
    slow.kind === 'infeasible' ? slow.sentence : '',
    /^20 requests\/s are too few to show "not worse than \+0.25 pp" at 5 % in 10 min: needs 7\d,000 requests = 1 h \d min; /,
  );
  const none = estimate({ base: 0.001, weights: [5, 100], requestsPerSecond: 0 });
  assert.equal(none.kind, 'infeasible');
  assert.equal(none.totalMs, null);
  const byHeader = estimate({ base: 0.001, weights: [0, 50, 100] });
  assert.match(byHeader.kind === 'infeasible' ? byHeader.sentence : '', /share .* is unknown/);
  assert.deepEqual(JSON.parse(JSON.stringify(byHeader)), byHeader);
});

test('a perfect base has no multiples to detect and no failure is beyond 100 %', () => {
  const step = only(estimate({ base: 0, weights: [5, 100] }).steps);
  assert.equal(step.detections.find((each) => each.name === '5x')?.candidateRequests, null);
  const bad = only(estimate({ base: 0.97, weights: [5, 100] }).steps);
  for (const each of bad.detections) assert.ok(each.candidateRatio <= 1);
});

test('"not slower" at the last gate takes what the study says', () => {
  for (const [share, want] of [
    [5, 22_000],
    [50, 3400],
  ] as const) {
    const input = { base: 0.00001, weights: [share, 100], margin: 0.5 };
    const plain = only(estimate(input).steps).requests ?? 0;
    const slow = only(estimate({ ...input, latency: 'on' }).steps).requests ?? 0;
    assert.ok(plain < 0.1 * slow);
    assert.ok(Math.abs(slow / want - 1) < 0.25, `${slow}, not ${want}`);
  }
});

test('detection by instance and window is near what is simulated, and unknown without instances', () => {
  const input = { base: 0.001, weights: [5, 100], incidentMs: 5000 };
  const step = only(estimate({ ...input, instances: { candidate: 2, stable: 38 } }).steps);
  const told = (name: string): number =>
    step.detections.find((each) => each.name === name)?.detectedMs ?? 0;
  assert.ok(Math.abs(told('5x') / 115_000 - 1) < 0.25, `${told('5x')}`);
  assert.ok(Math.abs(told('fails 100 %') / 20_000 - 1) <= 0.25, `${told('fails 100 %')}`);
  const dead = step.detections.find((each) => each.name === 'fails 100 %');
  assert.ok((dead?.failedRequests ?? 0) <= 25);
  const unknown = only(estimate(input).steps);
  for (const each of unknown.detections) assert.equal(each.detectedMs, null);
});

test('nonsense is refused', () => {
  for (const requestsPerSecond of [Number.NaN, Infinity, -1]) {
    assert.throws(
      () => estimate({ base: 0.001, weights: [5, 100], requestsPerSecond }),
      RangeError,
    );
  }
  for (const base of [Number.NaN, -0.1, 1]) {
    assert.throws(() => estimate({ base, weights: [5, 100] }), RangeError);
  }
});

function estimate(input: {
  readonly base: number;
  readonly weights: readonly number[];
  readonly margin?: number;
  readonly requestsPerSecond?: number;
  readonly latency?: 'on';
  readonly incidentMs?: number;
  readonly instances?: { readonly candidate: number; readonly stable: number };
}): ReturnType<typeof estimateRollout> {
  const { base, weights, margin = 0.0025, requestsPerSecond = 800 } = input;
  const gate: GateSettings = {
    falseRollbackRatio: 0.001,
    falsePromotionRatio: 0.01,
    worseByRatio: margin,
    soakMs: 30_000,
    atMostMs: 600_000,
    ...(input.latency === undefined ? {} : { latency: input.latency }),
    ...(input.incidentMs === undefined ? {} : { incidentMs: input.incidentMs }),
  };
  const steps = weights.map((weightPercent): Step => ({
    weightPercent,
    match: null,
    atLeastMs: 0,
    gated: weightPercent < 100,
    wait: { kind: 'none' },
  }));
  const plan: Plan = { steps, gate, bakeMs: 0, objectives: [] };
  const { instances = null } = input;
  return estimateRollout({ requestsPerSecond, baseErrorRatio: base, plan, instances });
}

function only(steps: readonly StepEstimate[]): StepEstimate {
  const [step] = steps;
  assert.ok(step);
  return step;
}
