import { cell } from '../form.ts';
import { type Costs, costsOf } from './costs.ts';
import { type LatencyCase, latencyNullScenarios, slowCases } from './latency-scenarios.ts';
import { latencyRules } from './latency-rules.ts';
import { rateText, ratioOf } from './null-table.ts';
import { latencyRule } from './our-gate.ts';
import { percent } from './scenario.ts';
import { runAll, type StudyRun, type TableReport } from './study-run.ts';

const rules = [latencyRule, ...latencyRules];

/** G8: candidate requests until a slower candidate is rolled back, and healthy ones rolled back. */
export async function latencyTable(study: StudyRun, runs: number): Promise<TableReport> {
  const wantedOf = (of: string, keepsCosts: boolean) => ({
    of,
    rules: 'latency' as const,
    runs,
    keepsCosts,
  });
  const wanted = [
    ...slowCases.map(({ scenario }) => wantedOf(scenario.name, true)),
    ...latencyNullScenarios.map(({ name }) => wantedOf(name, false)),
  ];
  const resultOf = await runAll(study, wanted, ({ of }, result) => {
    study.say(`${of}: ${requestsText(costsOf(result, latencyRule.name))}`);
  });
  const requestsFor = (effect: string): number | null => {
    const found = slowCases.find((each) => each.effect === effect && each.share === 0.05);
    const result = resultOf(found?.scenario.name ?? '');
    return costsOf(result, latencyRule.name).requestsAt(0.5);
  };
  return {
    tables: [
      {
        heads: ['SLOWER CANDIDATES', ...rules.map(({ name }) => name)],
        rows: slowCases.map((slow) => [
          caseText(slow),
          ...rules.map(({ name }) => requestsText(costsOf(resultOf(slow.scenario.name), name))),
        ]),
      },
      {
        heads: ['AS FAST AS STABLE', ...rules.map(({ name }) => name)],
        rows: latencyNullScenarios.map(({ name: of }) => {
          const result = resultOf(of);
          const ratio = (name: string) => ratioOf(result, name);
          return [of, ...rules.map(({ name }) => rateText(ratio(name)))];
        }),
      },
    ],
    notes: [
      'Slower candidates: candidate requests until the rollback, median/95th percentile, from 10 s on, when they become slow and our warm-up ends. As fast as stable: how many are rolled back.',
    ],
    figures: {
      tailDoubledRequests: requestsFor('x2 above p90'),
      plusTwentyPercentRequests: requestsFor('+20 %'),
    },
  };
}

function caseText({ effect, share }: LatencyCase): string {
  return `800/s, ${percent(share)}: ${effect}`;
}

function requestsText(costs: Costs): string {
  if (costs.detectedRatio < 0.05) return 'never';
  const found = costs.detectedRatio < 0.995 ? `in ${Math.round(100 * costs.detectedRatio)}%: ` : '';
  return `${found}${cell(costs.requestsAt(0.5))}/${cell(costs.requestsAt(0.95))}`;
}
