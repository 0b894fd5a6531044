import { linearScale } from '../../../src/apps/cli/report/plot-scale.ts';
import { fixedRules } from '../fixed-rules.ts';
import { ourRule } from '../our-gate.ts';
import { pooledZRules } from '../pooled-z.ts';
import { runRelease } from '../release.ts';
import type { Rule } from '../rule.ts';
import { alike, scenario, tenMinutesMs } from '../scenario.ts';
import {
  card,
  type Colour,
  type Drawing,
  type Drawn,
  type Panel,
  plotLeft,
  spread,
  steps,
  text,
  xAxis,
  yAxis,
} from './canvas.ts';

/** Healthy releases under rules that look again and again: how many have been thrown back by when. */
export const thresholdDrawing: Drawing = { name: 'threshold', isQuick: false, draw };

const releases = 500;
const tickMs = 200;
const heightPx = 430;

const shown: readonly { readonly rule: string; readonly label: string; readonly colour: Colour }[] =
  [
    { rule: 'Flagger 10s x1', label: '99 % rule, 1 failed check', colour: 'bad' },
    { rule: 'Flagger 10s x5', label: '99 % rule, 5 failed checks', colour: 'peer' },
    { rule: 'z-test 5%', label: 'z-test at each look', colour: 'third' },
    { rule: ourRule.name, label: 'Tidegate', colour: 'ours' },
  ];

const panel: Panel = {
  left: plotLeft,
  right: 540,
  top: 98,
  bottom: 366,
  x: linearScale({ min: 0, max: tenMinutesMs }, { min: plotLeft, max: 540 }),
  y: linearScale({ min: 0, max: 100 }, { min: 366, max: 98 }),
};

function draw(): Drawn {
  const times = rollbackTimes(0.005);
  const calmer = rollbackTimes(0.001);
  const setup =
    '100 requests/s, 5 % to the candidate, so 50 in each window of 10 s; both versions fail 0.5 %';
  const caption = `${setup}. ${releases} healthy releases of ten minutes; rolled back were:`;
  const rows = shown.map(({ label }, index) => [
    label,
    `${times[index]?.length ?? 0}`,
    `${calmer[index]?.length ?? 0}`,
  ]);
  const facts = rows.map(([label, count]) => `${label} ${count}`).join(', ');
  return {
    svg: card(
      {
        title: 'A fixed threshold throws healthy releases back',
        subtitle: 'Both versions fail 0.5 %; the candidate gets 50 requests in each window of 10 s',
        description: `Share of healthy releases rolled back over time. ${setup}. Rolled back of ${releases}: ${facts}. Seeds 1 to ${releases}. The 99 % rules are Flagger's as published, the z-test is one-sided at 5 %.`,
        heightPx,
      },
      parts(times),
    ),
    alt: 'Share of healthy releases rolled back over ten minutes: fixed thresholds and a peeked z-test climb, Tidegate stays at the bottom',
    caption,
    table: { heads: ['rule', 'both fail 0.5 % (drawn)', 'both fail 0.1 %'], rows },
  };
}

/** Of each rule, when it rolled back which of the releases. */
function rollbackTimes(ratio: number): readonly (readonly number[])[] {
  const healthy = scenario({
    name: 'drawn threshold',
    requestsPerSecond: 100,
    share: 0.05,
    rates: alike(ratio),
  });
  const rules = shown.map(({ rule }) => ruleNamed(rule));
  const times: number[][] = shown.map(() => []);
  for (let run = 1; run <= releases; run += 1) {
    for (const [index, rollback] of runRelease(healthy, rules, { run, tickMs }).entries()) {
      if (rollback !== null) times[index]?.push(rollback.afterMs);
    }
  }
  return times;
}

function ruleNamed(name: string): Rule {
  const rule = [ourRule, ...fixedRules, ...pooledZRules].find((each) => each.name === name);
  if (rule === undefined) throw new Error(`there is no rule ${name}`);
  return rule;
}

function parts(times: readonly (readonly number[])[]): string[] {
  const { x, y, right, top, bottom } = panel;
  const labels = shown.map(({ label, colour }, index) => {
    const percent = (100 * (times[index]?.length ?? 0)) / releases;
    return { label, colour, percent, y: y(percent) };
  });
  return [
    ...yAxis(
      panel,
      [0, 25, 50, 75, 100].map((at) => ({ at, label: `${at} %` })),
      'healthy releases rolled back so far',
    ),
    ...xAxis(
      panel,
      [0, 2, 4, 6, 8, 10].map((at) => ({ at: 60_000 * at, label: `${at}` })),
      'minutes since the first request',
    ),
    ...shown.map(({ colour }, index) =>
      steps(
        [
          [x(0), y(0)],
          ...(times[index] ?? [])
            .toSorted((a, b) => a - b)
            .map((atMs, rank) => [x(atMs), y((100 * (rank + 1)) / releases)] as const),
          [x(tenMinutesMs), y((100 * (times[index]?.length ?? 0)) / releases)],
        ],
        { colour, width: colour === 'ours' ? 3 : 2 },
      ),
    ),
    ...spread(labels, { min: top + 4, max: bottom - 18 }, 34).flatMap(
      ({ label, colour, ...end }) => [
        text(label, { x: right + 10, y: end.y, colour, weight: 600 }),
        text(`${Number(end.percent.toFixed(1))} %`, { x: right + 10, y: end.y + 16, colour }),
      ],
    ),
  ];
}
