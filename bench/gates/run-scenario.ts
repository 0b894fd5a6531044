import type { Rule } from './rule.ts';
import { runRelease } from './release.ts';
import type { LatencyDetail, Scenario } from './stream.ts';

/** Some releases of one scenario; small enough to be done again. Plain data: it crosses to the workers. */
export interface Job {
  /** A scenario's name, or a rollout's. */
  readonly of: string;
  readonly rules: 'all' | 'ours' | 'latency' | 'bursts' | 'healthy' | 'rollback' | 'rollout';
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

export function runScenario(
  scenario: Scenario,
  rules: readonly Rule[],
  job: Job,
  detail: LatencyDetail = 'fine',
): JobResult {
  const tallies = Object.fromEntries(rules.map((rule) => [rule.name, openTally()]));
  for (let index = 0; index < job.runs; index += 1) {
    const run = job.firstRun + index;
    const outcomes = runRelease(scenario, rules, { run, tickMs: job.tickMs, detail });
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

export interface OpenTally {
  runs: number;
  count: number;
  early: number;
  readonly costs: (readonly [number, number, number])[];
}

export function openTally(): OpenTally {
  return { runs: 0, count: 0, early: 0, costs: [] };
}
