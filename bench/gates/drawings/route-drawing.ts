import { linearScale, logScale } from '../../../src/apps/cli/report/plot-scale.ts';
import { studySettings } from '../study-settings.ts';
import { scenario } from '../scenario.ts';
import type { Route } from '../stream.ts';
import {
  box,
  card,
  type Drawing,
  type Drawn,
  line,
  type Panel,
  stroke,
  text,
  thousands,
  xAxis,
  yAxis,
} from './canvas.ts';
import { evenTimes, type Trace, traceOf } from './trace.ts';

/** No route is worse, but the candidate gets more of the worst one: judged in all, and by route. */
export const routeDrawing: Drawing = { name: 'routes', isQuick: false, draw };

const releases = 12;
const tickMs = 200;
const durationMs = 600_000;
const heightPx = 452;
const routes: readonly Route[] = [
  { key: 'most', candidatePart: 0.87, stablePart: 0.9, failureRatio: 0.001 },
  { key: 'search', candidatePart: 0.13, stablePart: 0.1, failureRatio: 0.05 },
];

function draw(): Drawn {
  const inAll = Array.from({ length: releases }, (_, index) => release(index + 1, false));
  const byRoute = Array.from({ length: releases }, (_, index) => release(index + 1, true));
  const backInAll = inAll.filter(({ failedAtMs }) => failedAtMs !== null).length;
  const backByRoute = byRoute.filter(({ failedAtMs }) => failedAtMs !== null).length;
  const highest = Math.max(
    ...byRoute.flatMap(({ points }) => points.map(({ verdict }) => verdict.explanation.against)),
  );
  const setup =
    "On both versions /search fails 5 % and all else 0.1 %; /search is 13 % of the candidate's requests and 10 % of stable's";
  const facts = `Compared in all ${backInAll} of ${releases} healthy releases are rolled back within ${durationMs / 60_000} minutes, by route ${backByRoute}; their highest evidence is ${Number(highest.toPrecision(2))}`;
  return {
    svg: card(
      {
        title: 'Another mix of routes looks like a worse version',
        subtitle: 'Same failure ratio on each route, but the candidate gets more of the bad one',
        description: `Evidence against the candidate over time for ${releases} healthy releases (seeds 1 to ${releases}), left compared in all, right route by route. ${setup}. 800 requests/s, half of them to the candidate. ${facts}.`,
        heightPx,
      },
      [
        ...mixParts(),
        ...panelParts(inAll, { left: 64, title: 'compared in all', hasAxis: true }),
        ...panelParts(byRoute, { left: 430, title: 'compared route by route', hasAxis: false }),
      ],
    ),
    alt: 'Two panels: compared in all, the evidence against healthy releases climbs over the limit; compared route by route it stays low',
    caption: `${setup}; 800 requests/s, half of them to the candidate. ${facts}.`,
  };
}

function release(run: number, isByRoute: boolean): Trace {
  const mixed = scenario({
    name: 'drawn routes',
    requestsPerSecond: 800,
    share: 0.5,
    rates: { candidateRatio: 0, stableRatio: 0 },
    durationMs,
    routes,
  });
  return traceOf(mixed, studySettings, {
    run,
    tickMs,
    askedAtMs: evenTimes(2000, durationMs),
    onTick: (tick) => {
      if (!isByRoute) tick.routes = null;
    },
  });
}

function mixParts(): string[] {
  const rows = [
    { name: 'stable', part: routes[1]?.stablePart ?? 0 },
    { name: 'candidate', part: routes[1]?.candidatePart ?? 0 },
  ];
  const [left, right] = [100, 736];
  return rows.flatMap(({ name, part }, index) => {
    const y = 78 + 26 * index;
    const split = right - (right - left) * part;
    return [
      text(name, { x: 24, y: y + 14, colour: 'muted' }),
      box([left, y], [split - 2, y + 20], 'ours', 0.3),
      box([split, y], [right, y + 20], 'bad', 0.55),
      text(`all else: 0.1 % fail`, { x: left + 8, y: y + 14.5 }),
      text(`${Math.round(100 * part)} %`, { x: right - 8, y: y + 14.5, anchor: 'end' }),
      index === 0
        ? text('/search: 5 % fail', {
            x: right,
            y: y - 6,
            anchor: 'end',
            colour: 'bad',
            weight: 600,
          })
        : '',
    ];
  });
}

function panelParts(
  traces: readonly Trace[],
  at: { readonly left: number; readonly title: string; readonly hasAxis: boolean },
): string[] {
  const { left, title, hasAxis } = at;
  const right = left + 306;
  const panel: Panel = {
    left,
    right,
    top: 186,
    bottom: 388,
    x: linearScale({ min: 0, max: durationMs }, { min: left, max: right }),
    y: logScale({ min: 0.1, max: 1e4 }, { min: 388, max: 186 }),
  };
  const { x, y } = panel;
  const ticks = [0.1, 1, 10, 100, 1000];
  return [
    ...(hasAxis
      ? yAxis(
          panel,
          ticks.map((each) => ({ at: each, label: each < 1 ? `${each}` : thousands(each) })),
          '',
        )
      : ticks.map((each) =>
          stroke(`M${left} ${y(each).toFixed(1)}H${right}`, { colour: 'faint', width: 1 }),
        )),
    text(title, { x: left, y: panel.top - 10, weight: 600, colour: hasAxis ? 'bad' : 'ours' }),
    hasAxis
      ? text('evidence against', { x: right, y: panel.top - 10, anchor: 'end', colour: 'muted' })
      : '',
    ...xAxis(
      panel,
      [0, 2, 4, 6, 8, 10].map((at) => ({ at: 60_000 * at, label: `${at}` })),
      'minutes',
    ),
    ...traces.map(({ points }) =>
      line(
        points.map(({ atMs, verdict }) => [x(atMs), y(verdict.explanation.against)]),
        { colour: hasAxis ? 'bad' : 'ours', width: 1.4, opacity: 0.75 },
      ),
    ),
    stroke(`M${left} ${y(1000).toFixed(1)}H${right}`, { colour: 'ink', dash: '6 4' }),
    text('limit 1,000', { x: right, y: y(1000) - 7, anchor: 'end', weight: 600 }),
  ];
}
