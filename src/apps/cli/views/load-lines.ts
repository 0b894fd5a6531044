import { type Look, paint } from '../look.ts';
import { tableLines } from './table.ts';
import { countText } from './words.ts';

export interface LoadFigures {
  readonly targetRps: number;
  readonly achievedRps: number;
  readonly requests: number;
  readonly errors: number;
  readonly dropped: number;
  readonly byStatus: Readonly<Record<string, number>>;
  readonly byError: Readonly<Record<string, number>>;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly sendLagP99Ms: number;
  readonly valid: boolean;
  readonly invalidBecause: readonly string[];
}

export interface Thresholds {
  readonly errorRatioMax: number | null;
  readonly p99MsMax: number | null;
}

export function failedThresholds(figures: LoadFigures, thresholds: Thresholds): string[] {
  const failed: string[] = [];
  const errorRatio = figures.requests === 0 ? 1 : figures.errors / figures.requests;
  const { errorRatioMax, p99MsMax } = thresholds;
  if (errorRatioMax !== null && errorRatio > errorRatioMax) {
    failed.push(
      `${ratioText(errorRatio)} of the requests failed, allowed are ${ratioText(errorRatioMax)}`,
    );
  }
  if (p99MsMax !== null && figures.p99Ms > p99MsMax) {
    failed.push(`p99 was ${msText(figures.p99Ms)}, allowed are ${msText(p99MsMax)}`);
  }
  return failed;
}

export function loadLines(figures: LoadFigures, failed: readonly string[], look: Look): string[] {
  const outcomes = [...Object.entries(figures.byStatus), ...Object.entries(figures.byError)];
  const rows = [
    ['Rate:', `${countText(figures.achievedRps)} of ${countText(figures.targetRps)} requests/s`],
    ['Requests:', `${countText(figures.requests)}, dropped ${countText(figures.dropped)}`],
    [
      'Failed:',
      `${countText(figures.errors)} (${ratioText(figures.requests === 0 ? 0 : figures.errors / figures.requests)})`,
    ],
    [
      'Answers:',
      outcomes.map(([what, count]) => `${what}: ${countText(count)}`).join(', ') || 'none',
    ],
    [
      'Latency:',
      `p50 ${msText(figures.p50Ms)}, p95 ${msText(figures.p95Ms)}, p99 ${msText(figures.p99Ms)}, max ${msText(figures.maxMs)}`,
    ],
    ['Send lag:', `p99 ${msText(figures.sendLagP99Ms)}`],
  ];
  const invalid = figures.invalidBecause.map(
    (reason) => `${paint(look, 'red', 'Invalid')}: ${reason}`,
  );
  const missed = failed.map((reason) => `${paint(look, 'red', 'Threshold failed')}: ${reason}`);
  return [...tableLines({ heads: [], rows }, true), ...invalid, ...missed];
}

export function progressLine(interval: {
  readonly requests: number;
  readonly errors: number;
  readonly durationMs: number;
  readonly p99Ms: number;
}): string {
  const rps = (interval.requests / Math.max(1, interval.durationMs)) * 1000;
  return `${countText(rps)} requests/s, ${countText(interval.errors)} failed, p99 ${msText(interval.p99Ms)}`;
}

function msText(durationMs: number): string {
  return `${Number(durationMs.toPrecision(3))} ms`;
}

function ratioText(ratio: number): string {
  return `${Number((ratio * 100).toPrecision(3))} %`;
}
