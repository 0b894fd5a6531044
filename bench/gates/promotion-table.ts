import { rounded } from '../form.ts';
import { upperBound95 } from './bounds.ts';
import { costsOf, costText } from './costs.ts';
import type { JobResult } from './run-scenario.ts';
import { countOf, rateText } from './null-table.ts';
import { mainPolicy, marginCases, type RolloutCase, rolloutCases } from './rollout-cases.ts';
import { runAll, type StudyRun, type TableReport } from './study-run.ts';

/** G9: how soon healthy candidates are promoted, and how often ones that are worse by exactly the margin. */
export async function promotionTable(study: StudyRun, runs: number): Promise<TableReport> {
  const cases = [...rolloutCases, ...marginCases];
  const wanted = cases.map(({ name, kind }) => ({
    of: name,
    rules: 'rollout' as const,
    runs: kind === 'margin' ? runs : Math.min(runs, timedRunsMax),
    keepsCosts: kind !== 'margin',
  }));
  const resultOf = await runAll(study, wanted, ({ of }, result) => {
    study.say(`${of}: ${promotedText(result)}`);
  });
  const margins = marginCases.map((each) => ({ each, result: resultOf(each.name) }));
  const best = rolloutCases.find(({ policy }) => policy === mainPolicy);
  const bestMs = best === undefined ? null : costsOf(resultOf(best.name), 'promoted').msAt(0.95);
  const ratios = margins.map(
    ({ result }) => countOf(result, 'promoted') / Math.max(1, result.runs),
  );
  return {
    tables: [
      {
        heads: [
          'rollout',
          'policy',
          'candidate',
          'promoted',
          'rolled back',
          'seconds, failed to promotion',
          'to rollback',
        ],
        rows: rolloutCases.map((each) => rolloutCells(each, resultOf(each.name))),
      },
      {
        heads: ['worse by exactly the margin', 'policy', 'promoted', 'at most'],
        rows: margins.map(({ each, result }) => [
          each.situation,
          each.policy,
          promotedText(result),
          rateText(upperBound95(countOf(result, 'promoted'), result.runs)),
        ]),
      },
    ],
    notes: [
      `Soak and "atLeast" are 30 s over all steps together; 10 minutes at most; 1 % is the chance allowed for a wrong promotion. promoteSecondsP95 is of "${mainPolicy}".`,
    ],
    figures: {
      promoteSecondsP95: bestMs === null ? null : bestMs / 1000,
      wrongPromotionWorst: rounded(Math.max(...ratios), 5),
    },
  };
}

/** Enough for medians and 95th percentiles; a chance of 1 % takes the full number. */
const timedRunsMax = 2000;

function rolloutCells(each: RolloutCase, result: JobResult): readonly string[] {
  return [
    each.situation,
    each.policy,
    each.kind,
    promotedText(result),
    `${countOf(result, 'rolled back')}/${result.runs}`,
    costText(costsOf(result, 'promoted')),
    costText(costsOf(result, 'rolled back')),
  ];
}

function promotedText(result: JobResult): string {
  return `${countOf(result, 'promoted')}/${result.runs}`;
}
