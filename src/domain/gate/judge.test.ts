import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GateSettings, Objective, Step } from '../release/revision.ts';
import { baseRatioAt } from './base-rate.ts';
import { knowledgeOf } from './estimate-knowledge.ts';
import { estimateRollout } from './estimate.ts';
import { type GateState, judge, observe, openGate } from './gate.ts';
import type { GateQuestion } from './verdict.ts';

const settings: GateSettings = {
  falseRollbackRatio: 0.001,
  falsePromotionRatio: 0.01,
  worseByRatio: 0.0025,
  soakMs: 10_000,
  atMostMs: 60_000,
};

test('the margin narrows with the weight and is never finer than declared', () => {
  const rows = [
    { weightPercent: 0.1, isLastGate: false, worseBy: 0.0025, marginRatio: 0.2, forLimit: 20 },
    { weightPercent: 1, isLastGate: false, worseBy: 0.0025, marginRatio: 0.2, forLimit: 20 },
    { weightPercent: 1.1, isLastGate: false, worseBy: 0.0025, marginRatio: 0.03, forLimit: 20 },
    { weightPercent: 10, isLastGate: false, worseBy: 0.0025, marginRatio: 0.03, forLimit: 20 },
    { weightPercent: 10.1, isLastGate: false, worseBy: 0.0025, marginRatio: 0.01, forLimit: 20 },
    { weightPercent: 25, isLastGate: false, worseBy: 0.0025, marginRatio: 0.01, forLimit: 20 },
    { weightPercent: 25.1, isLastGate: false, worseBy: 0.0025, marginRatio: 0.0025, forLimit: 20 },
    { weightPercent: 1, isLastGate: true, worseBy: 0.0025, marginRatio: 0.0025, forLimit: 100 },
    { weightPercent: 10, isLastGate: false, worseBy: 0.05, marginRatio: 0.05, forLimit: 20 },
    { weightPercent: 1, isLastGate: false, worseBy: 0.3, marginRatio: 0.3, forLimit: 20 },
  ];
  for (const { worseBy, marginRatio, forLimit, ...step } of rows) {
    const state = openGate({ ...settings, worseByRatio: worseBy }, [], 0, 600_000);
    const { explanation } = judge(state, { atMs: 0, stepSinceMs: 0, ...step });
    assert.equal(explanation.marginRatio, marginRatio, JSON.stringify(step));
    assert.equal(explanation.forLimit, forLimit);
    assert.equal(explanation.for.toFixed(9), '1.000000000', 'the margin is tracked');
    assert.equal(explanation.against.toFixed(9), '1.000000000');
  }
});

test('a step passes when everything holds, and each missing thing is named', () => {
  const good = fed({ ticks: 120, candidate: [40, 0], stable: [760, 1] });
  const early = fed({ ticks: 30, candidate: [40, 0], stable: [760, 1] });
  const asked = { atMs: 12_000, stepSinceMs: 0, weightPercent: 5, isLastGate: false };
  const rows: readonly (readonly [string, GateState, GateQuestion, string, string | null])[] = [
    ['all holds', good, asked, 'pass', null],
    ['soak not over', good, { ...asked, stepSinceMs: 2001 }, 'undecided', 'soak'],
    ['soak just over', good, { ...asked, stepSinceMs: 2000 }, 'pass', null],
    [
      'step without data',
      good,
      { ...asked, stepSinceMs: 12_001, atMs: 30_000 },
      'undecided',
      'no-data',
    ],
    ['silence', good, { ...asked, stepSinceMs: 5000, atMs: 72_001 }, 'undecided', 'time-limit'],
    ['late, and enough', good, { ...asked, atMs: 65_000 }, 'pass', null],
    ['finer margin', early, { ...asked, atMs: 3000, isLastGate: true }, 'undecided', null],
    ['nothing at all', fed({ ticks: 0 }), asked, 'undecided', 'no-data'],
  ];
  for (const [name, state, question, kind, heldBy] of rows) {
    const verdict = judge(state, question);
    assert.equal(verdict.kind, kind, `${name}: ${verdict.explanation.sentence}`);
    assert.equal(verdict.explanation.heldBy, heldBy, name);
  }
});

test('some evidence against holds a step before it rolls back', () => {
  const state = fed({ ticks: 20, candidate: [40, 0], stable: [760, 1] });
  const doubted = observe(state, {
    atMs: 12_100,
    candidate: { requests: 40, failures: 5 },
    stable: { requests: 760, failures: 1 },
  });
  const question = { atMs: 12_100, stepSinceMs: 0, weightPercent: 5, isLastGate: false };
  const { kind, explanation } = judge(doubted, question);
  assert.equal(kind, 'undecided', explanation.sentence);
  assert.ok(explanation.against >= 20 && explanation.against < 1000, explanation.sentence);
  assert.equal(explanation.heldBy, 'evidence-against');
  assert.match(explanation.sentence, /\(20 holds, 1,000 rolls back\)$/);
});

test('sentences carry the numbers', () => {
  const asked = { atMs: 3100, stepSinceMs: 0, weightPercent: 5, isLastGate: false };
  const state = fed({ ticks: 31, candidate: [40, 0], stable: [360, 0] });
  assert.match(
    judge(state, { ...asked, weightPercent: 50 }).explanation.sentence,
    /^0 of 1,240 candidate requests failed \(0\.00 %\), stable 0 of 11,160 \(0\.00 %\); not worse than \+0\.25 pp: evidence [\d.]+ of 20/,
  );
  const dead = fed({ ticks: 3, candidate: [4, 4], stable: [76, 0] });
  const { kind, explanation } = judge(dead, asked);
  assert.equal(kind, 'fail');
  assert.match(
    explanation.sentence,
    /^12 of 12 candidate requests failed \(100\.00 %\), stable 0 of 228 \(0\.00 %\); evidence that the candidate is worse: more than 1,000,000 \(limit 1,000\)$/,
  );
});

test('at the time limit the sentence says what is known, missing and possible', () => {
  const state = fed({ ticks: 600, candidate: [1, 0], stable: [19, 0] });
  const question = { atMs: 60_000, stepSinceMs: 0, weightPercent: 5, isLastGate: true };
  const { kind, explanation } = judge(state, question);
  assert.equal(kind, 'undecided');
  assert.equal(explanation.heldBy, 'time-limit');
  assert.match(
    explanation.sentence,
    /^no verdict within 60 s: 0 of 600 .*; worse than \+1 pp is excluded; \+0\.25 pp needs about [\d,]+ more requests in all at 5 %: \d+ (s|min) at 200 requests\/s$/,
  );
  assert.equal(judge(state, { ...question, atMs: 59_999 }).explanation.heldBy, null);
});

test('what is missing at the time limit is what the estimate says, at the traffic there is lately', () => {
  let state = openGate(settings, [], 0, 600_000);
  // 200/s for two minutes, then 20/s for five.
  for (let tick = 1; tick <= 4200; tick += 1) {
    const share = tick <= 1200 ? 1 : tick % 10 === 0 ? 1 : 0;
    const candidate = { requests: share, failures: 0 };
    state = observe(state, {
      atMs: 100 * tick,
      candidate,
      stable: { ...candidate, requests: 19 * share },
    });
  }
  const question = { atMs: 420_000, stepSinceMs: 0, weightPercent: 5, isLastGate: true };
  const { sentence } = judge(state, question).explanation;
  const [, needed, rate] =
    /about ([\d,]+) more requests in all at 5 %: .* at (\d+) requests/.exec(sentence) ?? [];
  const place = { stepIndex: 0, stepAgeMs: 420_000, isGatePassed: false, waitLeftMs: 0 };
  const step: Step = {
    weightPercent: 5,
    match: null,
    atLeastMs: 0,
    gated: true,
    wait: { kind: 'none' },
  };
  const plan = {
    steps: [step, { ...step, weightPercent: 100 }],
    gate: settings,
    bakeMs: 0,
    objectives: [],
  };
  const { steps } = estimateRollout({
    requestsPerSecond: 20,
    baseErrorRatio: baseRatioAt(state.errors.base, 420_000),
    plan,
    from: { ...place, knowledge: knowledgeOf(state) },
  });
  const estimated = steps[0]?.requests ?? 0;
  const said = Number((needed ?? '').replaceAll(',', ''));
  assert.ok(estimated > 100 && Math.abs(said / estimated - 1) < 0.06, `${said}, not ${estimated}`);
  assert.ok(Math.abs(Number(rate) / 20 - 1) < 0.35, sentence);
});

test('an objective is named when it holds', () => {
  const objective: Objective = { kind: 'success', name: 'availability', ratioMin: 0.99 };
  let state = openGate(settings, [objective], 0, 600_000);
  for (let tick = 1; tick <= 100; tick += 1) {
    const arm = { requests: 100, failures: 3 };
    state = observe(state, { atMs: tick * 100, candidate: arm, stable: arm });
  }
  const question = { atMs: 10_000, stepSinceMs: 0, weightPercent: 5, isLastGate: false };
  const { explanation } = judge(state, question);
  assert.equal(explanation.heldBy, 'availability');
  assert.match(
    explanation.sentence,
    /held by objective availability: more than 1\.00 % of the candidate's requests fail$/,
  );
});

function fed(input: {
  readonly ticks: number;
  readonly candidate?: readonly [number, number];
  readonly stable?: readonly [number, number];
}): GateState {
  const { ticks, candidate = [0, 0], stable = [0, 0] } = input;
  let state = openGate(settings, [], 0, 600_000);
  for (let tick = 1; tick <= ticks; tick += 1) {
    state = observe(state, {
      atMs: tick * 100,
      candidate: { requests: candidate[0], failures: candidate[1] },
      stable: { requests: stable[0], failures: stable[1] },
    });
  }
  return state;
}
