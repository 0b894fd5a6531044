import { lazy, type ReactNode, Suspense } from 'react';
import type { RolloutSamples } from '../../../../api/rollout-wire.ts';
import type { RolloutView } from '../../../../api/wire.ts';
import { countText, durationText, percentText } from '../../parts/number-text.ts';
import { type MetricChart, evidenceChart, latencyChart, metricChart } from './metric-series.ts';

const LineChart = lazy(() => import('../../parts/chart/line-chart.tsx'));

type Gate = NonNullable<RolloutView['gate']>;
type Metric = Gate['metrics'][number];

/** Every metric that the gate looks at, the candidate against stable; then what it all comes to. */
export function MetricPanels({
  gate,
  samples,
}: {
  readonly gate: Gate;
  readonly samples: RolloutSamples;
}): ReactNode {
  const latency = latencyChart(samples);
  return (
    <div className="panels">
      <Panel
        title="Evidence"
        chart={evidenceChart(samples)}
        valueText={evidenceText}
        isLogarithmic
        facts={`worse ${evidenceText(gate.against)} of ${evidenceText(gate.againstLimit)}; not worse ${evidenceText(gate.for)} of ${evidenceText(gate.forLimit)}`}
      />
      {gate.metrics.map((metric) => (
        <MetricPanel
          key={metric.metric}
          metric={metric}
          chart={metricChart(samples, metric.metric, gate.marginRatio)}
        />
      ))}
      {latency !== null && (
        <Panel
          title="95th percentile of latency"
          chart={latency}
          valueText={durationText}
          facts={gate.p95 === null ? 'not enough data' : p95Text(gate.p95)}
        />
      )}
    </div>
  );
}

function MetricPanel({
  metric,
  chart,
}: {
  readonly metric: Metric;
  readonly chart: MetricChart;
}): ReactNode {
  const slow = metric.slowFromMs === null ? '' : `, slower than ${durationText(metric.slowFromMs)}`;
  return (
    <Panel
      title={`${metric.metric}${slow}`}
      chart={chart}
      valueText={(ratio) => percentText(ratio * 100)}
      facts={`candidate ${armText(metric.candidate)}; stable ${metric.stable === null ? 'has none' : armText(metric.stable)}`}
      note={metric.interval === null ? 'Not enough data to compare yet.' : metric.sentence}
      trouble={metric.trouble}
    />
  );
}

function Panel(props: {
  readonly title: string;
  readonly chart: MetricChart;
  readonly valueText: (value: number) => string;
  readonly isLogarithmic?: boolean;
  readonly facts: string;
  readonly note?: string;
  readonly trouble?: string | null;
}): ReactNode {
  const { title, chart, facts, note, trouble = null } = props;
  const hasEnough = chart.times.length > 1 && chart.lines.some((line) => hasValue(line.values));
  return (
    <figure className="panel">
      <figcaption>
        <h3>{title}</h3>
        <p className="soft">{facts}</p>
      </figcaption>
      {hasEnough ? (
        <Suspense fallback={<div className="chart" />}>
          <LineChart
            times={chart.times}
            lines={chart.lines}
            valueText={props.valueText}
            isLogarithmic={props.isLogarithmic === true}
            says={`${title} over time: ${facts}`}
          />
        </Suspense>
      ) : (
        <p className="chart empty">Not enough data</p>
      )}
      {trouble !== null && <p data-tone="warn">{trouble}</p>}
      {note !== undefined && <p className="soft">{note}</p>}
    </figure>
  );
}

function hasValue(values: readonly (number | null)[]): boolean {
  return values.some((value) => value !== null);
}

function armText({ requests, failures }: Metric['candidate']): string {
  if (requests === 0) return 'no request yet';
  const percent = percentText((failures / requests) * 100);
  return `${percent}, ${countText(failures)} of ${countText(requests)}`;
}

function p95Text({ candidateMs, stableMs }: NonNullable<Gate['p95']>): string {
  return `candidate ${durationText(candidateMs)}; stable ${durationText(stableMs)}`;
}

/** `1`, `12.5`, `1,000`, `2e9`. */
function evidenceText(value: number): string {
  if (value >= 1e6 || (value > 0 && value < 0.01)) return value.toExponential(0).replace('+', '');
  return value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 2 : 0 });
}
