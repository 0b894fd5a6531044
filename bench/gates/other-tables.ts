import { burstBadScenarios } from './burst-scenarios.ts';
import { costsOf, costText } from './costs.ts';
import { comparators } from './comparators.ts';
import { burstNullTable, countOf, rateText, ratioOf } from './null-table.ts';
import { ourRule } from './our-gate.ts';
import { robustName } from './study-settings.ts';
import { runAll, type StudyRun, type TableReport } from './study-run.ts';
import { userCases } from './user-scenarios.ts';

const rules = [ourRule, ...comparators];
const burstRuleNames = [robustName, ...rules.map(({ name }) => name)];

/** G2 and G11. */
export async function burstTable(study: StudyRun, runs: number): Promise<TableReport> {
  // A quick study's time may run out in the healthy ones; in a study of hours they are what has to be gone on with.
  const isKept = study.records !== null;
  const first = isKept ? await burstNullTable(study, runs) : null;
  const resultOf = await badAmongBursts(study, Math.min(runs, badRunsMax));
  const healthy = first ?? (await burstNullTable(study, runs));
  const dead = burstBadScenarios
    .filter(({ name }) => name.endsWith('100 %'))
    .map(({ name }) => costsOf(resultOf(name), robustName).failedAt(0.5));
  const isWhole = dead.every((each) => each !== null);
  return {
    tables: [
      ...healthy.tables,
      {
        heads: ['BAD AMONG BURSTS', ...burstRuleNames],
        rows: burstBadScenarios.map(({ name }) => [
          name,
          ...burstRuleNames.map((rule) => costText(costsOf(resultOf(name), rule))),
        ]),
      },
    ],
    notes: healthy.notes,
    figures: {
      ...healthy.figures,
      robustDeadFailedMedian: isWhole ? Math.max(...dead.map((each) => each ?? 0)) : null,
    },
  };
}

function badAmongBursts(study: StudyRun, runs: number): ReturnType<typeof runAll> {
  const wanted = burstBadScenarios.map(({ name }) => ({
    of: name,
    rules: 'bursts' as const,
    runs,
    keepsCosts: true,
  }));
  return runAll(study, wanted, ({ of }, result) => {
    study.say(`${of}: ${costText(costsOf(result, robustName))}`);
  });
}

const badRunsMax = 1000;

/** Cases that users of other tools ran into. */
export async function userTable(study: StudyRun, runs: number): Promise<TableReport> {
  const wanted = userCases.map(({ isBad, scenario }) => ({
    of: scenario.name,
    rules: 'all' as const,
    runs,
    keepsCosts: isBad,
  }));
  const resultOf = await runAll(study, wanted, ({ of }, result) => {
    study.say(`${of}: ${countOf(result, ourRule.name)}/${result.runs} rolled back`);
  });
  return {
    tables: [
      {
        heads: ['CASES OF USERS', ...rules.map((rule) => rule.name)],
        rows: userCases.map(({ isBad, scenario }) => {
          const result = resultOf(scenario.name);
          const cellOf = (name: string) =>
            isBad ? costText(costsOf(result, name)) : rateText(ratioOf(result, name));
          return [scenario.name, ...rules.map((rule) => cellOf(rule.name))];
        }),
      },
    ],
    notes: [
      'Candidates that are not bad: how many releases are rolled back. Bad ones: seconds and failed requests.',
    ],
    figures: {},
  };
}
