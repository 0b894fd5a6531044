import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GateSettings } from '../release/revision.ts';
import { closeBlock, type GateState, judge, observe, openGate } from './gate.ts';
import { arrivals, seeded } from './simulated-traffic.fixture.ts';

/**
 * The promises of the gate on simulated releases with fixed seeds. Small on purpose (a second or two); the full study with
 * 20,000 releases a scenario is a benchmark. alpha and beta are wide here so that a wrong formula can't hide: at
 * alpha = 0.1 % a thousand releases would say little.
 */
const settings: GateSettings = {
  falseRollbackRatio: 0.001,
  falsePromotionRatio: 0.01,
  worseByRatio: 0.0025,
  soakMs: 10_000,
  atMostMs: 600_000,
};
const tickMs = 100;

test('healthy candidates are rarely rolled back through a ramp with a shared 20-fold spike', () => {
  const runs = 200;
  const alpha = 0.1;
  let rolledBack = 0;
  for (let run = 0; run < runs; run += 1) {
    const random = seeded(1000 + run);
    let state = open({ ...settings, falseRollbackRatio: alpha });
    let failed = false;
    for (const [index, shareRatio] of [0.05, 0.1, 0.25, 0.5].entries()) {
      state = closeBlock(state);
      for (let tick = 0; tick < 50 && !failed; tick += 1) {
        const atMs = (index * 50 + tick) * 2 * tickMs;
        const isSpike = atMs >= 18_000 && atMs < 22_000;
        const baseRatio = (0.001 + 0.001 * index) * (isSpike ? 20 : 1);
        const rates = { shareRatio, candidateRatio: baseRatio, stableRatio: baseRatio };
        state = observe(state, arrivals(random, atMs, 160, rates));
        failed = verdictKind(state, atMs, 100 * shareRatio) === 'fail';
      }
    }
    if (failed) rolledBack += 1;
  }
  const noise = 3 * Math.sqrt(runs * alpha * (1 - alpha));
  assert.ok(rolledBack <= runs * alpha + noise, `${rolledBack} of ${runs}`);
});

test('no healthy candidate of 300 is rolled back at alpha 0.1 %, at 20 requests/s', () => {
  for (let run = 0; run < 300; run += 1) {
    const random = seeded(9000 + run);
    let state = open(settings);
    for (let atMs = 0; atMs < 300_000; atMs += 1000) {
      const rates = { shareRatio: 0.1, candidateRatio: 0.01, stableRatio: 0.01 };
      state = observe(state, arrivals(random, atMs, 20, rates));
    }
    assert.notEqual(verdictKind(state, 300_000, 10), 'fail', `seed ${9000 + run}`);
  }
});

test('bad candidates at 5 % of 800 requests/s cost as few users as the study says', () => {
  const rows = [
    { name: 'dead', candidateRatio: 1, medianMax: 13, p95Max: 20, medianMsMax: 500 },
    { name: 'half', candidateRatio: 0.5, medianMax: 9, p95Max: 14, medianMsMax: 600 },
    { name: '5 %', candidateRatio: 0.051, medianMax: 8, p95Max: 14, medianMsMax: 4000 },
  ];
  for (const { name, candidateRatio, medianMax, p95Max, medianMsMax } of rows) {
    const costs = Array.from({ length: 200 }, (_, run) => rollBackCost(run, candidateRatio));
    const failures = costs.map((cost) => cost.failures).toSorted((a, b) => a - b);
    const times = costs.map((cost) => cost.ms).toSorted((a, b) => a - b);
    const figures = `${name}: ${failures[100]} / ${failures[190]} failed, ${times[100]} ms`;
    assert.ok((failures[100] ?? Infinity) <= medianMax, figures);
    assert.ok((failures[190] ?? Infinity) <= p95Max, figures);
    assert.ok((times[100] ?? Infinity) <= medianMsMax, figures);
  }
});

test('a candidate that dies after a good minute costs little more than one dead from the start', () => {
  const costs = Array.from({ length: 40 }, (_, run) => rollBackCost(run, 1, 60_000).failures);
  const median = costs.toSorted((a, b) => a - b)[20] ?? Infinity;
  assert.ok(median <= 20, `${median} failed`);
});

test('a candidate exactly at the margin rarely passes the last gate', () => {
  const runs = 400;
  const beta = 0.05;
  let passed = 0;
  for (let run = 0; run < runs; run += 1) {
    const random = seeded(50_000 + run);
    let state = open({ ...settings, falsePromotionRatio: beta, worseByRatio: 0.01, soakMs: 0 });
    let isPassed = false;
    for (let atMs = 0; atMs < 60_000 && !isPassed; atMs += 500) {
      const rates = { shareRatio: 0.5, candidateRatio: 0.012, stableRatio: 0.002 };
      state = observe(state, arrivals(random, atMs, 400, rates));
      const question = { atMs, stepSinceMs: 0, weightPercent: 50, isLastGate: true };
      const verdict = judge(state, question);
      // The evidence itself, as the rollback side would stop most of these runs.
      isPassed = verdict.explanation.for >= verdict.explanation.forLimit;
    }
    if (isPassed) passed += 1;
  }
  const noise = 3 * Math.sqrt(runs * beta * (1 - beta));
  assert.ok(passed <= runs * beta + noise, `${passed} of ${runs}`);
});

test('healthy candidates pass the last gate soon after the soak', () => {
  const times = Array.from({ length: 60 }, (_, run) => {
    const random = seeded(70_000 + run);
    let state = open(settings);
    for (let atMs = tickMs; atMs < 120_000; atMs += tickMs) {
      const rates = { shareRatio: 0.5, candidateRatio: 0.001, stableRatio: 0.001 };
      state = observe(state, arrivals(random, atMs, 80, rates));
      if (verdictKind(state, atMs, 50, true) === 'pass') return atMs;
    }
    return Infinity;
  }).toSorted((a, b) => a - b);
  assert.ok((times[30] ?? Infinity) <= 15_000, `median ${times[30]} ms`);
  assert.ok((times[59] ?? Infinity) < 60_000, `slowest ${times[59]} ms`);
});

function rollBackCost(
  run: number,
  badRatio: number,
  badSinceMs = 0,
): { failures: number; ms: number } {
  const random = seeded(run + Math.round(1e6 * badRatio));
  let state = open(settings);
  for (let atMs = tickMs; atMs < badSinceMs + 60_000; atMs += tickMs) {
    const candidateRatio = atMs < badSinceMs ? 0.001 : badRatio;
    const rates = { shareRatio: 0.05, candidateRatio, stableRatio: 0.001 };
    state = observe(state, arrivals(random, atMs, 80, rates));
    if (verdictKind(state, atMs, 5) === 'fail') {
      return { failures: state.totals.candidate.failures, ms: atMs };
    }
  }
  return { failures: Infinity, ms: Infinity };
}

function open(wanted: GateSettings): GateState {
  return openGate(wanted, [], 0, 600_000);
}

function verdictKind(
  state: GateState,
  atMs: number,
  weightPercent: number,
  isLastGate = false,
): string {
  return judge(state, { atMs, stepSinceMs: 0, weightPercent, isLastGate }).kind;
}
