import { type BenchTable, cell, medianOf, rounded } from '../form.ts';
import { type BadCase, gridCases, lateCases, mainCases } from './bad-scenarios.ts';
import { waldRequests } from './bounds.ts';
import { type Costs, costsOf, costText } from './costs.ts';
import { comparators } from './comparators.ts';
import type { JobResult } from './run-scenario.ts';
import { ourRule } from './our-gate.ts';
import { studySettings } from './study-settings.ts';
import { runAll, type StudyRun, type TableReport, type Wanted } from './study-run.ts';
import { percent } from './scenario.ts';

type ResultOf = (of: string, tickMs?: number) => JobResult;

/** G3-G7: what bad candidates cost until they are rolled back. */
export async function detectionTable(study: StudyRun, runs: number): Promise<TableReport> {
  const resultOf = await runAll(study, wantedOf(runs), ({ of, tickMs }, result) => {
    const tick = tickMs === undefined ? '' : ` at ticks of ${tickMs} ms`;
    study.say(`${of}${tick}: ${costText(costsOf(result, ourRule.name))}`);
  });
  const main = (effect: string, rule = ourRule.name): Costs => {
    const found = mainCases.find((each) => each.effect === effect);
    return costsOf(resultOf(found?.scenario.name ?? ''), rule);
  };
  const wald = overWald(resultOf);
  const deadMedian = main('100 %').failedAt(0.5);
  const flaggerMedian = main('100 %', 'Flagger 10s x1').failedAt(0.5);
  return {
    tables: [mainTable(resultOf), lateTable(resultOf), tickTable(resultOf), wald.table],
    notes: [
      "Each cell: median/95th percentile of seconds, and of failed requests of the candidate. The bound is Wald's, as candidate requests (failed ones).",
      `Over Wald's bound, in the ${wald.ratios.length} cases with a bound of 50 requests or more and half of the releases found: median ${cell(medianOf(wald.ratios), 2)}, largest ${cell(Math.max(...wald.ratios), 2)}.`,
    ],
    figures: {
      deadFailedMedian: deadMedian,
      deadFailedP95: main('100 %').failedAt(0.95),
      timesFewerThanFlaggerQuickest: timesFewer(flaggerMedian, deadMedian),
      fiftyPercentFailedMedian: main('50 %').failedAt(0.5),
      plusFivePointsFailedMedian: main('+5 pp').failedAt(0.5),
      plusFivePointsSeconds: seconds(main('+5 pp')),
      fiveTimesSeconds: seconds(main('5x')),
      fiveTimesFailedMedian: main('5x').failedAt(0.5),
      medianOverWald: rounded(medianOf(wald.ratios), 3),
    },
  };
}

function wantedOf(runs: number): readonly Wanted[] {
  const mains = new Set(mainCases.map((each) => each.scenario.name));
  const costs = { runs, keepsCosts: true };
  return [
    ...mainCases.map(({ scenario }) => ({ ...costs, of: scenario.name, rules: 'all' as const })),
    ...lateCases.map(({ scenario }) => ({ ...costs, of: scenario.name, rules: 'all' as const })),
    ...quickCases.flatMap(({ scenario }) =>
      otherTicksMs.map((tickMs) => ({
        ...costs,
        of: scenario.name,
        rules: 'ours' as const,
        tickMs,
      })),
    ),
    ...gridCases
      .filter(({ scenario }) => !mains.has(scenario.name))
      .map(({ scenario }) => ({ ...costs, of: scenario.name, rules: 'ours' as const })),
  ];
}

const otherTicksMs = [10, 50, 200] as const;
const quickCases = mainCases.filter(({ effect }) => ['100 %', '50 %', '+5 pp'].includes(effect));

function mainTable(resultOf: ResultOf): BenchTable {
  return {
    heads: ['800/s, 5 %, 0.1 %', 'bound', ourRule.name, ...comparators.map((rule) => rule.name)],
    rows: mainCases.map((bad) => [
      bad.effect,
      boundText(bad),
      ...ruleCells(resultOf(bad.scenario.name)),
    ]),
  };
}

function lateTable(resultOf: ResultOf): BenchTable {
  return {
    heads: ['bad from minute 5 on', ourRule.name, ...comparators.map((rule) => rule.name)],
    rows: lateCases.map((bad) => [bad.effect, ...ruleCells(resultOf(bad.scenario.name))]),
  };
}

function ruleCells(result: JobResult): readonly string[] {
  return [ourRule, ...comparators].map((rule) => costText(costsOf(result, rule.name)));
}

function tickTable(resultOf: ResultOf): BenchTable {
  return {
    heads: ['tick', ...quickCases.map(({ effect }) => effect)],
    rows: otherTicksMs.map((tickMs) => [
      `${tickMs} ms`,
      ...quickCases.map(({ scenario }) =>
        costText(costsOf(resultOf(scenario.name, tickMs), ourRule.name)),
      ),
    ]),
  };
}

function overWald(resultOf: ResultOf): {
  readonly table: BenchTable;
  readonly ratios: readonly number[];
} {
  const ratios: number[] = [];
  const rows = gridCases.map((bad) => {
    const costs = costsOf(resultOf(bad.scenario.name), ourRule.name);
    const bound = boundOf(bad);
    const median = costs.requestsAt(0.5);
    const ratio = median === null ? null : median / bound;
    if (ratio !== null && bound >= 50) ratios.push(ratio);
    const where = `${bad.requestsPerSecond}/s, ${percent(bad.share)}, ${percent(bad.baseRatio)}`;
    return [where, bad.effect, boundText(bad), cell(median), cell(ratio, 2), costText(costs)];
  });
  const heads = ['grid', 'candidate', 'bound', 'requests', 'over bound', ourRule.name];
  return { table: { heads, rows }, ratios };
}

function boundOf({ share, baseRatio, candidateRatio }: BadCase): number {
  const situation = { shareRatio: share, stableRatio: baseRatio, candidateRatio };
  return waldRequests(situation, studySettings.falseRollbackRatio);
}

function boundText(bad: BadCase): string {
  const bound = boundOf(bad);
  return `${Number(bound.toPrecision(3))} (${Number((bound * bad.candidateRatio).toPrecision(2))})`;
}

function timesFewer(theirs: number | null, ours: number | null): number | null {
  return theirs === null || ours === null || ours === 0 ? null : rounded(theirs / ours, 1);
}

function seconds(costs: Costs): number | null {
  const ms = costs.msAt(0.5);
  return ms === null ? null : ms / 1000;
}
