import { linearScale, logScale } from '../../../src/apps/cli/report/plot-scale.ts';
import type { GateExplanation } from '../../../src/domain/gate/verdict.ts';
import { OurGate } from '../our-gate.ts';
import { studySettings } from '../study-settings.ts';
import { alike, scenario } from '../scenario.ts';
import { openStream } from '../stream.ts';
import {
  band,
  card,
  type Drawing,
  type Drawn,
  line,
  type Panel,
  plotLeft,
  steps,
  stroke,
  text,
  xAxis,
  yAxis,
} from './canvas.ts';

/** A healthy candidate on its way to 100 %: the range that the difference can still be in, and the evidence that it is harmless. */
export const promotionDrawing: Drawing = { name: 'promotion', isQuick: true, draw };

const stepsPercent = [1, 5, 25, 50];
const tickMs = 100;
const run = 1;
const baseRatio = 0.001;
const durationMs = 120_000;
const settings = studySettings;
const heightPx = 572;
const right = 610;

interface Moment {
  readonly atMs: number;
  readonly weightPercent: number;
  readonly explanation: GateExplanation;
}

function draw(): Drawn {
  const moments = rollout();
  const last = moments.at(-1);
  const endMs = last?.atMs ?? durationMs;
  const { lowRatio = -1, highRatio = 1 } = last?.explanation.difference ?? {};
  const times = stepsPercent.map((percent) => {
    return (moments.findLast((each) => each.weightPercent === percent)?.atMs ?? 0) / 1000;
  });
  const isPromoted = endMs < durationMs;
  const facts = `${isPromoted ? `Promoted after ${endMs / 1000} s` : `Not promoted within ${durationMs / 1000} s`}; the steps ended at ${times.map((seconds) => `${seconds} s`).join(', ')}. At the end the difference is between ${points(lowRatio)} and ${points(highRatio)} points`;
  const setup = '800 requests/s, both versions fail 0.1 %, steps of 1, 5, 25 and 50 %';
  return {
    svg: card(
      {
        title: 'Promotion: what is still possible shrinks until the margin is out',
        subtitle: setup,
        description: `Above the 95 % interval of the difference between the failure ratios over time, which holds at all moments together; below the evidence that the candidate is not worse than each step's margin. ${setup}, a soak of ${settings.soakMs / 1000} s each. Seed ${run}. ${facts}.`,
        heightPx,
      },
      parts(moments, endMs),
    ),
    alt: 'The interval of the difference narrows step by step around zero; evidence for the candidate passes the limit of each step',
    caption: `${setup}, each with a soak of ${settings.soakMs / 1000} s; the last gate asks for "not worse than +0.25 points". ${facts}.`,
  };
}

function points(ratio: number): string {
  const value = Number((100 * ratio).toPrecision(2));
  return value > 0 ? `+${value}` : String(value);
}

/** As the product steps: a pass leads to the next weight at once. */
function rollout(): readonly Moment[] {
  let step = 0;
  let stepSinceMs = 0;
  const share = (): number => (stepsPercent[step] ?? 100) / 100;
  const healthy = scenario({
    name: 'drawn promotion',
    requestsPerSecond: 800,
    share,
    rates: alike(baseRatio),
    durationMs,
  });
  const next = openStream(healthy, run, tickMs);
  const gate = new OurGate(settings, 60_000);
  const moments: Moment[] = [];
  for (let number = 1; number * tickMs <= durationMs; number += 1) {
    const tick = next(number);
    gate.take(tick);
    const { atMs } = tick;
    const weightPercent = 100 * share();
    const isLastGate = step === stepsPercent.length - 1;
    const verdict = gate.verdict({ atMs, stepSinceMs, weightPercent, isLastGate });
    moments.push({ atMs, weightPercent, explanation: verdict.explanation });
    if (verdict.kind !== 'pass') continue;
    step += 1;
    stepSinceMs = atMs;
    gate.closeBlock();
    if (step === stepsPercent.length) break;
  }
  return moments;
}

/** The interval's ends are of a grid that is finer near 0, and so is the axis: linear to 0.05 points, then logarithmic. */
function differencePlace(ratio: number): number {
  const size = Math.abs(ratio) / 0.0005;
  return Math.sign(ratio) * (size <= 1 ? size : 1 + Math.log10(size));
}

function parts(moments: readonly Moment[], endMs: number): string[] {
  const x = linearScale({ min: 0, max: endMs }, { min: plotLeft, max: right });
  const yPlace = linearScale(
    { min: -differencePlace(1), max: differencePlace(1) },
    { min: 310, max: 112 },
  );
  const interval: Panel = {
    left: plotLeft,
    right,
    top: 112,
    bottom: 310,
    x,
    y: (ratio) => yPlace(differencePlace(ratio)),
  };
  const evidence: Panel = {
    left: plotLeft,
    right,
    top: 380,
    bottom: 514,
    x,
    y: logScale({ min: 0.1, max: 1000 }, { min: 514, max: 380 }),
  };
  const { y } = interval;
  const upper = moments.map(({ atMs, explanation }) => {
    return [x(atMs), y(explanation.difference.highRatio)] as const;
  });
  const lower = moments.map(({ atMs, explanation }) => {
    return [x(atMs), y(explanation.difference.lowRatio)] as const;
  });
  const ticks = [0.5, 0.05, 0.005, 0, -0.005, -0.05, -0.5];
  return [
    ...stepMarks(moments, x, { top: interval.top, bottom: evidence.bottom }),
    ...yAxis(
      interval,
      ticks.map((at) => ({ at, label: points(at) })),
      'candidate less stable, points of failure ratio (finer near 0)',
    ),
    band(upper, lower, 'ours'),
    steps(upper, { colour: 'ours', width: 2 }),
    steps(lower, { colour: 'ours', width: 2 }),
    stroke(`M${interval.left} ${y(settings.worseByRatio)}H${right}`, {
      colour: 'bad',
      dash: '6 4',
    }),
    text('margin +0.25', {
      x: right + 10,
      y: y(settings.worseByRatio) + 4,
      colour: 'bad',
      weight: 600,
    }),
    text('what the difference', { x: x(endMs * 0.32), y: y(0) + 17, colour: 'ours', weight: 600 }),
    text('can still be (95 %)', { x: x(endMs * 0.32), y: y(0) + 33, colour: 'ours', weight: 600 }),
    ...evidenceParts(moments, evidence),
    ...xAxis(
      evidence,
      secondsTicks(endMs).map((at) => ({ at: 1000 * at, label: `${at}` })),
      'seconds since the first request',
    ),
  ];
}

function evidenceParts(moments: readonly Moment[], panel: Panel): string[] {
  const { x, y } = panel;
  const lastLimit = moments.at(-1)?.explanation.forLimit ?? 100;
  return [
    ...yAxis(
      panel,
      [1, 10, 100, 1000].map((at) => ({ at, label: at === 1000 ? '≥1,000' : `${at}` })),
      "evidence that it is not worse than the step's margin (logarithmic)",
    ),
    ...segments(moments).flatMap((segment) => {
      const limit = segment[0]?.explanation.forLimit ?? 1;
      const from = x(segment[0]?.atMs ?? 0);
      const to = x(segment.at(-1)?.atMs ?? 0);
      return [
        stroke(`M${from.toFixed(1)} ${y(limit).toFixed(1)}H${to.toFixed(1)}`, {
          colour: 'ink',
          dash: '6 4',
        }),
        line(
          segment.map(({ atMs, explanation }) => [x(atMs), y(explanation.for)]),
          { colour: 'third', width: 2.5 },
        ),
      ];
    }),
    text(`limit ${lastLimit}`, { x: panel.right + 10, y: y(lastLimit) + 5, weight: 600 }),
    text('before: 20', { x: panel.right + 10, y: y(20) + 5 }),
    text('evidence for', {
      x: panel.right + 10,
      y: y(moments.at(-1)?.explanation.for ?? 1) - 10,
      colour: 'third',
      weight: 600,
    }),
  ];
}

function segments(moments: readonly Moment[]): Moment[][] {
  return stepsPercent.map((percent) => moments.filter((each) => each.weightPercent === percent));
}

function stepMarks(
  moments: readonly Moment[],
  x: (value: number) => number,
  { top, bottom }: { readonly top: number; readonly bottom: number },
): string[] {
  return segments(moments).flatMap((segment, index) => {
    const first = segment[0];
    if (first === undefined) return [];
    const from = x(index === 0 ? 0 : first.atMs);
    return [
      index === 0
        ? ''
        : stroke(`M${from.toFixed(1)} ${top - 6}V${bottom}`, { colour: 'faint', width: 1.5 }),
      text(`${index === 0 ? 'weight ' : ''}${first.weightPercent} %`, {
        x: from + 6,
        y: 328,
        weight: 600,
      }),
    ];
  });
}

function secondsTicks(endMs: number): number[] {
  const every = endMs > 60_000 ? 20 : 5;
  return Array.from({ length: Math.floor(endMs / 1000 / every) + 1 }, (_, index) => index * every);
}
