import type {
  MetricReading,
  MetricSelection,
  SeriesSelector,
} from '../domain/traffic/samples/metric-selection.ts';
import type { Endpoint } from '../domain/traffic/routing/route-table.ts';

/**
 * What instances publish of themselves.
 *
 * - One call is one look at one instance: all readings of it are of one moment, in the order of the selections.
 * - Totals are those since the instance's process began; who reads takes differences, and knows that they begin anew.
 * - What an instance does not publish (yet) is 0, as that is how counters with labels begin.
 * - A selection whose own series can't be (negative, no number) is `unusable`; the others are read all the same.
 * - Bounded in time and size by the adapter. It does not try again: the next look is the next try.
 */
export interface InstanceMetrics {
  /** Rejects with InstanceMetricsError when nothing could be read, and with the signal's reason when aborted. */
  read(
    from: MetricsEndpoint,
    selections: readonly MetricSelection[],
    signal: AbortSignal,
  ): Promise<readonly MetricReading[]>;

  /**
   * Values of now, as a queue's length, each the sum of the series that fit; null: nothing is published there, or it is no finite
   * number of at least 0. Otherwise as `read`.
   */
  readGauges(
    from: MetricsEndpoint,
    selectors: readonly SeriesSelector[],
    signal: AbortSignal,
  ): Promise<readonly (number | null)[]>;
}

export interface MetricsEndpoint {
  readonly endpoint: Endpoint;
  /** Of the URL, beginning with `/`. */
  readonly path: string;
}

export class InstanceMetricsError extends Error {
  override readonly name = 'InstanceMetricsError';
  readonly code: 'unreachable' | 'late' | 'refused' | 'too-large' | 'malformed';
  readonly retryable = true;

  /** `message` goes on after the instance's name: `GET /metrics answered 404`. */
  constructor(code: InstanceMetricsError['code'], message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}
