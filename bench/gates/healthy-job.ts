import { burstNullScenarios } from './burst-scenarios.ts';
import { comparators } from './comparators.ts';
import { nullScenarios } from './null-scenarios.ts';
import { rollbackRule, robustRollbackRule } from './rollback-rules.ts';
import type { Rule } from './rule.ts';
import { type Job, type JobResult, runScenario } from './run-scenario.ts';
import type { Scenario } from './stream.ts';

/**
 * Healthy releases, of which so many are wanted that a record of them is kept (record.ts). The record is of this file's sources:
 * whatever it imports decides what the counts are, and nothing else does.
 */
export function runHealthy(job: Job): JobResult {
  const scenario = scenarios.get(job.of);
  if (scenario === undefined) throw new Error(`there is no healthy scenario ${job.of}`);
  const own = ownRule(scenario);
  const rules = job.rules === 'rollback' ? [own] : withOthers(own);
  // None of these rules looks at latencies closer than the gate does.
  return runScenario(scenario, rules, job, 'coarse');
}

const scenarios: ReadonlyMap<string, Scenario> = new Map(
  [...nullScenarios, ...burstNullScenarios].map((each) => [each.name, each]),
);

/** Where instances have incidents, they are declared as long as they are. */
function ownRule({ instances }: Scenario): Rule {
  return instances === null ? rollbackRule : robustRollbackRule(instances.lengthMs);
}

/** The one that thins out the stream's requests comes last. */
function withOthers(own: Rule): readonly Rule[] {
  return own === rollbackRule ? [own, ...comparators] : [rollbackRule, ...comparators, own];
}
