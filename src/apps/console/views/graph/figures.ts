import type { GraphEdge, GraphNode } from '../../../../api/graph-wire.ts';

/** Sign and word of each health: colour never says it alone. */
export const healthSigns: Readonly<Record<GraphNode['health'], string>> = {
  failing: '✕',
  degraded: '▲',
  quiet: '○',
  healthy: '●',
};

type Figures = Pick<GraphEdge, 'requestsPerSecond' | 'errorRatio' | 'p99Ms'>;

/** `12/s`; a dash where nothing is measured. */
export function rateText(requestsPerSecond: number | null): string {
  if (requestsPerSecond === null) return '–';
  return `${rounded(requestsPerSecond)}/s`;
}

export function ratioText(ratio: number | null): string {
  return ratio === null ? '–' : `${rounded(ratio * 100)} %`;
}

export function millisecondsText(ms: number | null): string {
  if (ms === null) return '–';
  return ms >= 1000 ? `${rounded(ms / 1000)} s` : `${rounded(ms)} ms`;
}

/** `120/s · 0.4 % errors · p99 35 ms`. */
export function figuresText(figures: Figures): string {
  const { requestsPerSecond, errorRatio, p99Ms } = figures;
  if (requestsPerSecond === null) return 'declared';
  if (requestsPerSecond === 0) return 'nothing flowed';
  const errors = `${ratioText(errorRatio)} errors`;
  return `${rateText(requestsPerSecond)} · ${errors} · p99 ${millisecondsText(p99Ms)}`;
}

/** `v2 25 %`, where more than one revision has a share. */
export function weightsText({ revisions }: Pick<GraphEdge, 'revisions'>): string | null {
  const shared = revisions.filter(({ weightPercent }) => weightPercent > 0);
  if (shared.length < 2) return null;
  return shared
    .map(({ version, revisionId, weightPercent, measuredSharePercent }) => {
      const measured =
        measuredSharePercent === null ? '' : ` (is ${rounded(measuredSharePercent)})`;
      return `${version ?? revisionId.slice(-6)} ${rounded(weightPercent)} %${measured}`;
    })
    .join(' · ');
}

/** Three digits are as many as one reads. */
function rounded(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString('en');
  return String(Number(value.toPrecision(value >= 100 ? 3 : 2)));
}
