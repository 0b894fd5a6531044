import { durationText, percentText } from '../views/words.ts';
import { html } from './html-text.ts';
import {
  coordinate,
  type Extent,
  linearScale,
  linePath,
  logScale,
  powerTicks,
  roundTicks,
  type Scale,
  stepPath,
} from './plot-scale.ts';
import type { EvidencePoint, RolloutReport, SeriesPoint } from './report-model.ts';

const widthPx = 760;
const heightPx = 392;
const plotLeft = 56;
const plotRight = widthPx - 16;
const weightPanel: Extent = { min: 58, max: 168 };
const evidencePanel: Extent = { min: 222, max: 352 };
/** Evidence beyond is drawn at the edge; a thousand times the usual limit says enough. */
const evidenceExtent: Extent = { min: 1e-2, max: 1e6 };

/**
 * One rollout over time: above, the candidate's share as wanted and as measured; below, the evidence against and for it
 * with the limits, on a log scale. Lines differ in dashes too, not in colour alone. Empty when nothing was recorded.
 */
export function rolloutDrawing(rollout: RolloutReport): string {
  const points = pointsOf(rollout);
  const first = points[0];
  const last = points.at(-1);
  if (first === undefined || last === undefined || last.atMs <= first.atMs) return '';
  const spanMs = last.atMs - first.atMs;
  const x: Scale = (atMs) =>
    linearScale({ min: 0, max: spanMs }, { min: plotLeft, max: plotRight })(atMs - first.atMs);
  const id = `drawing-${rollout.id.replaceAll(/[^\w-]/g, '-')}`;
  return [
    `<svg viewBox="0 0 ${widthPx} ${heightPx}" role="img" aria-labelledby="${html(id)}-title ${html(id)}-text">`,
    `<title id="${html(id)}-title">${html(`Share and evidence of ${rollout.service} ${rollout.to} over time`)}</title>`,
    `<desc id="${html(id)}-text">${html(drawingText(rollout))}</desc>`,
    ...markParts(rollout, x),
    ...timeParts(spanMs, (offsetMs) => x(first.atMs + offsetMs)),
    ...weightParts(points, x),
    ...evidenceParts(points, x),
    ...decisionParts(rollout, x),
    '</svg>',
  ].join('\n');
}

/** The same in words, for those who do not see the drawing. */
export function drawingText(rollout: RolloutReport): string {
  const steps = rollout.steps.map(
    (step) =>
      `${percentText(step.wantedSharePercent)} wanted, ${step.measuredSharePercent === null ? 'nothing' : percentText(step.measuredSharePercent)} measured, for ${durationText(step.durationMs)}`,
  );
  const end = rollout.series.findLast((point) => point.evidence !== null)?.evidence ?? null;
  const evidence =
    end === null
      ? 'No evidence was weighed'
      : `Evidence at the end: against ${evidenceText(end.against)} (limit ${evidenceText(end.againstLimit)}), for ${evidenceText(end.for)} (limit ${evidenceText(end.forLimit)})`;
  const marks = rollout.marks.map(
    (mark) => `Marked: ${mark.label} for ${durationText(mark.toMs - mark.fromMs)}`,
  );
  return `${[`Steps: ${steps.join('; ') || 'none'}`, evidence, ...marks].join('. ')}. Outcome: ${rollout.outcome === 'rolled-back' ? 'rolled back' : rollout.outcome}.`;
}

export function evidenceText(evidence: number): string {
  if (evidence >= evidenceExtent.max) return 'over 1,000,000';
  if (evidence < evidenceExtent.min) return 'under 0.01';
  return evidence >= 100
    ? Math.floor(evidence)
        .toString()
        .replaceAll(/\B(?=(\d{3})+$)/g, ',')
    : String(Number(evidence.toPrecision(2)));
}

function pointsOf({ series, startedAtMs }: RolloutReport): readonly SeriesPoint[] {
  return series.filter((point) => point.atMs >= startedAtMs);
}

function weightParts(points: readonly SeriesPoint[], x: Scale): string[] {
  const y = linearScale({ min: 0, max: 100 }, { min: weightPanel.max, max: weightPanel.min });
  const wanted = points.map(({ atMs, wantedPercent }) => [x(atMs), y(wantedPercent)] as const);
  const measured = measuredPoints(points);
  return [
    panelTitle('Share of the candidate', weightPanel.min - 30),
    legend('wanted', 'wanted', { x: 268, y: weightPanel.min - 34 }),
    legend('measured', 'measured', { x: 364, y: weightPanel.min - 34 }),
    ...[0, 50, 100].map((percent) => gridLine(y(percent), `${percent} %`)),
    `<path class="wanted" d="${stepPath(wanted)}"/>`,
    `<path class="measured" d="${linePath(measured.map((point) => point && [x(point.atMs), y(point.percent)]))}"/>`,
    ...measured.map((point) =>
      point === null
        ? ''
        : `<circle class="dot" cx="${coordinate(x(point.atMs))}" cy="${coordinate(y(point.percent))}" r="1.8"/>`,
    ),
  ];
}

/** With a gap wherever the weight changed: nothing was ever measured on the way from one weight to the next. */
function measuredPoints(
  points: readonly SeriesPoint[],
): ({ readonly atMs: number; readonly percent: number } | null)[] {
  let wanted: number | null = null;
  return points.flatMap(({ atMs, wantedPercent, measuredPercent }) => {
    if (measuredPercent === null) return [];
    const isSame = wanted === null || wanted === wantedPercent;
    wanted = wantedPercent;
    const point = { atMs, percent: measuredPercent };
    return isSame ? [point] : [null, point];
  });
}

function evidenceParts(points: readonly SeriesPoint[], x: Scale): string[] {
  const y = logScale(evidenceExtent, { min: evidencePanel.max, max: evidencePanel.min });
  const weighed = points.flatMap(({ atMs, evidence }) =>
    evidence === null ? [] : [{ atMs, evidence }],
  );
  const line = (name: keyof EvidencePoint): string =>
    linePath(weighed.map(({ atMs, evidence }) => [x(atMs), y(evidence[name])] as const));
  const steps = (name: keyof EvidencePoint): string =>
    stepPath(weighed.map(({ atMs, evidence }) => [x(atMs), y(evidence[name])] as const));
  return [
    panelTitle('Evidence (log scale)', evidencePanel.min - 26),
    legend('against', 'against it', { x: 268, y: evidencePanel.min - 30 }),
    legend('for', 'for it', { x: 364, y: evidencePanel.min - 30 }),
    legend('limit against', 'limit: back', { x: 440, y: evidencePanel.min - 30 }),
    legend('limit for', 'limit: on', { x: 548, y: evidencePanel.min - 30 }),
    ...powerTicks(evidenceExtent).map((tick) => gridLine(y(tick), tickText(tick))),
    `<path class="limit against" d="${steps('againstLimit')}"/>`,
    `<path class="limit for" d="${steps('forLimit')}"/>`,
    `<path class="for" d="${line('for')}"/>`,
    `<path class="against" d="${line('against')}"/>`,
  ];
}

function tickText(tick: number): string {
  if (tick === evidenceExtent.max) return '≥ 10⁶';
  return tick >= 1e4 ? '10⁴' : String(tick);
}

function timeParts(spanMs: number, x: Scale): string[] {
  const ticks = roundTicks(spanMs / 1000, 10).map((seconds) => {
    const left = coordinate(x(seconds * 1000));
    return `<path class="grid" d="M${left} ${weightPanel.min}V${weightPanel.max}M${left} ${evidencePanel.min}V${evidencePanel.max}"/><text class="tick" x="${left}" y="${evidencePanel.max + 18}" text-anchor="middle">${seconds}</text>`;
  });
  return [
    ...ticks,
    `<text class="tick" x="${plotRight}" y="${evidencePanel.max + 34}" text-anchor="end">seconds since the rollout began</text>`,
  ];
}

function markParts({ marks }: RolloutReport, x: Scale): string[] {
  return marks.flatMap(({ fromMs, toMs, label }) => {
    const left = x(fromMs);
    const width = Math.max(2, x(toMs) - left);
    return [
      `<rect class="mark" x="${coordinate(left)}" y="${weightPanel.min}" width="${coordinate(width)}" height="${evidencePanel.max - weightPanel.min}"/>`,
      `<text class="note" x="${coordinate(left + width / 2)}" y="${weightPanel.min + 16}" text-anchor="middle">${html(label)}</text>`,
    ];
  });
}

/** Where the word fell; its label stands beside the line, on the side that has room. */
function decisionParts(rollout: RolloutReport, x: Scale): string[] {
  const decision = rollout.entries.find(
    ({ decision }) => decision === 'roll-back' || decision === 'promoted',
  );
  if (decision === undefined) return [];
  const left = x(decision.atMs);
  const isRight = left > (plotLeft + plotRight) / 2;
  const text = decision.decision === 'promoted' ? 'promoted' : 'rolled back';
  return [
    `<path class="decision" d="M${coordinate(left)} ${weightPanel.min - 8}V${evidencePanel.max}"/>`,
    `<text class="note strong" x="${coordinate(left + (isRight ? -5 : 5))}" y="${weightPanel.min - 3}" text-anchor="${isRight ? 'end' : 'start'}">${text}</text>`,
  ];
}

function panelTitle(text: string, y: number): string {
  return `<text class="panel" x="${plotLeft}" y="${y}">${html(text)}</text>`;
}

function legend(
  line: string,
  text: string,
  at: { readonly x: number; readonly y: number },
): string {
  return `<path class="${line}" d="M${at.x} ${at.y}h22"/><text class="tick" x="${at.x + 28}" y="${at.y + 4}">${html(text)}</text>`;
}

function gridLine(y: number, label: string): string {
  return `<path class="grid" d="M${plotLeft} ${coordinate(y)}H${plotRight}"/><text class="tick" x="${plotLeft - 8}" y="${coordinate(y + 4)}" text-anchor="end">${html(label)}</text>`;
}
