import { linearScale, logScale } from '../../../src/apps/cli/report/plot-scale.ts';
import { fixedRules } from '../fixed-rules.ts';
import { studySettings } from '../study-settings.ts';
import { runRelease } from '../release.ts';
import { alike, scenario } from '../scenario.ts';
import {
  box,
  card,
  type Drawing,
  type Drawn,
  line,
  type Panel,
  plotLeft,
  stroke,
  text,
  thousands,
  xAxis,
  yAxis,
} from './canvas.ts';
import { evenTimes, traceOf } from './trace.ts';

/** A database that both versions need fails for a while: the rates jump, the comparison does not. */
export const outageDrawing: Drawing = { name: 'outage', isQuick: true, draw };

const durationMs = 180_000;
const outage = { fromMs: 60_000, toMs: 100_000 } as const;
const secondMs = 1000;
const tickMs = 100;
const run = 1;
const heightPx = 500;

const x = linearScale({ min: 0, max: durationMs }, { min: plotLeft, max: 620 });
const rates: Panel = {
  left: plotLeft,
  right: 620,
  top: 98,
  bottom: 238,
  x,
  y: linearScale({ min: 0, max: 70 }, { min: 238, max: 98 }),
};
const evidence: Panel = {
  left: plotLeft,
  right: 620,
  top: 288,
  bottom: 434,
  x,
  y: logScale({ min: 0.1, max: 3000 }, { min: 434, max: 288 }),
};

function draw(): Drawn {
  const shared = scenario({
    name: 'drawn outage',
    requestsPerSecond: 800,
    share: 0.1,
    rates: () => (atMs) => alike(atMs >= outage.fromMs && atMs < outage.toMs ? 0.5 : 0.002),
    durationMs,
  });
  const seconds: { candidate: number; stable: number }[] = [];
  let counts = [0, 0, 0, 0];
  const trace = traceOf(shared, studySettings, {
    run,
    tickMs,
    askedAtMs: evenTimes(tickMs, durationMs),
    onTick: (tick) => {
      const [requests = 0, failures = 0, stableRequests = 0, stableFailures = 0] = counts;
      counts = [
        requests + tick.candidateRequests,
        failures + tick.candidateFailures,
        stableRequests + tick.stableRequests,
        stableFailures + tick.stableFailures,
      ];
      if (tick.atMs % secondMs !== 0) return;
      const [all = 0, failed = 0, stableAll = 0, stableFailed = 0] = counts;
      seconds.push({ candidate: (100 * failed) / all, stable: (100 * stableFailed) / stableAll });
      counts = [0, 0, 0, 0];
    },
  });
  const highest = Math.max(...trace.points.map(({ verdict }) => verdict.explanation.against));
  const flagger = fixedRules.filter(({ name }) => name.startsWith('Flagger 10s'));
  const rolledBack = runRelease(shared, flagger, { run, tickMs }).map((each) => each?.afterMs);
  const [quickest, usual] = rolledBack.map((ms) => (ms === undefined ? 'never' : `${ms / 1000} s`));
  const facts = `Highest evidence: ${Number(highest.toPrecision(2))}. Flagger's quickest setting rolls this release back at ${quickest}, 10 s x 5 at ${usual}`;
  const setup = 'Half of all requests fail for 40 s, whichever version serves them';
  return {
    svg: card(
      {
        title: 'An outage behind both versions moves both and wins nothing',
        subtitle: `800 requests/s, 10 % to a healthy candidate. ${setup}`,
        description: `Above the failure ratio of both versions by the second, below the evidence against the candidate. ${setup}. Seed ${run}. ${facts}.`,
        heightPx,
      },
      parts(
        seconds,
        trace.points.map(({ atMs, verdict }) => [atMs, verdict.explanation.against]),
        rolledBack,
      ),
    ),
    alt: 'During a shared outage the error rates of both versions jump to half of all requests while the evidence stays near 1',
    caption: `${setup}. ${facts}.`,
  };
}

function parts(
  seconds: readonly { readonly candidate: number; readonly stable: number }[],
  against: readonly (readonly [atMs: number, value: number])[],
  rolledBack: readonly (number | undefined)[],
): string[] {
  const lineOf = (arm: 'candidate' | 'stable') =>
    seconds.map((each, index) => [x((index + 0.5) * secondMs), rates.y(each[arm])] as const);
  const { right } = rates;
  const marks = [...new Set(rolledBack.filter((atMs) => atMs !== undefined))];
  return [
    box([x(outage.fromMs), rates.top], [x(outage.toMs), evidence.bottom], 'faint', 0.45),
    ...yAxis(
      rates,
      [0, 25, 50].map((at) => ({ at, label: `${at} %` })),
      'requests that fail',
    ),
    line(lineOf('candidate'), { colour: 'bad', width: 1.5 }),
    line(lineOf('stable'), { colour: 'third', width: 2 }),
    text('candidate', { x: right + 10, y: rates.y(50) + 5, colour: 'bad', weight: 600 }),
    text('stable', { x: right + 10, y: rates.y(50) + 21, colour: 'third', weight: 600 }),
    ...yAxis(
      evidence,
      [0.1, 1, 10, 100, 1000].map((at) => ({ at, label: at < 1 ? `${at}` : thousands(at) })),
      'evidence against the candidate (logarithmic)',
    ),
    ...xAxis(
      evidence,
      [0, 30, 60, 90, 120, 150, 180].map((at) => ({ at: secondMs * at, label: `${at}` })),
      'seconds',
    ),
    ...marks.map((atMs) =>
      stroke(`M${x(atMs)} ${evidence.top}V${evidence.bottom}`, { colour: 'peer', dash: '3 3' }),
    ),
    ...['here 99 % rules roll back:', '1 failed check, 5 failed checks'].map((words, index) =>
      text(words, {
        x: x(Math.max(0, ...marks)) + 8,
        y: evidence.y(60) + 16 * index,
        colour: 'peer',
      }),
    ),
    stroke(`M${evidence.left} ${evidence.y(1000)}H${right}`, { colour: 'ink', dash: '6 4' }),
    text('limit 1,000', { x: right + 10, y: evidence.y(1000) + 5, weight: 600 }),
    line(
      against.map(([atMs, value]) => [x(atMs), evidence.y(value)]),
      { colour: 'ours', width: 2.5 },
    ),
    text('Tidegate', {
      x: right + 10,
      y: evidence.y(against.at(-1)?.[1] ?? 1) + 4,
      colour: 'ours',
      weight: 600,
    }),
  ];
}
