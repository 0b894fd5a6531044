import { join } from 'node:path';
import { upperBound95 } from './bounds.ts';
import { comparators } from './comparators.ts';
import type { JobResult } from './run-scenario.ts';
import { burstNullScenarios } from './burst-scenarios.ts';
import { healthyFingerprints } from './healthy-job.ts';
import { nullScenarios } from './null-scenarios.ts';
import { StudyRecord } from './record.ts';
import { ourName, robustName } from './study-settings.ts';
import type { Scenario } from './stream.ts';
import { runAll, type StudyRun, type TableReport } from './study-run.ts';

/** G1: how many of the healthy releases each rule rolls back. */
export async function nullTable(study: StudyRun, runs: number): Promise<TableReport> {
  const { report, worstUpper, runsMin } = await falseRollbacks(study, {
    record: 'null',
    scenarios: nullScenarios,
    ours: ourName,
    runs,
  });
  return {
    ...report,
    figures: { worstFalseRollbackUpper95: worstUpper, releasesPerScenario: runsMin },
  };
}

/** G2: the same with incidents that make all requests of an instance fail together. */
export async function burstNullTable(study: StudyRun, runs: number): Promise<TableReport> {
  const { report, worstUpper } = await falseRollbacks(study, {
    record: 'bursts',
    scenarios: burstNullScenarios,
    ours: robustName,
    runs,
  });
  return { ...report, figures: { worstBurstFalseRollbackUpper95: worstUpper } };
}

/** Others' rules are asked about as many releases as tell their rates; ours needs all for its bound. */
const comparedRunsMax = 200;

interface NullQuestion {
  /** The name of its record. */
  readonly record: string;
  readonly scenarios: readonly Scenario[];
  /** The name of our rule. */
  readonly ours: string;
  readonly runs: number;
}

async function falseRollbacks(
  study: StudyRun,
  { record: recordName, scenarios, ours, runs }: NullQuestion,
): Promise<{ report: Omit<TableReport, 'figures'>; worstUpper: number; runsMin: number }> {
  const others = [ourName, ...comparators.map(({ name }) => name)].filter((name) => name !== ours);
  const oursText = (result: JobResult) => `${countOf(result, ours)}/${result.runs}`;
  const wanted = scenarios.map(({ name }) => ({
    of: name,
    rules: 'healthy' as const,
    later: { rules: 'rollback' as const, fromRun: comparedRunsMax },
    runs,
    keepsCosts: false,
  }));
  const record = recordOf(study, recordName);
  const say = ({ of }: { readonly of: string }, result: JobResult) => {
    study.say(`${of}: ${oursText(result)}`);
  };
  const resultOf = await runAll(study, wanted, say, record).finally(() => record?.write());
  const results = scenarios.map(({ name }) => ({ name, result: resultOf(name) }));
  const uppers = results.map(({ result }) => upperBound95(countOf(result, ours), result.runs));
  const all = results.reduce((sum, { result }) => sum + result.runs, 0);
  const rolledBack = results.reduce((sum, { result }) => sum + countOf(result, ours), 0);
  const table = {
    heads: ['HEALTHY RELEASES ROLLED BACK', ours, 'at most', ...others],
    rows: results.map(({ name, result }, index) => [
      name,
      oursText(result),
      rateText(uppers[index] ?? 1),
      ...others.map((rule) => rateText(ratioOf(result, rule))),
    ]),
  };
  const note = `${rolledBack} of ${all} healthy releases rolled back; "at most" is a one-sided 95 % bound. Others' rules: ${comparedRunsMax} releases of each scenario.`;
  return {
    report: { tables: [table], notes: [note] },
    worstUpper: Number(Math.max(...uppers).toPrecision(4)),
    runsMin: Math.min(...results.map(({ result }) => result.runs)),
  };
}

function recordOf({ records, tickMs }: StudyRun, name: string): StudyRecord | null {
  if (records === null) return null;
  const fingerprintsOf = (of: string) => healthyFingerprints(of, tickMs);
  const { folder, isFresh } = records;
  return new StudyRecord(join(folder, `${name}.json`), { isFresh, fingerprintsOf });
}

export function countOf(result: JobResult, name: string): number {
  return result.tallies[name]?.count ?? 0;
}

/** Of the releases that the rule was asked about. */
export function ratioOf(result: JobResult, name: string): number {
  return countOf(result, name) / Math.max(1, result.tallies[name]?.runs ?? 0);
}

export function rateText(ratio: number): string {
  return `${(100 * ratio).toFixed(ratio < 0.001 && ratio > 0 ? 3 : 2)}%`;
}
