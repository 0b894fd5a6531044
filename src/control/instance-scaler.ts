/**
 * Looks at the load of services that follow it and says how many instances each arm should have; the decider records and orders it.
 *
 * A1  The arithmetic is domain/scaling; what it remembers between two looks (wishes and changes of a few minutes) is here and in no
 *     entry. After a restart it begins with the number there is, and goes down only after a whole window again.
 * A2  At rest an event is sent only for another number; while a rollout is under way with each look, as steps wait for it.
 * A3  One event of a service at a time.
 */
import { armsOf, leastInstances, wantedInstances } from '../domain/release/instance-counts.ts';
import type { ArmScaling } from '../domain/release/event.ts';
import type { Revision } from '../domain/release/revision.ts';
import { scalingSentence } from '../domain/release/scaling-sentence.ts';
import { activeRollout, type ServiceState } from '../domain/release/service-state.ts';
import {
  type HorizontalDecision,
  type HorizontalState,
  openHorizontal,
  scaleHorizontally,
} from '../domain/scaling/horizontal.ts';
import type { Clock } from '../ports/clock.ts';
import type { MetricsSource } from '../ports/metrics-source.ts';
import { PlatformError } from '../ports/platform.ts';
import type { UsageSource } from '../ports/usage-source.ts';
import type { ControlLoop } from './loop.ts';
import { LoadWatch, type Moment } from './load-watch.ts';

export interface ScalerParts {
  readonly loop: Pick<ControlLoop, 'services' | 'instances' | 'submit'>;
  readonly usage: UsageSource;
  readonly metrics: MetricsSource;
  readonly clock: Clock;
  /** Whether the router's samples come now. */
  readonly isHeard: () => boolean;
  /** Between two looks; absent: 2 s. */
  readonly periodMs?: number;
}

/** What the newest look at an arm came to. */
export interface ArmLook {
  readonly decision: HorizontalDecision;
  readonly sentence: string;
}

const usualPeriodMs = 2_000;

export class InstanceScaler {
  readonly #parts: ScalerParts;
  readonly #watch = new LoadWatch();
  readonly #states = new Map<string, HorizontalState>();
  readonly #looks = new Map<string, ArmLook>();
  readonly #pending = new Set<string>();

  constructor(parts: ScalerParts) {
    this.#parts = parts;
  }

  /** Null: it does not follow the load, or was not looked at yet. */
  lookOf(revisionId: string): ArmLook | null {
    return this.#looks.get(revisionId) ?? null;
  }

  /** Until the signal is aborted; rejects for a defect only. */
  async run(signal: AbortSignal): Promise<void> {
    const { metrics, clock, periodMs = usualPeriodMs } = this.#parts;
    using subscription = metrics.subscribe((sample) => this.#watch.addSample(sample));
    void subscription;
    while (!signal.aborted) {
      await this.#look(signal).catch((error: unknown) => {
        // Blind for a moment: the number stays, and the next look is the next try.
        if (!signal.aborted && !(error instanceof PlatformError && error.retryable)) throw error;
      });
      await clock.sleep(periodMs, signal).catch(() => undefined);
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { loop, usage, clock, isHeard } = this.#parts;
    const scaled = loop.services.filter((state) => armsOf(state).some(isScaled));
    this.#forget(scaled);
    if (scaled.length === 0) return;
    const uses = await usage.usage(signal);
    const moment = { instances: loop.instances, nowMs: clock.nowMs(), isHeard: isHeard() };
    this.#watch.look(moment.instances, uses, moment.nowMs);
    for (const state of scaled) this.#lookAt(state, moment, signal);
  }

  #lookAt(state: ServiceState, moment: Moment, signal: AbortSignal): void {
    if (this.#pending.has(state.name)) return;
    const arms = armsOf(state);
    const asked = arms.flatMap((revision) => this.#scale(state, revision, { arms, moment }));
    const isNews = asked.some(({ revisionId, instances }) => {
      const revision = arms.find(({ id }) => id === revisionId);
      return revision !== undefined && wantedInstances(state, revision) !== instances;
    });
    if (!isNews && activeRollout(state) === null) return;
    this.#pending.add(state.name);
    // Not taken in now (an overload, a stop): the next look says it again.
    void this.#parts.loop
      .submit(state.name, { kind: 'scale', arms: asked }, signal)
      .catch(() => undefined)
      .finally(() => this.#pending.delete(state.name));
  }

  #scale(
    state: ServiceState,
    revision: Revision,
    { arms, moment }: { readonly arms: readonly Revision[]; readonly moment: Moment },
  ): readonly ArmScaling[] {
    const { scale, id: revisionId } = revision;
    if (scale === undefined) return [];
    const needs = this.#watch.needs(revision, arms, moment);
    const usages = new Map(
      scale.targets.map(({ metric }) => [metric, this.#watch.usages(metric, revision, moment)]),
    );
    const look = {
      atMs: moment.nowMs,
      present: wantedInstances(state, revision),
      atLeast: leastInstances(state, revision, needs ?? []),
      usages,
    };
    const before = this.#states.get(revisionId) ?? openHorizontal;
    const { state: after, decision } = scaleHorizontally(scale, before, look);
    this.#states.set(revisionId, after);
    const sentence = scalingSentence(scale, decision);
    this.#looks.set(revisionId, { decision, sentence });
    return [{ revisionId, instances: decision.instances, sentence, needs }];
  }

  #forget(scaled: readonly ServiceState[]): void {
    const ids = new Set(scaled.flatMap(armsOf).map(({ id }) => id));
    for (const id of this.#states.keys()) if (!ids.has(id)) this.#states.delete(id);
    for (const id of this.#looks.keys()) if (!ids.has(id)) this.#looks.delete(id);
  }
}

function isScaled({ scale }: Revision): boolean {
  return scale !== undefined;
}
