import type {
  MetricReading,
  MetricSelection,
  SeriesSelector,
} from '../../domain/traffic/samples/metric-selection.ts';
import { type Endpoint, https } from '../../domain/traffic/routing/route-table.ts';
import {
  type InstanceMetrics,
  InstanceMetricsError,
  type MetricsEndpoint,
} from '../../ports/instance-metrics.ts';
import type { Credentials, WorkloadIdentities } from '../../ports/workload-identities.ts';
import { type Exposition, parseExposition } from './exposition-text.ts';
import { fetchText } from './fetch-text.ts';
import { gaugeOf, readingOf, wantedNames } from './readings.ts';

/** Reads what instances publish by HTTP in the Prometheus text format. Keeps nothing between two looks. */
export class PrometheusTextMetrics implements InstanceMetrics {
  readonly #timeoutMs: number;
  readonly #identities: Pick<WorkloadIdentities, 'ownCredentials'> | null;

  /** `identities`: for instances that speak https; without it their looks fail. */
  constructor(
    options: {
      readonly timeoutMs?: number;
      readonly identities?: Pick<WorkloadIdentities, 'ownCredentials'>;
    } = {},
  ) {
    this.#timeoutMs = options.timeoutMs ?? timeoutUsualMs;
    this.#identities = options.identities ?? null;
  }

  async read(
    from: MetricsEndpoint,
    selections: readonly MetricSelection[],
    signal: AbortSignal,
  ): Promise<readonly MetricReading[]> {
    const exposition = await this.#exposition(from, wantedNames(selections), signal);
    return selections.map((selection) => readingOf(exposition, selection));
  }

  async readGauges(
    from: MetricsEndpoint,
    selectors: readonly SeriesSelector[],
    signal: AbortSignal,
  ): Promise<readonly (number | null)[]> {
    const names = new Set(selectors.map(({ name }) => name));
    const exposition = await this.#exposition(from, names, signal);
    return selectors.map((selector) => gaugeOf(exposition, selector));
  }

  async #exposition(
    { endpoint, path }: MetricsEndpoint,
    names: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<Exposition> {
    const credentials = await this.#credentialsFor(endpoint);
    const options = { timeoutMs: this.#timeoutMs, sizeBytesMax, credentials };
    const text = await fetchText(endpoint, path, options, signal);
    const exposition = parseExposition(text, (name) => names.has(name));
    if ('fault' in exposition) {
      const message = `GET ${path} answered what is no Prometheus text: ${exposition.fault}`;
      throw new InstanceMetricsError('malformed', message);
    }
    return exposition;
  }

  async #credentialsFor({ appProtocol }: Endpoint): Promise<Credentials | null> {
    if (appProtocol !== https || this.#identities === null) return null;
    return this.#identities.ownCredentials().catch((cause: unknown) => {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new InstanceMetricsError('unreachable', `needs a certificate: ${why}`, cause);
    });
  }
}

/** Below the shortest time between two looks, 1 s. */
const timeoutUsualMs = 900;
/** Some 20,000 series; a service of the usual size has a tenth of it. */
const sizeBytesMax = 2 * 1024 * 1024;
