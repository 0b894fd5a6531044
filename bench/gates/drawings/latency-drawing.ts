import { linearScale, logScale } from '../../../src/apps/cli/report/plot-scale.ts';
import { logSlower, slowerRatios } from '../../../src/domain/gate/latency-alternatives.ts';
import {
  addToScale,
  emptyScale,
  scaleLength,
  scaleLowerUs,
} from '../../../src/domain/gate/latency-scale.ts';
import { medianOf } from '../../form.ts';
import { histogram, type LatencyShape, scaled, tailScaled } from '../latency-stream.ts';
import { studySettings } from '../study-settings.ts';
import { seededSource } from '../random.ts';
import { alike, scenario } from '../scenario.ts';
import type { Tick } from '../stream.ts';
import {
  box,
  card,
  type Drawing,
  type Drawn,
  type Panel,
  steps,
  stroke,
  text,
  thousands,
  xAxis,
  yAxis,
} from './canvas.ts';
import { traceOf } from './trace.ts';

/** Two slower candidates as histograms, and what a request in each place of the scale does to the evidence. */
export const latencyDrawing: Drawing = { name: 'latency', isQuick: false, draw };

const drawnRequests = 100_000;
const share = 0.05;
const releases = 50;
const tickMs = 100;
const heightPx = 484;
const [fromMs, toMs] = [16, 1100];

interface Case {
  readonly title: string;
  readonly shape: LatencyShape;
  /** Per place of the scale, parts of the requests. */
  readonly parts: readonly number[];
  readonly factors: readonly number[];
  readonly requests: number | null;
}

function draw(): Drawn {
  const stable = partsOf(scaled(1), 1);
  const cases = [
    caseOf('all requests take 25 % longer', scaled(1.25), { stable, seed: 2 }),
    caseOf('only the slowest tenth takes twice as long', tailScaled(2), { stable, seed: 3 }),
  ];
  const facts = cases
    .map(({ title, requests }) => {
      return `${title}: found after ${requests === null ? 'no' : thousands(requests)} candidate requests`;
    })
    .join('; ');
  const setup = `Stable's latencies are lognormal (median 80 ms, p95 215 ms); 800 requests/s, 5 % to the candidate`;
  return {
    svg: card(
      {
        title: 'Latency: every bucket of the histogram is part of the bet',
        subtitle:
          'Above where the requests lie, below what one candidate request there does to the evidence',
        description: `Histograms of stable and of two slower candidates on the gate's scale, and the factor by which one candidate request in each place multiplies the evidence of the alternative that fits best. ${setup}. ${drawnRequests} latencies drawn for each histogram (seeds 1 to 3); ${facts} (median of ${releases} releases, seeds 1 to ${releases}, no tolerance and no warm-up).`,
        heightPx,
      },
      cases.flatMap((each, index) => caseParts(each, stable, index === 0 ? 64 : 424)),
    ),
    alt: 'Two histograms of slower candidates beside stable, and under them bars: requests in slow buckets multiply the evidence by more than one, in fast buckets by less',
    caption: `${setup}; without tolerance and warm-up, median of ${releases} releases: ${facts}.`,
  };
}

function partsOf(shape: LatencyShape, seed: number): readonly number[] {
  const drawn = histogram(seededSource('drawn latency', seed), shape.fine, drawnRequests);
  const counts = addToScale(emptyScale, drawn, 0);
  return Array.from(
    { length: scaleLength },
    (_, place) => ((counts[place] ?? 0) + 0.1) / drawnRequests,
  );
}

function caseOf(
  title: string,
  shape: LatencyShape,
  { stable, seed }: { readonly stable: readonly number[]; readonly seed: number },
): Case {
  const parts = partsOf(shape, seed);
  const { ratios } = slowerRatios(stable);
  // The alternative that expects the most of such a candidate.
  const logs = logSlower(
    slowerRatios(stable),
    parts.map((part) => part * share * drawnRequests),
    stable.map((part) => part * (1 - share) * drawnRequests),
  );
  const best = ratios[logs.indexOf(Math.max(...logs))] ?? new Float64Array(scaleLength);
  const factors = Array.from(best, (ratio) => ratio / (1 + share * (ratio - 1)));
  return { title, shape, parts, factors, requests: requestsUntilFound(title, shape) };
}

function requestsUntilFound(title: string, shape: LatencyShape): number | null {
  const slow = scenario({
    name: `drawn latency, ${title}`,
    requestsPerSecond: 800,
    share,
    rates: alike(0.001),
    latency: () => () => ({ candidate: shape, stable: scaled(1) }),
  });
  const settings = { ...studySettings, slowerByRatio: 0, warmUpMs: 0 };
  const requests = Array.from({ length: releases }, (_, index) => {
    let seen = 0;
    const onTick = ({ candidateRequests }: Tick): void => {
      seen += candidateRequests;
    };
    const options = { run: index + 1, tickMs, askedAtMs: [], onTick };
    return traceOf(slow, settings, options).failedAtMs === null ? Infinity : seen;
  });
  return medianOf(requests);
}

function caseParts(
  { title, parts, factors }: Case,
  stable: readonly number[],
  left: number,
): string[] {
  const right = left + 312;
  const x = logScale({ min: fromMs, max: toMs }, { min: left, max: right });
  const upper: Panel = {
    left,
    right,
    top: 122,
    bottom: 244,
    x,
    y: linearScale({ min: 0, max: 0.17 }, { min: 244, max: 122 }),
  };
  const lower: Panel = {
    left,
    right,
    top: 288,
    bottom: 420,
    x,
    y: logScale({ min: 0.3, max: 30 }, { min: 420, max: 288 }),
  };
  const places = Array.from({ length: scaleLength - 1 }, (_, place) => place).filter((place) => {
    const ms = scaleLowerUs(place) / 1000;
    return ms >= fromMs && scaleLowerUs(place + 1) / 1000 <= toMs;
  });
  const outline = (of: readonly number[]) =>
    places.map((place) => [x(scaleLowerUs(place) / 1000), upper.y(of[place] ?? 0)] as const);
  const isFirst = left < 100;
  return [
    text(title, { x: left, y: 90, weight: 600 }),
    ...yAxis(upper, isFirst ? percents : [], ''),
    steps(outline(stable), { colour: 'third', width: 2.5 }),
    steps(outline(parts), { colour: 'bad', width: 2.5 }),
    ...(isFirst ? nameParts(upper) : []),
    ...yAxis(lower, isFirst ? factorTicks : [], ''),
    isFirst ? text('part of the requests', { x: left, y: 112, colour: 'muted' }) : '',
    text('one candidate request multiplies the evidence by', {
      x: left,
      y: lower.top - 14,
      colour: 'muted',
    }),
    ...places.map((place) => {
      const factor = factors[place] ?? 1;
      const [from, to] = [x(scaleLowerUs(place) / 1000), x(scaleLowerUs(place + 1) / 1000)];
      const [high, low] = [lower.y(Math.max(1, factor)), lower.y(Math.min(1, factor))];
      return box(
        [from + 1, high],
        [to - 1, Math.max(low, high + 1)],
        factor >= 1 ? 'bad' : 'third',
        0.75,
      );
    }),
    stroke(`M${left} ${lower.y(1).toFixed(1)}H${right}`, { colour: 'muted', width: 1 }),
    ...xAxis(
      lower,
      [20, 50, 100, 200, 500, 1000].map((at) => ({ at, label: thousands(at) })),
      'milliseconds (logarithmic)',
    ),
  ];
}

function nameParts({ x, y }: Panel): string[] {
  return [
    text('stable', { x: x(34), y: y(0.125), colour: 'third', weight: 600, anchor: 'end' }),
    text('candidate', { x: x(185), y: y(0.125), colour: 'bad', weight: 600 }),
  ];
}

const percents = [0, 0.05, 0.1, 0.15].map((at) => ({ at, label: `${Math.round(100 * at)} %` }));
const factorTicks = [0.3, 1, 3, 10, 30].map((at) => ({ at, label: `x ${at}` }));
