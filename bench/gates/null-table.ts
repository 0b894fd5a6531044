import { upperBound95 } from './bounds.ts';
import { comparators, type JobResult } from './jobs.ts';
import { burstNullScenarios } from './burst-scenarios.ts';
import { nullScenarios } from './null-scenarios.ts';
import { abilities, ourRule, robustRule } from './our-gate.ts';
import type { Scenario } from './stream.ts';
import { runAll, type StudyRun, type TableReport } from './study-run.ts';

/** G1: how many of the healthy releases each rule rolls back. */
export async function nullTable(study: StudyRun, runs: number): Promise<TableReport> {
  const { report, worstUpper, runsMin } = await falseRollbacks(study, {
    scenarios: nullScenarios,
    rules: 'all',
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
    scenarios: burstNullScenarios,
    rules: 'bursts',
    runs,
  });
  return { ...report, figures: { worstBurstFalseRollbackUpper95: worstUpper } };
}

async function falseRollbacks(
  study: StudyRun,
  {
    scenarios,
    rules,
    runs,
  }: {
    readonly scenarios: readonly Scenario[];
    readonly rules: 'all' | 'bursts';
    readonly runs: number;
  },
): Promise<{ report: Omit<TableReport, 'figures'>; worstUpper: number; runsMin: number }> {
  const isRobust = rules === 'bursts' && abilities.bursts;
  const ours = isRobust ? robustRule : ourRule;
  const others = isRobust ? [ourRule, ...comparators] : comparators;
  const oursText = (result: JobResult) => `${countOf(result, ours.name)}/${result.runs}`;
  const wanted = scenarios.map(({ name }) => ({
    of: name,
    rules,
    runs,
    keepsCosts: false,
  }));
  const resultOf = await runAll(study, wanted, ({ of }, result) => {
    study.say(`${of}: ${oursText(result)}`);
  });
  const results = scenarios.map(({ name }) => ({ name, result: resultOf(name) }));
  const uppers = results.map(({ result }) => upperBound95(countOf(result, ours.name), result.runs));
  const all = results.reduce((sum, { result }) => sum + result.runs, 0);
  const rolledBack = results.reduce((sum, { result }) => sum + countOf(result, ours.name), 0);
  const table = {
    heads: [
      'HEALTHY RELEASES ROLLED BACK',
      ours.name,
      'at most',
      ...others.map((rule) => rule.name),
    ],
    rows: results.map(({ name, result }, index) => [
      name,
      oursText(result),
      rateText(uppers[index] ?? 1),
      ...others.map((rule) => rateText(countOf(result, rule.name) / Math.max(1, result.runs))),
    ]),
  };
  const note = `${rolledBack} of ${all} healthy releases rolled back; "at most" is a one-sided 95 % bound.`;
  return {
    report: { tables: [table], notes: [note] },
    worstUpper: Number(Math.max(...uppers).toPrecision(4)),
    runsMin: Math.min(...results.map(({ result }) => result.runs)),
  };
}

export function countOf(result: JobResult, name: string): number {
  return result.tallies[name]?.count ?? 0;
}

export function rateText(ratio: number): string {
  return `${(100 * ratio).toFixed(ratio < 0.001 && ratio > 0 ? 3 : 2)}%`;
}
