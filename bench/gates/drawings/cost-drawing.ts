import { linearScale, logScale } from '../../../src/apps/cli/report/plot-scale.ts';
import { mainCases } from '../bad-scenarios.ts';
import { type Costs, costsOf } from '../costs.ts';
import { fixedRules } from '../fixed-rules.ts';
import { runScenario } from '../run-scenario.ts';
import { ourRule } from '../our-gate.ts';
import { percent } from '../scenario.ts';
import {
  card,
  type Colour,
  dot,
  type Drawing,
  type Drawn,
  type Panel,
  stroke,
  text,
  thousands,
  xAxis,
} from './canvas.ts';

/** What bad candidates cost until they are rolled back, by how bad they are and by rule. */
export const costDrawing: Drawing = { name: 'cost', isQuick: false, draw };

const runs = 100;
const tickMs = 100;
const rowPx = 58;
const firstRow = 142;
const cases = mainCases.toReversed();
const heightPx = firstRow + rowPx * cases.length + 18;

const shown: readonly { readonly rule: string; readonly label: string; readonly colour: Colour }[] =
  [
    { rule: ourRule.name, label: 'Tidegate', colour: 'ours' },
    { rule: 'Flagger 10s x1', label: 'Flagger, 1 check', colour: 'bad' },
    { rule: 'Argo 95% limit 3', label: 'Argo', colour: 'third' },
    { rule: 'Flagger 10s x5', label: 'Flagger, 5 checks', colour: 'peer' },
  ];

const panel: Panel = {
  left: 130,
  right: 520,
  top: firstRow - 42,
  bottom: firstRow + rowPx * (cases.length - 1) + 26,
  x: logScale({ min: 1, max: 3000 }, { min: 130, max: 520 }),
  y: linearScale({ min: 0, max: 1 }, { min: firstRow, max: firstRow + rowPx }),
};

interface Row {
  readonly name: string;
  readonly costs: readonly Costs[];
}

function draw(): Drawn {
  const rules = [ourRule, ...fixedRules.filter(({ name }) => shown.some((x) => x.rule === name))];
  const rows = cases.map(({ scenario, candidateRatio }) => {
    const job = {
      of: scenario.name,
      rules: 'all',
      firstRun: 1,
      runs,
      tickMs,
      keepsCosts: true,
    } as const;
    const result = runScenario(scenario, rules, job);
    const costs = shown.map(({ rule }) => costsOf(result, rule));
    return { name: `${percent(candidateRatio)} fail`, costs };
  });
  const setup = `800 requests/s, 5 % to the candidate, stable fails 0.1 %`;
  const facts = rows.map(factOf).join('; ');
  return {
    svg: card(
      {
        title: 'What a bad candidate costs until it is rolled back',
        subtitle: `${setup}; median of ${runs} releases each`,
        description: `Failed requests of the candidate until rollback, on a logarithmic axis, for Tidegate and three fixed rules on the same streams. ${setup}. Seeds 1 to ${runs}, ticks of ${tickMs} ms. ${facts}.`,
        heightPx,
      },
      parts(rows),
    ),
    alt: 'Failed requests until rollback by how bad the candidate is: Tidegate needs a few, fixed rules hundreds or never roll back',
    caption: `${setup}. Failed requests until rollback, median of ${runs} releases on the same streams. The other tools' rules are computed as published and without their delays: Flagger asks for 99 % each 10 s, with a window of 10 s (1 check) or 60 s (5 checks); Argo Rollouts for 95 % each 10 s, failureLimit 3.`,
    table: {
      heads: ['candidate', ...shown.map(({ label }) => label)],
      rows: rows.map(({ name, costs }) => [name, ...costs.map(costText)]),
    },
  };
}

function factOf({ name, costs }: Row): string {
  return `${name}: ${costs.map((cost, index) => `${shown[index]?.label} ${costText(cost)}`).join(', ')}`;
}

function costText(cost: Costs): string {
  const failed = cost.failedAt(0.5);
  if (failed !== null) return thousands(failed);
  const found = Math.round(100 * cost.detectedRatio);
  return found === 0 ? 'not found' : `found in ${found} %`;
}

function parts(rows: readonly Row[]): string[] {
  const { x, right, top, bottom } = panel;
  const ticks = [1, 10, 100, 1000].map((at) => ({ at, label: thousands(at) }));
  return [
    text('candidate', { x: 24, y: top - 12, colour: 'muted' }),
    ...ticks.map(({ at }) => stroke(`M${x(at)} ${top}V${bottom}`, { colour: 'faint', width: 1 })),
    ...xAxis(panel, ticks, 'failed requests of the candidate (logarithmic)'),
    text('found in less than half', { x: right + 12, y: top - 12, colour: 'muted' }),
    ...rows.flatMap((row, index) => rowParts(row, firstRow + rowPx * index, index === 0)),
  ];
}

function rowParts({ name, costs }: Row, y: number, hasLabels: boolean): string[] {
  const { x, left, right } = panel;
  const found = costs.flatMap((cost, index) => {
    const failed = cost.failedAt(0.5);
    const style = shown[index];
    return failed === null || style === undefined ? [] : [{ failed, ...style }];
  });
  const missing = missingLines(costs);
  return [
    text(name, { x: 24, y: y + 5 }),
    stroke(`M${left} ${y}H${right}`, { colour: 'faint', width: 1 }),
    ...found.toReversed().flatMap(({ failed, colour, label }, index) => {
      const at = x(Math.max(1, failed));
      const isCrowded = found.some((other) => {
        return other.label !== label && Math.abs(x(Math.max(1, other.failed)) - at) < 12;
      });
      const isAbove = index % 2 === 0;
      const isOuter = hasLabels && index === 0;
      return [
        dot(at, y + (isCrowded ? (isAbove ? -5 : 5) : 0), colour, colour === 'ours' ? 7 : 6),
        text(hasLabels ? `${label}: ${thousands(failed)}` : thousands(failed), {
          x: at,
          y:
            (isAbove ? y - 11 : y + 21) + (isCrowded ? (isAbove ? -5 : 5) : 0) - (isOuter ? 14 : 0),
          colour,
          anchor: 'middle',
        }),
      ];
    }),
    ...missing.map(({ words, colour }, index) =>
      text(words, {
        x: right + 12,
        y: y + 5 + 16 * (index - (missing.length - 1) / 2),
        colour,
      }),
    ),
  ];
}

/** Rules that find less than half, and those that find none, in one line. */
function missingLines(costs: readonly Costs[]): { words: string; colour: Colour }[] {
  const missing = costs.flatMap((cost, index) => {
    const style = shown[index];
    return cost.failedAt(0.5) !== null || style === undefined ? [] : [{ cost, ...style }];
  });
  const partly = missing.filter(({ cost }) => cost.detectedRatio > 0);
  const never = missing.filter(({ cost }) => cost.detectedRatio === 0);
  return [
    ...partly.map(({ label, colour, cost }) => ({
      words: `${label}: ${Math.round(100 * cost.detectedRatio)} %`,
      colour,
    })),
    ...(never.length === 0
      ? []
      : [
          {
            words: `never: ${never.map(({ label }) => label).join(', ')}`,
            colour: 'muted' as const,
          },
        ]),
  ];
}
