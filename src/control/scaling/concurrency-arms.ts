import type { Revision } from '../../domain/release/revision.ts';
import type { LoadNeed } from '../../domain/scaling/capacity-guard.ts';
import {
  type ConcurrencyDecision,
  type ConcurrencyScaling,
  type ConcurrencyState,
  openConcurrency,
  scaleByConcurrency,
  wokenInstances,
} from '../../domain/scaling/concurrency.ts';
import {
  type LoadWindow,
  meanOver,
  openLoadWindow,
  withValue,
} from '../../domain/scaling/load-window.ts';
import type { TrafficSample } from '../../domain/traffic/samples/traffic-sample.ts';
import type { Instance } from '../../ports/platform.ts';
import type { ArmLook } from './arm-look.ts';
import { UnderWayMeter } from './under-way-meter.ts';

/** What a whole service has to carry is a mean of so long. */
const needsWindowMs = 10_000;
/** What a second counts as in which requests came and were gone before anybody looked: enough to be no silence. */
const hardlyAny = 0.001;

/** Requests under way of each arm, and how many instances they want. A value a second; one that nobody knows begins all anew. */
export class ConcurrencyArms {
  readonly #meter = new UnderWayMeter();
  readonly #states = new Map<string, ConcurrencyState>();
  readonly #decisions = new Map<string, ConcurrencyDecision>();
  readonly #loads = new Map<string, LoadWindow>();
  /** Of the second that is not over yet: who had requests that ended. */
  readonly #busy = new Set<string>();

  /** Requests may be too short to be seen under way. */
  addSample({ counts, isCatchUp }: TrafficSample): void {
    if (isCatchUp) return;
    for (const { revisionId, instanceId } of counts)
      if (instanceId !== '') this.#busy.add(revisionId);
  }

  /** To be called some times a second; `arms` are those of services that scale by concurrency. */
  observe(
    underWay: ReadonlyMap<string, number> | null,
    { arms, instances, nowMs }: Observed,
  ): void {
    const second = this.#meter.look(underWay, nowMs);
    if (second === null) return;
    this.#retain(new Set(second.means === null ? [] : arms.map(({ id }) => id)));
    if (second.means === null) return;
    for (const { id, concurrency } of arms) {
      const own = instances.filter((each) => each.revisionId === id);
      const sent = own.reduce((sum, each) => sum + (second.means?.get(each.id) ?? 0), 0);
      // Those that wait for its first instance stand under its own name.
      const seen = sent + (second.means.get(id) ?? 0);
      const load = Math.max(seen, this.#busy.has(id) ? hardlyAny : 0);
      const window = this.#loads.get(id) ?? openLoadWindow(needsWindowMs);
      this.#loads.set(id, withValue(window, { atMs: nowMs, value: load }));
      if (concurrency === undefined) continue;
      const ready = own.filter(({ state }) => state === 'ready').length;
      const before = this.#states.get(id) ?? openConcurrency(concurrency);
      const look = { atMs: nowMs, underWay: load, ready };
      const { state, decision } = scaleByConcurrency(concurrency, before, look);
      this.#states.set(id, state);
      this.#decisions.set(id, decision);
    }
    this.#busy.clear();
  }

  /** How many are to be started now, as requests wait and none is ready. From here on its load is no silence. */
  wake(
    { id, concurrency }: Pick<Revision, 'id' | 'concurrency'>,
    { waiting, nowMs }: { readonly waiting: number; readonly nowMs: number },
  ): number {
    if (concurrency === undefined) return 0;
    const before = this.#states.get(id) ?? openConcurrency(concurrency);
    const look = { atMs: nowMs, underWay: waiting, ready: 0 };
    const { state, decision } = scaleByConcurrency(concurrency, before, look);
    const instances = Math.max(decision.instances, wokenInstances(concurrency, waiting));
    this.#states.set(id, state);
    this.#decisions.set(id, { ...decision, instances });
    return instances;
  }

  /** What all arms together have to carry; null: it is not known of one. */
  needs(
    { concurrency }: Revision,
    arms: readonly Revision[],
    nowMs: number,
  ): readonly LoadNeed[] | null {
    if (concurrency === undefined) return [];
    const loads = arms.map(({ id }) => this.#loads.get(id));
    if (loads.includes(undefined)) return null;
    const load = loads.reduce(
      (sum, window) => sum + (window === undefined ? 0 : meanOver(window, needsWindowMs, nowMs)),
      0,
    );
    return [{ metric, load, perInstance: targetOf(concurrency) }];
  }

  /** The number by the newest second. It goes down only when a whole window is known. */
  lookAt(
    id: string,
    scaling: ConcurrencyScaling,
    {
      present,
      atLeast,
      nowMs,
    }: { readonly present: number; readonly atLeast: number; readonly nowMs: number },
  ): ArmLook {
    const target = targetOf(scaling);
    const decision = this.#decisions.get(id);
    const sinceMs = this.#states.get(id)?.load.sinceMs ?? nowMs;
    if (decision === undefined) {
      const metrics = [{ metric, perInstance: null, target, instances: null }];
      const sentence = 'nobody knows how many requests are under way; the number stays';
      return { desired: Math.max(present, atLeast), limitedBy: 'no metrics', metrics, sentence };
    }
    const isYoung = nowMs - sinceMs < scaling.stableWindowMs;
    const least = Math.max(atLeast, isYoung ? present : 0);
    const desired = Math.min(Math.max(decision.instances, least), scaling.max);
    return {
      desired,
      limitedBy: limitOf(decision, scaling, { desired, atLeast }),
      metrics: [
        {
          metric,
          perInstance: decision.stableUnderWay / Math.max(1, present),
          target,
          instances: decision.instances,
        },
      ],
      sentence: sentenceOf(decision, scaling, desired),
    };
  }

  #retain(ids: ReadonlySet<string>): void {
    for (const known of [this.#states, this.#decisions, this.#loads]) {
      for (const id of known.keys()) if (!ids.has(id)) known.delete(id);
    }
  }
}

interface Observed {
  readonly arms: readonly Revision[];
  readonly instances: readonly Instance[];
  readonly nowMs: number;
}

const metric = 'concurrency';

function targetOf({ perInstance, targetUtilizationRatio }: ConcurrencyScaling): number {
  return perInstance * targetUtilizationRatio;
}

function limitOf(
  { instances, isPanic }: ConcurrencyDecision,
  { min, max }: ConcurrencyScaling,
  { desired, atLeast }: { readonly desired: number; readonly atLeast: number },
): ArmLook['limitedBy'] {
  if (desired > instances) return desired === atLeast ? 'reserve' : 'window';
  if (isPanic) return 'panic';
  if (instances === max) return 'max';
  return instances === min ? 'min' : 'nothing';
}

function sentenceOf(
  { stableUnderWay, panicUnderWay, isPanic, instances }: ConcurrencyDecision,
  scaling: ConcurrencyScaling,
  desired: number,
): string {
  const { stableWindowMs, panicWindowRatio } = scaling;
  const over = (ms: number) => `over ${ms / 1000} s`;
  const burst = `${amount(panicUnderWay)} ${over(stableWindowMs * panicWindowRatio)}`;
  const seen = `${amount(stableUnderWay)} requests under way ${over(stableWindowMs)}, ${burst}, target ${amount(targetOf(scaling))} an instance`;
  const wants = desired === instances ? '' : `; wants ${instances}`;
  return `${seen}${isPanic ? '; panic: it only grows' : ''}${wants}`;
}

function amount(value: number): string {
  return value >= 10 ? String(Math.round(value)) : String(Number(value.toPrecision(2)));
}
