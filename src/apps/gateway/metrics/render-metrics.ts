import type { Exemplar, HistogramFamily, Labels, MetricFamily } from './metric-family.ts';

/** `text`: the Prometheus text format 0.0.4. `openmetrics`: OpenMetrics 1.0, which has exemplars. */
export type MetricsFormat = 'text' | 'openmetrics';

export const contentTypes: Readonly<Record<MetricsFormat, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/** Families without a point are left out. */
export function renderMetrics(families: readonly MetricFamily[], format: MetricsFormat): string {
  const lines: string[] = [];
  for (const family of families) {
    if (family.points.length === 0) continue;
    renderHead(lines, family, format);
    if (family.kind === 'histogram') renderHistogram(lines, family, format);
    else {
      const name = sampleName(family);
      for (const { labels, value } of family.points) {
        lines.push(`${name}${labelText(labels)} ${numberText(value)}`);
      }
    }
  }
  if (format === 'openmetrics') lines.push('# EOF');
  return `${lines.join('\n')}\n`;
}

/** In OpenMetrics the family is named without the suffix of its samples; in the older format there are only samples. */
function renderHead(lines: string[], family: MetricFamily, format: MetricsFormat): void {
  const isOpen = format === 'openmetrics';
  const name = isOpen ? family.name : sampleName(family);
  const type = !isOpen && family.kind === 'info' ? 'gauge' : family.kind;
  lines.push(`# TYPE ${name} ${type}`);
  const unit = units.find((each) => family.name.endsWith(`_${each}`));
  if (isOpen && unit !== undefined) lines.push(`# UNIT ${name} ${unit}`);
  // The older format leaves quotes in help as they are.
  const help = isOpen ? escaped(family.help) : family.help.replace(/[\\\n]/g, escapedSign);
  lines.push(`# HELP ${name} ${help}`);
}

/** OpenMetrics 1.0: a unit is the name's last part. */
const units = ['seconds', 'bytes', 'ratio'] as const;

function sampleName({ name, kind }: MetricFamily): string {
  if (kind === 'counter') return `${name}_total`;
  return kind === 'info' ? `${name}_info` : name;
}

function renderHistogram(lines: string[], family: HistogramFamily, format: MetricsFormat): void {
  const { name, bounds } = family;
  for (const { labels, counts, sum, exemplars } of family.points) {
    let below = 0;
    for (const [bucket, count] of counts.entries()) {
      below += count;
      const le = boundText(bounds[bucket] ?? Infinity);
      const exemplar = format === 'openmetrics' ? (exemplars?.[bucket] ?? null) : null;
      const behind = exemplar === null ? '' : exemplarText(exemplar);
      lines.push(`${name}_bucket${labelText({ ...labels, le })} ${below}${behind}`);
    }
    lines.push(`${name}_sum${labelText(labels)} ${numberText(sum)}`);
    lines.push(`${name}_count${labelText(labels)} ${below}`);
  }
}

/** OpenMetrics 1.0, section "Exemplars": labels, value, seconds. */
function exemplarText({ traceId, value, atMs }: Exemplar): string {
  return ` # ${labelText({ trace_id: traceId })} ${numberText(value)} ${numberText(atMs / 1000)}`;
}

function labelText(labels: Labels): string {
  const pairs: string[] = [];
  for (const [name, value] of Object.entries(labels)) {
    if (value !== '') pairs.push(`${name}="${escaped(value)}"`);
  }
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escaped(text: string): string {
  return text.replace(/[\\"\n]/g, escapedSign);
}

function escapedSign(sign: string): string {
  return sign === '\n' ? '\\n' : `\\${sign}`;
}

/** The same in both formats, or a series would change its name with the scraper's wish: OpenMetrics wants `1.0` for 1. */
function boundText(bound: number): string {
  return Number.isInteger(bound) ? `${bound}.0` : numberText(bound);
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? '+Inf' : '-Inf';
}
