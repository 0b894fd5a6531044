import type { TrafficSample } from '../domain/traffic/samples/traffic-sample.ts';

/**
 * Where samples come from.
 *
 * - Each request is in at most one sample; intervals do not overlap. Samples of one service come in time order.
 * - A gap (restart on either side) is followed by one sample with `isCatchUp`, or by nothing: silence is not evidence.
 * - `listener` is called synchronously and must not throw. Disposing ends the calls at once.
 */
export interface MetricsSource {
  subscribe(listener: (sample: TrafficSample) => void): Disposable;
}
