import { burstBadScenarios, burstNullScenarios } from './burst-scenarios.ts';
import { runHealthy } from './healthy-job.ts';
import { gridCases, lateCases } from './bad-scenarios.ts';
import { comparators } from './comparators.ts';
import { latencyNullScenarios, slowCases } from './latency-scenarios.ts';
import { latencyRules } from './latency-rules.ts';
import { nullScenarios } from './null-scenarios.ts';
import { latencyRule, ourRule, robustRule } from './our-gate.ts';
import { runRollout } from './rollout.ts';
import { type Job, type JobResult, openTally, runScenario } from './run-scenario.ts';
import { marginCases, rolloutCases } from './rollout-cases.ts';
import type { Rule } from './rule.ts';
import type { Scenario } from './stream.ts';
import { userCases } from './user-scenarios.ts';

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
  switch (job.rules) {
    case 'rollout':
      return runRollouts(job);
    case 'healthy':
    case 'rollback':
      return runHealthy(job);
    case 'all':
    case 'ours':
    case 'latency':
    case 'bursts': {
      const scenario = wanted<Scenario>(scenarios, job.of);
      return runScenario(scenario, rulesOf(job.rules, scenario), job);
    }
  }
}

function rulesOf(
  rules: 'all' | 'ours' | 'latency' | 'bursts',
  { instances }: Scenario,
): readonly Rule[] {
  switch (rules) {
    case 'ours':
      return [ourRule];
    case 'bursts':
      return [...allRules, robustRule(instances?.lengthMs ?? 0)];
    case 'latency':
      return [latencyRule, ...latencyRules];
    case 'all':
      return allRules;
  }
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
