import type { MetricReading, MetricSelection } from '../../domain/traffic/metric-selection.ts';
import {
  type InstanceMetrics,
  InstanceMetricsError,
  type MetricsEndpoint,
} from '../../ports/instance-metrics.ts';
import { parseExposition } from './exposition-text.ts';
import { fetchText } from './fetch-text.ts';
import { readingOf, wantedNames } from './readings.ts';

/** Reads what instances publish by HTTP in the Prometheus text format. Keeps nothing between two looks. */
export class PrometheusTextMetrics implements InstanceMetrics {
  readonly #timeoutMs: number;

  constructor(options: { readonly timeoutMs?: number } = {}) {
    this.#timeoutMs = options.timeoutMs ?? timeoutUsualMs;
  }

  async read(
    { endpoint, path }: MetricsEndpoint,
    selections: readonly MetricSelection[],
    signal: AbortSignal,
  ): Promise<readonly MetricReading[]> {
    const bounds = { timeoutMs: this.#timeoutMs, sizeBytesMax };
    const text = await fetchText(endpoint, path, bounds, signal);
    const names = wantedNames(selections);
    const exposition = parseExposition(text, (name) => names.has(name));
    if ('fault' in exposition) {
      const message = `GET ${path} answered what is no Prometheus text: ${exposition.fault}`;
      throw new InstanceMetricsError('malformed', message);
    }
    return selections.map((selection) => readingOf(exposition, selection));
  }
}

/** Below the shortest time between two looks, 1 s. */
const timeoutUsualMs = 900;
/** Some 20,000 series; a service of the usual size has a tenth of it. */
const sizeBytesMax = 2 * 1024 * 1024;
