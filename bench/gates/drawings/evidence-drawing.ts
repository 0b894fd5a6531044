import { logScale } from '../../../src/apps/cli/report/plot-scale.ts';
import { effects } from '../bad-scenarios.ts';
import { studySettings } from '../study-settings.ts';
import { alike, percent, scenario, tenMinutesMs } from '../scenario.ts';
import {
  card,
  type Drawing,
  type Drawn,
  dot,
  line,
  type Panel,
  plotLeft,
  spread,
  stroke,
  text,
  thousands,
  xAxis,
  yAxis,
} from './canvas.ts';
import { geometricTimes, type Trace, traceOf } from './trace.ts';

/** Thirty healthy releases and one of each kind of bad one, all on their way for ten minutes. */
export const evidenceDrawing: Drawing = { name: 'evidence', isQuick: false, draw };

const tickMs = 100;
const healthyCount = 30;
const situation = { requestsPerSecond: 800, share: 0.05 };
const baseRatio = 0.001;
const askedAtMs = geometricTimes(tickMs, tenMinutesMs, 70);
const heightPx = 470;

const panel: Panel = {
  left: plotLeft,
  right: 640,
  top: 98,
  bottom: 404,
  // From before the first look on: the name of what is found there stands on its left.
  x: logScale({ min: tickMs / 2, max: tenMinutesMs }, { min: plotLeft, max: 640 }),
  y: logScale({ min: 0.1, max: 1e4 }, { min: 404, max: 98 }),
};

function draw(): Drawn {
  const healthy = Array.from({ length: healthyCount }, (_, index) =>
    release('drawn healthy', baseRatio, index + 1),
  );
  const bad = effects.toReversed().map(({ name, ratioOf }) => ({
    name: `${percent(ratioOf(baseRatio))} fail`,
    trace: release(`drawn ${name}`, ratioOf(baseRatio), 1),
  }));
  const highest = Math.max(...healthy.flatMap(({ points }) => points.map(againstOf)));
  const foundText = bad
    .map(({ name, trace: { failedAtMs } }) =>
      failedAtMs === null
        ? `${name}: not in ten minutes`
        : `${name}: after ${secondsText(failedAtMs)}`,
    )
    .join(', ');
  const facts = `The highest value that one of the ${healthyCount} healthy releases ever had is ${Number(highest.toPrecision(2))}. The bad ones went back: ${foundText}.`;
  const setup = `800 requests/s, 5 % to the candidate, stable fails 0.1 %, a look every ${tickMs} ms`;
  return {
    svg: card(
      {
        title: 'Good releases stay low, bad ones run into the limit',
        subtitle: `${setup}; both axes are logarithmic`,
        description: `Evidence against the candidate over time for ${healthyCount} healthy releases (seeds 1 to ${healthyCount}) and ${bad.length} bad ones (seed 1 each). ${setup}. ${facts}`,
        heightPx,
      },
      parts(healthy, bad),
    ),
    alt: 'Evidence over time: thirty healthy releases stay far under the limit of 1,000, bad ones climb to it one after the other',
    caption: `${setup}. ${facts}`,
  };
}

function release(name: string, candidateRatio: number, run: number): Trace {
  const rates = { ...alike(baseRatio), candidateRatio };
  return traceOf(scenario({ name, ...situation, rates }), studySettings, {
    run,
    tickMs,
    askedAtMs,
  });
}

function parts(
  healthy: readonly Trace[],
  bad: readonly { readonly name: string; readonly trace: Trace }[],
): string[] {
  const { x, y, right } = panel;
  const pointsOf = ({ points }: Trace) =>
    points.map((point) => [x(point.atMs), y(againstOf(point))] as const);
  const ends = bad.map(({ name, trace }) => {
    const last = trace.points.at(-1);
    return {
      name,
      isFound: trace.failedAtMs !== null,
      x: x(last?.atMs ?? tickMs),
      y: y(last === undefined ? 1 : againstOf(last)),
    };
  });
  const above = ends.filter((end) => end.isFound);
  const open = spread(
    ends.filter((end) => !end.isFound),
    { min: panel.top, max: panel.bottom },
  );
  const bodyEnd = y(0.4);
  return [
    ...yAxis(panel, [0.1, 1, 10, 100, 1000].map(tickOf), 'evidence against the candidate'),
    ...xAxis(panel, timeTicks, 'time since the first request (logarithmic)'),
    ...healthy.map((trace) => line(pointsOf(trace), { colour: 'ours', width: 1.1, opacity: 0.45 })),
    ...bad.map(({ trace }) => line(pointsOf(trace), { colour: 'bad', width: 2 })),
    stroke(`M${panel.left} ${y(1000)}H${right}`, { colour: 'ink', width: 1.5, dash: '6 4' }),
    text('limit 1,000:', { x: right + 10, y: y(1000) - 2, weight: 600 }),
    text('rolled back', { x: right + 10, y: y(1000) + 14, weight: 600 }),
    ...above.map((end) => dot(end.x, end.y, 'bad', 4)),
    ...above.map((end, index) =>
      text(end.name, {
        x: index === 0 ? end.x - 9 : end.x + 9,
        y: Math.min(end.y + 5, y(1000) - 7),
        colour: 'bad',
        anchor: index === 0 ? 'end' : 'start',
      }),
    ),
    ...open.map((end) => text(end.name, { x: right + 10, y: end.y + 4, colour: 'bad' })),
    text(`${healthyCount} healthy`, { x: right + 10, y: bodyEnd, colour: 'ours', weight: 600 }),
    text('releases', { x: right + 10, y: bodyEnd + 16, colour: 'ours', weight: 600 }),
  ];
}

function againstOf({ verdict }: Trace['points'][number]): number {
  return verdict.explanation.against;
}

function tickOf(at: number): { at: number; label: string } {
  return { at, label: at >= 1 ? thousands(at) : String(at) };
}

const timeTicks = [
  { at: 100, label: '0.1 s' },
  { at: 1000, label: '1 s' },
  { at: 10_000, label: '10 s' },
  { at: 60_000, label: '1 min' },
  { at: 600_000, label: '10 min' },
];

export function secondsText(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 10) return `${Number(seconds.toFixed(1))} s`;
  if (seconds < 100) return `${Math.round(seconds)} s`;
  return `${Math.round(seconds / 60)} min`;
}
