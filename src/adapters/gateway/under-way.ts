import type { FromGateway, UnderWayReading } from './control-message.ts';

/** Requests under way by instance, as the gateway said last; null: it is not heard, or does not tell. */
export class UnderWay {
  #byInstance: ReadonlyMap<string, number> | null = null;

  get byInstance(): ReadonlyMap<string, number> | null {
    return this.#byInstance;
  }

  take({ underWay }: Extract<FromGateway, { type: 'samples' }>): void {
    if (underWay !== undefined) this.#byInstance = new Map(underWay);
  }

  /** What was said is not known to be so any more. */
  lost(): void {
    this.#byInstance = null;
  }
}

/** All of them in a fixed order, so that two can be compared as text. */
export function underWayReading(
  counters: Iterable<{ readonly instanceId: string; readonly underWay: number }>,
): readonly UnderWayReading[] {
  const sums = new Map<string, number>();
  for (const { instanceId, underWay } of counters) {
    if (underWay > 0) sums.set(instanceId, (sums.get(instanceId) ?? 0) + underWay);
  }
  return [...sums].toSorted(([a], [b]) => (a < b ? -1 : 1));
}
