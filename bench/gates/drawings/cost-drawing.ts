import { linearScale, logScale } from '../../../src/apps/cli/report/plot-scale.ts';
import { mainCases } from '../bad-scenarios.ts';
import { type Costs, costsOf } from '../costs.ts';
import { fixedRules } from '../fixed-rules.ts';
import { runScenario } from '../jobs.ts';
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
const rowPx = 46;
const firstRow = 124;
const cases = mainCases.toReversed();
const heightPx = firstRow + rowPx * cases.length + 62;

const shown: readonly { readonly rule: string; readonly label: string; readonly colour: Colour }[] =
  [
    { rule: ourRule.name, label: 'Tidegate', colour: 'ours' },
    { rule: 'Flagger 10s x1', label: 'Flagger, quickest', colour: 'bad' },
    { rule: 'Argo 95% limit 3', label: 'Argo 95 %', colour: 'third' },
    { rule: 'Flagger 10s x5', label: 'Flagger 10 s x 5', colour: 'peer' },
  ];

const panel: Panel = {
  left: 130,
  right: 560,
  top: firstRow - 24,
  bottom: firstRow + rowPx * (cases.length - 1) + 26,
  x: logScale({ min: 1, max: 3000 }, { min: 130, max: 560 }),
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
    caption: `${setup}; median over ${runs} releases on the same streams, other tools as published and without their delays. ${facts}.`,
  };
}

function factOf({ name, costs }: Row): string {
  const parts = costs.map((cost, index) => {
    const failed = cost.failedAt(0.5);
    const found = Math.round(100 * cost.detectedRatio);
    const what = failed === null ? `found in ${found} %` : thousands(failed);
    return `${shown[index]?.label} ${what}`;
  });
  return `${name}: ${parts.join(', ')}`;
}

function parts(rows: readonly Row[]): string[] {
  const { x, right, top, bottom } = panel;
  const ticks = [1, 10, 100, 1000].map((at) => ({ at, label: thousands(at) }));
  return [
    text('candidate', { x: 24, y: top - 12, colour: 'muted' }),
    ...ticks.map(({ at }) => stroke(`M${x(at)} ${top}V${bottom}`, { colour: 'faint', width: 1 })),
    ...xAxis(panel, ticks, 'failed requests of the candidate (logarithmic)'),
    text('not found within 10 min', { x: right + 12, y: top - 12, colour: 'muted' }),
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
  const missing = costs.flatMap((cost, index) =>
    cost.failedAt(0.5) === null ? [shown[index] ?? shown[0]] : [],
  );
  return [
    text(name, { x: 24, y: y + 5 }),
    stroke(`M${left} ${y}H${right}`, { colour: 'faint', width: 1 }),
    ...found.toReversed().flatMap(({ failed, colour, label }, index) => [
      dot(x(Math.max(1, failed)), y, colour, colour === 'ours' ? 7 : 6),
      text(hasLabels ? `${label}: ${thousands(failed)}` : thousands(failed), {
        x: x(Math.max(1, failed)),
        y: index % 2 === 0 ? y - 11 : y + 21,
        colour,
        anchor: 'middle',
      }),
    ]),
    ...missing.map((style, index) =>
      text(style?.label ?? '', {
        x: right + 12,
        y: y + 5 + 16 * (index - (missing.length - 1) / 2),
        colour: style?.colour ?? 'ink',
      }),
    ),
  ];
}
