import { burstBadScenarios, burstNullScenarios } from './burst-scenarios.ts';
import { gridCases, lateCases } from './bad-scenarios.ts';
import { fixedRules } from './fixed-rules.ts';
import { kayentaRule } from './kayenta.ts';
import { latencyNullScenarios, slowCases } from './latency-scenarios.ts';
import { latencyRules } from './latency-rules.ts';
import { nullScenarios } from './null-scenarios.ts';
import { latencyRule, ourRule, robustRule } from './our-gate.ts';
import { pooledZRules } from './pooled-z.ts';
import { runRelease } from './release.ts';
import { runRollout } from './rollout.ts';
import { marginCases, rolloutCases } from './rollout-cases.ts';
import type { Rule } from './rule.ts';
import type { Scenario } from './stream.ts';
import { userCases } from './user-scenarios.ts';

/** Some releases of one scenario; small enough to be done again. Plain data: it crosses to the workers. */
export interface Job {
  /** A scenario's name, or a rollout's. */
  readonly of: string;
  readonly rules: 'all' | 'ours' | 'latency' | 'bursts' | 'declared' | 'rollout';
  readonly firstRun: number;
  readonly runs: number;
  readonly tickMs: number;
  /** Healthy releases are counted only; of bad ones the costs are kept. */
  readonly keepsCosts: boolean;
}

/** By rule, or by end of a rollout. */
export interface JobResult {
  readonly runs: number;
  readonly tallies: Readonly<Record<string, Tally>>;
}

export interface Tally {
  /** Releases that the rule was asked about. */
  readonly runs: number;
  readonly count: number;
  /** Rollbacks before the candidate was bad; part of the count, without a cost. */
  readonly early: number;
  /** [ms, failed requests, candidate's requests] of each. */
  readonly costs: readonly (readonly [number, number, number])[];
}

export const comparators: readonly Rule[] = [...fixedRules, kayentaRule, ...pooledZRules];
const allRules: readonly Rule[] = [ourRule, ...comparators];

const scenarios = byName([
  ...nullScenarios,
  ...gridCases.map((each) => each.scenario),
  ...lateCases.map((each) => each.scenario),
  ...burstNullScenarios,
  ...burstBadScenarios,
  ...userCases.map((each) => each.scenario),
  ...slowCases.map((each) => each.scenario),
  ...latencyNullScenarios,
]);
const rollouts = byName([...rolloutCases, ...marginCases]);

export function runJob(job: Job): JobResult {
  return job.rules === 'rollout' ? runRollouts(job) : runReleases(job);
}

function runReleases(job: Job): JobResult {
  const scenario = wanted<Scenario>(scenarios, job.of);
  return runScenario(scenario, rulesOf(job, scenario), job);
}

function rulesOf({ rules }: Job, { instances }: Scenario): readonly Rule[] {
  const declared = robustRule(instances?.lengthMs ?? 0);
  switch (rules) {
    case 'ours':
      return [ourRule];
    case 'declared':
      return [declared];
    case 'bursts':
      return [...allRules, declared];
    case 'latency':
      return [latencyRule, ...latencyRules];
    case 'all':
    case 'rollout':
      return allRules;
  }
}

export function runScenario(scenario: Scenario, rules: readonly Rule[], job: Job): JobResult {
  const tallies = Object.fromEntries(rules.map((rule) => [rule.name, openTally()]));
  for (let index = 0; index < job.runs; index += 1) {
    const run = job.firstRun + index;
    const outcomes = runRelease(scenario, rules, { run, tickMs: job.tickMs });
    for (const [at, outcome] of outcomes.entries()) {
      const tally = tallies[rules[at]?.name ?? ''];
      if (tally === undefined) continue;
      tally.runs += 1;
      if (outcome === null) continue;
      tally.count += 1;
      if (outcome.afterMs <= 0) tally.early += 1;
      else if (job.keepsCosts) {
        tally.costs.push([outcome.afterMs, outcome.failedRequests, outcome.requests]);
      }
    }
  }
  return { runs: job.runs, tallies };
}

function runRollouts(job: Job): JobResult {
  const rollout = wanted(rollouts, job.of);
  const tallies = { promoted: openTally(), 'rolled back': openTally(), open: openTally() };
  for (let index = 0; index < job.runs; index += 1) {
    const end = runRollout(rollout, { run: job.firstRun + index, tickMs: job.tickMs });
    const tally = tallies[end.kind];
    tally.runs += 1;
    tally.count += 1;
    if (job.keepsCosts) tally.costs.push([end.atMs, end.failedRequests, 0]);
  }
  return { runs: job.runs, tallies };
}

export function merged(results: readonly JobResult[]): JobResult {
  const tallies: Record<string, OpenTally> = {};
  let runs = 0;
  for (const result of results) {
    runs += result.runs;
    for (const [name, { runs: asked, count, early, costs }] of Object.entries(result.tallies)) {
      const tally = (tallies[name] ??= openTally());
      tally.runs += asked;
      tally.count += count;
      tally.early += early;
      for (const cost of costs) tally.costs.push(cost);
    }
  }
  return { runs, tallies };
}

interface OpenTally {
  runs: number;
  count: number;
  early: number;
  readonly costs: (readonly [number, number, number])[];
}

function openTally(): OpenTally {
  return { runs: 0, count: 0, early: 0, costs: [] };
}

function byName<T extends { readonly name: string }>(all: readonly T[]): ReadonlyMap<string, T> {
  const map = new Map(all.map((each) => [each.name, each]));
  if (map.size === all.length) return map;
  const twice = all.find((each) => map.get(each.name) !== each);
  throw new Error(
    `two scenarios are named ${JSON.stringify(twice?.name)}: their streams would be one`,
  );
}

function wanted<T>(all: ReadonlyMap<string, T>, name: string): T {
  const found = all.get(name);
  if (found !== undefined) return found;
  throw new Error(`there is no scenario ${JSON.stringify(name)}`);
}
