import {
  addCounts,
  type ArmCount,
  type TrafficSample,
} from '../../domain/traffic/samples/traffic-sample.ts';

/** How far back the meter looks. */
const windowMs = 60_000;
const slotMs = 1_000;

/** Requests and failures of each service over the last minute, for estimates; nothing is decided by it. */
export class RateMeter {
  readonly #services = new Map<string, Map<number, ArmCount>>();

  add(sample: TrafficSample): void {
    if (sample.isCatchUp) return;
    const slots = this.#services.get(sample.service) ?? new Map<number, ArmCount>();
    this.#services.set(sample.service, slots);
    const slot = Math.floor(sample.atMs / slotMs);
    for (const count of sample.counts) {
      const requests = count.byStatusClass.reduce((sum, each) => sum + each, 0);
      const failures = (count.byStatusClass[4] ?? 0) + (count.byStatusClass[5] ?? 0);
      slots.set(slot, addCounts(slots.get(slot) ?? none, { requests, failures }));
    }
    for (const old of slots.keys()) if (old <= slot - windowMs / slotMs) slots.delete(old);
  }

  /** Null when nothing flowed in the last minute. */
  rate(
    service: string,
    nowMs: number,
  ): { readonly requestsPerSecond: number; readonly errorRatio: number } | null {
    const newest = Math.floor(nowMs / slotMs);
    const recent = [...(this.#services.get(service) ?? [])].filter(
      // The newest slot is not over yet.
      ([slot]) => slot < newest && slot > newest - windowMs / slotMs,
    );
    const oldest = Math.min(...recent.map(([slot]) => slot));
    const total = recent.reduce((sum, [, each]) => addCounts(sum, each), none);
    if (total.requests === 0) return null;
    const seconds = ((newest - oldest) * slotMs) / 1000;
    return {
      requestsPerSecond: total.requests / seconds,
      errorRatio: total.failures / total.requests,
    };
  }

  /** Requests/s of the last 10 s and of the time before, where they differ by a factor of 2; null: they don't, or too few came. */
  change(
    service: string,
    nowMs: number,
  ): { readonly earlier: number; readonly later: number } | null {
    const newest = Math.floor(nowMs / slotMs);
    const border = newest - lateSlots;
    let [before, after, oldest] = [0, 0, newest];
    for (const [slot, { requests }] of this.#services.get(service) ?? []) {
      if (slot >= newest || slot <= newest - windowMs / slotMs) continue;
      oldest = Math.min(oldest, slot);
      if (slot < border) before += requests;
      else after += requests;
    }
    const earlierSlots = border - oldest;
    if (earlierSlots < lateSlots || before + after < changeRequestsMin) return null;
    const earlier = (before * 1000) / (earlierSlots * slotMs);
    const later = (after * 1000) / (lateSlots * slotMs);
    const isSame = later < changeFactor * earlier && earlier < changeFactor * later;
    return isSame || after === 0 ? null : { earlier, later };
  }
}

/** Half of it in 10 s, or twice as much, is another rate and no chance. */
const changeFactor = 2;
const lateSlots = 10;
const changeRequestsMin = 50;

const none: ArmCount = { requests: 0, failures: 0 };
