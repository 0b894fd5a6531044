import { addFlows, type Flow } from '../../domain/topology/flow-health.ts';
import { countOf, type TrafficSample } from '../../domain/traffic/samples/traffic-sample.ts';

/** How far back the graph looks. */
export const flowWindowMs = 60_000;
const slotMs = 5_000;
const slotCount = flowWindowMs / slotMs;

interface Slot {
  readonly index: number;
  requests: number;
  failures: number;
  readonly latency: Map<number, number>;
}

/**
 * What flowed to each revision in the last minute, for people to look at. Bounded: `slotCount` slots a revision, and a revision that
 * nothing flowed to for a window is forgotten when its service is asked about, or has a sample.
 */
export class FlowMeter {
  readonly #services = new Map<string, Map<string, Slot[]>>();

  /** What was counted while nobody listened has no time of its own, and is left out. */
  add(sample: TrafficSample): void {
    if (sample.isCatchUp || sample.counts.length === 0) return;
    const revisions = this.#services.get(sample.service) ?? new Map<string, Slot[]>();
    this.#services.set(sample.service, revisions);
    const index = Math.floor(sample.atMs / slotMs);
    for (const count of sample.counts) {
      const slots = revisions.get(count.revisionId) ?? [];
      revisions.set(count.revisionId, slots);
      const slot = slotOf(slots, index);
      const { requests, failures } = countOf(count);
      slot.requests += requests;
      slot.failures += failures;
      for (const [bucket, grown] of count.latency) {
        slot.latency.set(bucket, (slot.latency.get(bucket) ?? 0) + grown);
      }
    }
    forget(revisions, index);
  }

  /** By revision; those that nothing flowed to are not there. `seconds` is what the flows are over, above 0. */
  flows(
    service: string,
    nowMs: number,
  ): { readonly seconds: number; readonly byRevision: ReadonlyMap<string, Flow> } {
    const index = Math.floor(nowMs / slotMs);
    const revisions = this.#services.get(service) ?? new Map<string, Slot[]>();
    forget(revisions, index);
    const all = [...revisions.values()].flat();
    const oldest = Math.min(index, ...all.map((slot) => slot.index));
    // The newest slot is not over; what is not yet over counts as far as it has gone.
    const seconds = Math.max(1, (nowMs - oldest * slotMs) / 1000);
    const byRevision = new Map(
      [...revisions].map(([id, slots]) => [
        id,
        addFlows(slots.map((slot) => ({ ...slot, latency: [...slot.latency] }))),
      ]),
    );
    return { seconds, byRevision };
  }
}

function slotOf(slots: Slot[], index: number): Slot {
  const newest = slots.at(-1);
  if (newest !== undefined && newest.index >= index) return newest;
  const made = { index, requests: 0, failures: 0, latency: new Map<number, number>() };
  slots.push(made);
  return made;
}

function forget(revisions: Map<string, Slot[]>, index: number): void {
  for (const [id, slots] of revisions) {
    while ((slots[0]?.index ?? index) <= index - slotCount) slots.shift();
    if (slots.length === 0) revisions.delete(id);
  }
}
