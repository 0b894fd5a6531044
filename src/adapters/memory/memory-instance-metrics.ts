import type {
  MetricReading,
  MetricSelection,
  SeriesSelector,
} from '../../domain/traffic/samples/metric-selection.ts';
import {
  type InstanceMetrics,
  InstanceMetricsError,
  type MetricsEndpoint,
} from '../../ports/instance-metrics.ts';

/** Instances that publish what a test says, by their id. Only whole names are asked for: labels are not looked at. */
export class MemoryInstanceMetrics implements InstanceMetrics {
  readonly #published = new Map<string, ReadonlyMap<string, MetricReading>>();
  readonly #gauges = new Map<string, ReadonlyMap<string, number>>();

  /** Readings by the name of the pair's `total`, or of the histogram; null: nobody answers. */
  publish(instanceId: string, readings: ReadonlyMap<string, MetricReading> | null): void {
    if (readings === null) this.#published.delete(instanceId);
    else this.#published.set(instanceId, readings);
  }

  /** Values of now by name; null: nobody answers. */
  show(instanceId: string, gauges: ReadonlyMap<string, number> | null): void {
    if (gauges === null) this.#gauges.delete(instanceId);
    else this.#gauges.set(instanceId, gauges);
  }

  async read(
    { endpoint, path }: MetricsEndpoint,
    selections: readonly MetricSelection[],
    signal: AbortSignal,
  ): Promise<readonly MetricReading[]> {
    signal.throwIfAborted();
    const published = this.#published.get(endpoint.instanceId);
    if (published === undefined) {
      throw new InstanceMetricsError('unreachable', `GET ${path} failed: nobody answers`);
    }
    return selections.map((selection) => {
      const isPair = selection.kind === 'counter';
      const reading = published.get(isPair ? selection.total.name : selection.histogram.name);
      if (reading !== undefined) return checked(reading);
      return isPair ? { kind: 'counter', bad: 0, total: 0 } : { kind: 'histogram', buckets: [] };
    });
  }

  async readGauges(
    { endpoint, path }: MetricsEndpoint,
    selectors: readonly SeriesSelector[],
    signal: AbortSignal,
  ): Promise<readonly (number | null)[]> {
    signal.throwIfAborted();
    const gauges = this.#gauges.get(endpoint.instanceId);
    if (gauges === undefined) {
      throw new InstanceMetricsError('unreachable', `GET ${path} failed: nobody answers`);
    }
    return selectors.map(({ name }) => usable(gauges.get(name)));
  }
}

function usable(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) && value >= 0 ? value : null;
}

function checked(reading: MetricReading): MetricReading {
  if (reading.kind !== 'counter') return reading;
  const wrong = [reading.bad, reading.total].find(
    (each) => !Number.isSafeInteger(each) || each < 0,
  );
  if (wrong === undefined) return reading;
  return { kind: 'unusable', sentence: `${wrong} is no count of events` };
}
