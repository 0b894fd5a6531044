import type { TrafficSample } from '../../domain/traffic/samples/traffic-sample.ts';

const slotMs = 500;

/** Requests that ended at each instance in the last `windowMs`, whatever became of them: load is load. */
export class RequestRates {
  readonly #windowMs: number;
  readonly #instances = new Map<string, Map<number, number>>();

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /** What was counted while nobody listened may be of any time: it is left out. */
  add({ atMs, counts, apart = [], isCatchUp }: TrafficSample): void {
    if (isCatchUp) return;
    const slot = Math.floor(atMs / slotMs);
    for (const { instanceId, byStatusClass } of [...counts, ...apart]) {
      const slots = this.#instances.get(instanceId) ?? new Map<number, number>();
      this.#instances.set(instanceId, slots);
      const ended = byStatusClass.reduce((sum, each) => sum + each, 0);
      slots.set(slot, (slots.get(slot) ?? 0) + ended);
    }
  }

  /** Mean over the window, or since `sinceMs` where that is later. 0: none came. */
  perSecond(instanceId: string, sinceMs: number, nowMs: number): number {
    const fromMs = Math.min(nowMs - slotMs, Math.max(nowMs - this.#windowMs, sinceMs));
    // Whole slots only, and the time they cover.
    const first = Math.ceil(fromMs / slotMs);
    let sum = 0;
    for (const [slot, ended] of this.#instances.get(instanceId) ?? []) {
      if (slot >= first && slot * slotMs <= nowMs) sum += ended;
    }
    return (1000 * sum) / Math.max(slotMs, nowMs - first * slotMs);
  }

  /** Forgets what is older than the window, and instances that are not there any more. */
  tidy(present: ReadonlySet<string>, nowMs: number): void {
    const oldest = Math.floor((nowMs - this.#windowMs) / slotMs) - 1;
    for (const [instanceId, slots] of this.#instances) {
      for (const slot of slots.keys()) if (slot < oldest) slots.delete(slot);
      if (slots.size === 0 || !present.has(instanceId)) this.#instances.delete(instanceId);
    }
  }
}
