/**
 * The study of the gate (bench/gates) in short: its streams have the moments they claim, the other tools' rules do what their
 * arithmetic says, and the order of the rules is the one that the full study shows.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { upperBound95, waldRequests } from '../../bench/gates/bounds.ts';
import { mainCases } from '../../bench/gates/bad-scenarios.ts';
import { fixedRules } from '../../bench/gates/fixed-rules.ts';
import { comparators } from '../../bench/gates/comparators.ts';
import { type Job, type JobResult, merged, runScenario } from '../../bench/gates/run-scenario.ts';
import { isHigh, shiftOf } from '../../bench/gates/kayenta.ts';
import { histogram, scaled } from '../../bench/gates/latency-stream.ts';
import { quantileMs } from '../../bench/gates/latency-rules.ts';
import { ourRule } from '../../bench/gates/our-gate.ts';
import {
  binomial,
  exponential,
  normal,
  poisson,
  seeded,
  seededSource,
} from '../../bench/gates/random.ts';
import { SavedResults } from '../../bench/gates/saved-results.ts';
import { alike, scenario } from '../../bench/gates/scenario.ts';
import { openStream } from '../../bench/gates/stream.ts';

const short: Job = {
  of: 'short',
  rules: 'all',
  firstRun: 0,
  runs: 200,
  tickMs: 200,
  keepsCosts: true,
};

test('of 200 healthy releases our gate rolls back one at most, a peeked z-test more than 30 %', () => {
  const healthy = scenario({
    name: 'short healthy',
    requestsPerSecond: 800,
    share: 0.1,
    rates: alike(0.002),
    durationMs: 90_000,
  });
  const result = runScenario(healthy, [ourRule, ...comparators], short);
  assert.ok(countOf(result, ourRule.name) <= 1, `${countOf(result, ourRule.name)} of 200`);
  assert.ok(countOf(result, 'z-test 5%') > 60, `${countOf(result, 'z-test 5%')} of 200`);
});

test('a dead candidate costs our gate a fiftieth of what it costs the quickest fixed rule', () => {
  const dead = mainCases.find(({ effect }) => effect === '100 %')?.scenario;
  assert.ok(dead !== undefined);
  const result = runScenario(dead, [ourRule, ...fixedRules], { ...short, runs: 40, tickMs: 50 });
  const failed = (rule: string) => {
    const costs = result.tallies[rule]?.costs ?? [];
    assert.equal(costs.length, 40, `${rule} found ${costs.length} of 40`);
    return costs.reduce((sum, cost) => sum + cost[1], 0) / costs.length;
  };
  assert.ok(50 * failed(ourRule.name) < failed('Flagger 10s x1'));
  // 40 requests/s fail for 10, 50 and 300 s.
  for (const [rule, want] of [
    ['Flagger 10s x1', 400],
    ['Flagger 10s x5', 2000],
    ['Flagger 1m x5', 12_000],
    ['Argo 95% limit 3', 1600],
    ['Argo 99% limit 0', 400],
  ] as const) {
    assert.ok(Math.abs(failed(rule) / want - 1) < 0.03, `${rule}: ${failed(rule)}`);
  }
});

test('a release is the same in every order and in every chunk', () => {
  const some = scenario({
    name: 'short chunks',
    requestsPerSecond: 100,
    share: 0.2,
    rates: { candidateRatio: 0.05, stableRatio: 0.01 },
    durationMs: 60_000,
  });
  const rules = [ourRule, ...comparators];
  const whole = runScenario(some, rules, { ...short, runs: 6 });
  const second = runScenario(some, rules, { ...short, firstRun: 2, runs: 4 });
  const first = runScenario(some, rules, { ...short, runs: 2 });
  assert.deepEqual(merged([first, second]), whole);
});

test('samplers have the mean and the variance of their distributions', () => {
  const random = seeded('moments', 7);
  const rows = [
    { name: 'Poisson 0.03', mean: 0.03, variance: 0.03, draw: () => poisson(random, 0.03) },
    { name: 'Poisson 4', mean: 4, variance: 4, draw: () => poisson(random, 4) },
    { name: 'Poisson 76', mean: 76, variance: 76, draw: () => poisson(random, 76) },
    {
      name: 'binomial 80, 0.01',
      mean: 0.8,
      variance: 0.792,
      draw: () => binomial(random, 80, 0.01),
    },
    { name: 'binomial 8, 0.5', mean: 4, variance: 2, draw: () => binomial(random, 8, 0.5) },
    {
      name: 'binomial 40, 0.97',
      mean: 38.8,
      variance: 1.164,
      draw: () => binomial(random, 40, 0.97),
    },
    { name: 'exponential 5', mean: 5, variance: 25, draw: () => exponential(random, 5) },
    { name: 'normal', mean: 0, variance: 1, draw: () => normal(random) },
  ];
  const draws = 40_000;
  for (const { name, mean, variance, draw } of rows) {
    let [sum, squares] = [0, 0];
    for (let index = 0; index < draws; index += 1) {
      const value = draw() - mean;
      sum += value;
      squares += value * value;
    }
    const deviations = Math.abs(sum / draws) / Math.sqrt(variance / draws);
    assert.ok(deviations < 4, `${name}: mean is off by ${deviations.toFixed(1)} deviations`);
    assert.ok(
      Math.abs(squares / draws / variance - 1) < 0.08,
      `${name}: variance ${squares / draws}`,
    );
  }
});

test('a stream has the rates and shares of its scenario, with bursts and latencies', () => {
  const instances = {
    candidates: 2,
    stables: 8,
    meanMsBetween: 20_000,
    lengthMs: 1000,
    failureRatio: 0.9,
  };
  const common = { requestsPerSecond: 400, share: 0.2, rates: alike(0.01) };
  // An instance is in an incident for 1 - exp(-1/20) of the time, and then fails 90 %.
  const burstRatio = 0.01 + (0.9 - 0.01) * (1 - Math.exp(-1 / 20));
  const rows = [
    { scenario: scenario({ name: 'short plain', ...common }), ratio: 0.01, noise: 0.1 },
    {
      scenario: scenario({ name: 'short burst', ...common, instances }),
      ratio: burstRatio,
      noise: 0.2,
    },
  ];
  for (const { scenario: one, ratio, noise } of rows) {
    const next = openStream(one, 3, 100);
    let [candidates, stables, failures] = [0, 0, 0];
    for (let number = 1; number <= 6000; number += 1) {
      const tick = next(number);
      candidates += tick.candidateRequests;
      stables += tick.stableRequests;
      failures += tick.candidateFailures + tick.stableFailures;
    }
    const all = candidates + stables;
    assert.ok(Math.abs(all / 240_000 - 1) < 0.01, `${one.name}: ${all} requests`);
    assert.ok(Math.abs(candidates / all - 0.2) < 0.005, `${one.name}: share ${candidates / all}`);
    assert.ok(Math.abs(failures / all / ratio - 1) < noise, `${one.name}: ${failures / all}`);
  }
  const counts = new Float64Array(368);
  for (const [bucket, count] of histogram(seededSource('latency', 1), scaled(1).fine, 100_000)) {
    counts[bucket] = count;
  }
  for (const [quantile, want] of [
    [0.5, 80],
    [0.95, 215],
    [0.99, 323],
  ] as const) {
    const ms = quantileMs([counts], quantile) ?? 0;
    assert.ok(Math.abs(ms / want - 1) < 0.02, `p${100 * quantile}: ${ms} ms`);
  }
});

test("Kayenta's judge needs five points an arm and a shift larger than a quarter of itself", () => {
  const rows = [
    { name: 'four points apart', candidate: [5, 6, 7, 8], stable: [1, 2, 3, 4], want: false },
    {
      name: 'five points apart',
      candidate: [50, 51, 52, 53, 54],
      stable: [1, 2, 3, 4, 5],
      want: true,
    },
    {
      name: 'apart by little of it',
      candidate: [6, 17, 18, 19, 40],
      stable: [1, 2, 3, 4, 5],
      want: false,
    },
    { name: 'overlapping', candidate: [4, 6, 7, 8, 9], stable: [1, 2, 3, 4, 5], want: false },
    { name: 'alike', candidate: [1, 1, 1, 1, 1], stable: [1, 1, 1, 1, 1], want: false },
    { name: 'lower', candidate: [1, 2, 3, 4, 5], stable: [50, 51, 52, 53, 54], want: false },
  ];
  for (const { name, candidate, stable, want } of rows) {
    assert.equal(isHigh(candidate, stable), want, name);
  }
  // 25 differences from 45 to 53; z falls below 2.326 after the first, below 0 at the middle one.
  assert.deepEqual(shiftOf([50, 51, 52, 53, 54], [1, 2, 3, 4, 5]), { low: 45, estimate: 49 });
});

test('bounds are those of their worked examples', () => {
  assert.ok(Math.abs(upperBound95(0, 20_000) - 0.000_149_8) < 1e-6);
  assert.ok(Math.abs(upperBound95(12, 20_000) - 0.000_972) < 1e-6);
  assert.equal(upperBound95(5, 5), 1);
  const situation = { shareRatio: 0.05, stableRatio: 0.001, candidateRatio: 0.051 };
  assert.ok(Math.abs(waldRequests(situation, 0.001) - 60.6) < 0.1);
});

test('a finished job is found again after a restart, one cut off in the middle is not', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gates-study-'));
  try {
    const path = join(folder, 'saved.jsonl');
    const result: JobResult = {
      runs: 3,
      tallies: { rule: { runs: 3, count: 1, early: 0, costs: [[5, 2, 9]] } },
    };
    const other = { ...short, firstRun: 200 };
    new SavedResults(path).add(short, result);
    appendFileSync(path, `\n{"sources":"0","job":${JSON.stringify(other)},"result":{"ru`);
    const reopened = new SavedResults(path);
    assert.deepEqual(reopened.get(short), result);
    assert.equal(reopened.get(other), undefined);
    reopened.add(other, result);
    assert.deepEqual(new SavedResults(path).get(other), result);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the study refuses what it cannot run, and ends a part with its JSON', () => {
  const study = (...argv: readonly string[]) => {
    const program = join(import.meta.dirname, '../../bench/gates/main.ts');
    return spawnSync(process.execPath, [program, ...argv], { encoding: 'utf8', timeout: 20_000 });
  };
  const refused = study('--table', 'nul');
  assert.equal(refused.status, 2);
  assert.match(refused.stderr, /there is no table nul[\s\S]*tables: null, detection/);
  const ran = study('--table', 'users', '--releases', '1', '--workers', '1');
  assert.equal(ran.status, 0, ran.stderr);
  const result: unknown = JSON.parse(ran.stdout.trim().split('\n').at(-1) ?? '');
  assert.ok(typeof result === 'object' && result !== null && 'microsecondsPerTick' in result);
});

function countOf(result: JobResult, rule: string): number {
  return result.tallies[rule]?.count ?? 0;
}
