import { burstNullScenarios } from './burst-scenarios.ts';
import { comparators } from './comparators.ts';
import { type Fingerprint, fingerprintOf } from './fingerprint.ts';
import { nullScenarios } from './null-scenarios.ts';
import { rollbackRule, robustRollbackRule } from './rollback-rules.ts';
import type { Rule } from './rule.ts';
import { type Job, type JobResult, runScenario } from './run-scenario.ts';
import type { Scenario } from './stream.ts';

/** Healthy releases, of which so many are wanted that a record of them is kept (record.ts). */
export function runHealthy(job: Job): JobResult {
  const scenario = scenarios.get(job.of);
  if (scenario === undefined) throw new Error(`there is no healthy scenario ${job.of}`);
  const own = ownRule(scenario);
  const rules = job.rules === 'rollback' ? [own] : withOthers(own);
  return runScenario(scenario, rules, job, healthyDetail);
}

/** None of these rules looks at latencies closer than the gate does. */
const healthyDetail = 'scaled';

/** What the first releases of a scenario come out as; null: there is no such scenario. A record is known again by it. */
export function healthyFingerprints(of: string, tickMs: number): readonly Fingerprint[] | null {
  const scenario = scenarios.get(of);
  if (scenario === undefined) return null;
  const own = ownRule(scenario);
  const others = withOthers(own).filter((rule) => rule !== own);
  return fingerprintSeeds.map((seed) =>
    fingerprintOf(scenario, { own, others }, { run: seed, tickMs, detail: healthyDetail }),
  );
}

/** As many as a start has time for: all 24 scenarios take two to three seconds. */
const fingerprintSeeds = [0, 1, 2] as const;

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
