import {
  added,
  joined,
  openWindow,
  type StableWindow,
  windowMs,
} from '../../domain/gate/before-after.ts';
import {
  type TrafficSample,
  weightedCount,
  weightedLatency,
} from '../../domain/traffic/samples/traffic-sample.ts';

/**
 * What the stable revision of each service did in the last 10 to 20 minutes while no rollout ran: two windows of sums, so
 * that memory is bounded. It goes into the event that begins a rollout, and so into what a replay decides from. Samples
 * themselves are kept by nobody while nothing is decided.
 */
export class StableMeter {
  readonly #services = new Map<string, Metered>();

  /** `revisionId`: the service's stable revision now. */
  add(sample: TrafficSample, revisionId: string): void {
    if (sample.isCatchUp) return;
    const count = weightedCount(sample, revisionId);
    if (count.requests === 0) return;
    const known = this.#services.get(sample.service);
    const own = known?.revisionId === revisionId ? known : { revisionId, older: null, newer: null };
    const seen = { count, latency: weightedLatency(sample, revisionId) };
    const newer = added(own.newer ?? openWindow(sample.atMs), seen, sample.atMs);
    const isFull = newer.untilMs - newer.sinceMs >= windowMs;
    this.#services.set(sample.service, {
      revisionId,
      older: isFull ? newer : own.older,
      newer: isFull ? null : newer,
    });
  }

  /** Null: nothing was seen of this revision lately. */
  seen(service: string, revisionId: string, nowMs: number): StableWindow | null {
    const known = this.#services.get(service);
    if (known === undefined || known.revisionId !== revisionId) return null;
    const windows = [known.older, known.newer].filter(
      (window) => window !== null && nowMs - window.untilMs <= windowMs,
    );
    const [first, second] = windows;
    if (first === undefined || first === null) return null;
    if (second === undefined || second === null) return first;
    return joined(first, second);
  }
}

interface Metered {
  readonly revisionId: string;
  readonly older: StableWindow | null;
  readonly newer: StableWindow | null;
}
