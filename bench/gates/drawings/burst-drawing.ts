import { linearScale, logScale } from '../../../src/apps/cli/report/plot-scale.ts';
import {
  burstDurationMs,
  type BurstMoment,
  type BurstRelease,
  burstRelease,
  burstScenario,
  incidentMs,
} from './burst-release.ts';
import {
  box,
  card,
  type Colour,
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

/** One instance fails everything for three seconds: judged by request, and by instance and window. */
export const burstDrawing: Drawing = { name: 'bursts', isQuick: false, draw };

const heightPx = 568;
const right = 600;
const countedReleases = 100;
const x = linearScale({ min: 0, max: burstDurationMs }, { min: plotLeft, max: right });

function draw(): Drawn {
  const healthy = burstScenario(0.001, true);
  const run = firstHit();
  const byRequest = burstRelease(healthy, run, false);
  const byWindow = burstRelease(healthy, run, true);
  const dead = burstRelease(burstScenario(1, false), 1, true);
  const runs = Array.from({ length: countedReleases }, (_, index) => index + 1);
  const back = (isByWindow: boolean): number =>
    runs.filter((each) => burstRelease(healthy, each, isByWindow).failedAtMs !== null).length;
  const facts = `Of ${countedReleases} such healthy releases ${back(false)} are rolled back within 40 s by request, ${back(true)} by instance and window. The dead candidate goes back after ${(dead.failedAtMs ?? 0) / 1000} s and ${dead.failedRequests} failed requests`;
  const setup = `800 requests/s, 40 instances, 2 of them the candidate's; each instance fails 90 % of its requests for 3 s now and then, once in 200 s on average, whatever its version; gate.incident is ${incidentMs / 1000} s`;
  return {
    svg: card(
      {
        title: 'One instance stumbles: the version, or an incident?',
        subtitle:
          'A healthy candidate with a 3 s incident on one of its two instances, and a dead candidate',
        description: `Above the evidence against a healthy candidate of which one instance has an incident, by request and by instance and window. Below what traffic the candidate gets over time: all of its share, none (parked), or a few probes; for the healthy and for a dead candidate. ${setup}. Seed ${run}, the first in which the candidate has one incident, between 8 and 12 s; seed 1 for the dead one, which has no incidents. ${facts}.`,
        heightPx,
      },
      [...evidenceParts(byRequest, byWindow), ...laneParts(byWindow, dead)],
    ),
    alt: 'Evidence by request jumps over the limit when one instance has an incident, evidence by window does not; the candidate is parked, probed and given back its traffic, a dead one is rolled back',
    caption: `${setup}. ${facts}.`,
  };
}

/** The first release with an incident of the candidate where there is room to see what comes before and after it. */
function firstHit(): number {
  for (let run = 1; run < 1000; run += 1) {
    const { moments } = burstRelease(burstScenario(0.001, true), run, true);
    const parked = moments.filter((each, at) => {
      return each.lane === 'park' && moments[at - 1]?.lane !== 'park';
    });
    const parkedAtMs = parked[0]?.atMs ?? 0;
    if (parked.length === 1 && parkedAtMs > 8000 && parkedAtMs < 12_000) return run;
  }
  throw new Error('no release had one incident, between 8 and 12 s');
}

const evidence: Panel = {
  left: plotLeft,
  right,
  top: 100,
  bottom: 270,
  x,
  y: logScale({ min: 0.1, max: 1e4 }, { min: 270, max: 100 }),
};

function evidenceParts(byRequest: BurstRelease, byWindow: BurstRelease): string[] {
  const { y } = evidence;
  const pointsOf = ({ moments }: BurstRelease) =>
    moments.map(({ atMs, against }) => [x(atMs), y(against)] as const);
  const backAtMs = byRequest.failedAtMs ?? 0;
  return [
    ...yAxis(
      evidence,
      [0.1, 1, 10, 100, 1000].map((at) => ({ at, label: at < 1 ? `${at}` : thousands(at) })),
      'evidence against the healthy candidate (logarithmic)',
    ),
    ...xAxis(evidence, secondsTicks(), ''),
    stroke(`M${plotLeft} ${y(1000).toFixed(1)}H${right}`, { colour: 'ink', dash: '6 4' }),
    text('limit 1,000', { x: right + 10, y: y(1000) + 5, weight: 600 }),
    line(pointsOf(byWindow), { colour: 'ours', width: 2.5 }),
    line(pointsOf(byRequest), { colour: 'bad', width: 2.5 }),
    text('by request: a false rollback', {
      x: x(backAtMs) + 10,
      y: y(180),
      colour: 'bad',
      weight: 600,
    }),
    text('by instance', { x: right + 10, y: y(1) - 6, colour: 'ours', weight: 600 }),
    text('and window', { x: right + 10, y: y(1) + 10, colour: 'ours', weight: 600 }),
  ];
}

const lanes: Record<BurstMoment['lane'], { label: string; colour: Colour; opacity: number }> = {
  all: { label: 'its share', colour: 'ours', opacity: 0.45 },
  park: { label: 'parked', colour: 'faint', opacity: 0.9 },
  probe: { label: 'probes', colour: 'third', opacity: 0.55 },
};

function laneParts(healthy: BurstRelease, dead: BurstRelease): string[] {
  const bottom: Panel = { ...evidence, top: 344, bottom: 506 };
  return [
    text('what traffic the candidate gets, and its failed requests (one line each)', {
      x: 24,
      y: 326,
      colour: 'muted',
    }),
    ...rowParts(healthy, 364, 'healthy candidate, one of its instances has an incident'),
    ...rowParts(dead, 448, 'dead candidate'),
    ...xAxis(bottom, secondsTicks(), 'seconds since the first request'),
  ];
}

function rowParts(release: BurstRelease, top: number, name: string): string[] {
  const parts: string[] = [text(name, { x: plotLeft, y: top - 8, weight: 600 })];
  const { moments, failedAtMs } = release;
  let from = 0;
  for (const [index, moment] of moments.entries()) {
    const next = moments[index + 1];
    if (next?.lane === moment.lane) continue;
    const { label, colour, opacity } = lanes[moment.lane];
    const [left, to] = [x(from), x(moment.atMs)];
    parts.push(box([left, top], [to, top + 28], colour, opacity));
    if (to - left > 6.8 * label.length) {
      parts.push(text(label, { x: (left + to) / 2, y: top + 19, anchor: 'middle' }));
    }
    from = moment.atMs;
  }
  for (const { atMs, failures } of moments) {
    if (failures > 0) {
      parts.push(stroke(`M${x(atMs).toFixed(1)} ${top + 32}v10`, { colour: 'bad', width: 1.5 }));
    }
  }
  const end = failedAtMs === null ? right : x(failedAtMs);
  parts.push(
    text(failedAtMs === null ? 'goes on' : `rolled back after ${failedAtMs / 1000} s`, {
      x: end + 10,
      y: top + 19,
      weight: 600,
      colour: failedAtMs === null ? 'ours' : 'bad',
    }),
  );
  return parts;
}

function secondsTicks(): { at: number; label: string }[] {
  return [0, 10, 20, 30, 40].map((at) => ({ at: 1000 * at, label: `${at}` }));
}
