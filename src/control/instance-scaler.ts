/**
 * Looks at the load of services that follow it and says how many instances each arm should have; the decider records and orders it.
 *
 * A1  The arithmetic is domain/scaling; what it remembers between two looks (wishes and changes of a few minutes) is here and in no
 *     entry. After a restart it begins with the number there is, and goes down only after a whole window again.
 * A2  At rest an event is sent only for another number; while a rollout is under way with each look, as steps wait for it.
 * A3  One event of a service at a time.
 */
import type { ArmScaling } from '../domain/release/event.ts';
import {
  scalableRevisions,
  leastInstances,
  scalingBounds,
  wantedInstances,
} from '../domain/release/instance-counts.ts';
import type { Revision } from '../domain/release/revision.ts';
import { activeRollout, type ServiceState } from '../domain/release/service-state.ts';
import type { Clock } from '../ports/clock.ts';
import type { InstanceMetrics } from '../ports/instance-metrics.ts';
import type { MetricsSource } from '../ports/metrics-source.ts';
import { PlatformError } from '../ports/platform.ts';
import type { UnderWaySource } from '../ports/under-way-source.ts';
import type { UsageSource } from '../ports/usage-source.ts';
import type { ArmLook } from './arm-look.ts';
import { ConcurrencyArms } from './concurrency-arms.ts';
import { readGauges } from './gauge-reader.ts';
import { LoadWatch, type Moment } from './load-watch.ts';
import type { ControlLoop } from './loop.ts';
import { UsageArms } from './usage-arms.ts';

export interface ScalerParts {
  readonly loop: Pick<ControlLoop, 'services' | 'instances' | 'submit'>;
  readonly usage: UsageSource;
  /** Its samples, and what is under way there. */
  readonly router: MetricsSource & UnderWaySource;
  /** What instances publish of themselves. */
  readonly gauges: Pick<InstanceMetrics, 'readGauges'>;
  readonly clock: Clock;
  /** Whether the router's samples come now. */
  readonly isHeard: () => boolean;
}

const periodMs = 2_000;
/** Requests under way come and go in between. */
const underWayPeriodMs = 200;

export class InstanceScaler {
  readonly #parts: ScalerParts;
  readonly #watch = new LoadWatch();
  readonly #byUsage = new UsageArms();
  readonly #byConcurrency = new ConcurrencyArms();
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
    const { router, clock } = this.#parts;
    using subscription = router.subscribe((sample) => this.#watch.addSample(sample));
    void subscription;
    let lookedAtMs = -Infinity;
    while (!signal.aborted) {
      const isCounted = this.#observeUnderWay();
      if (clock.nowMs() - lookedAtMs >= periodMs) {
        lookedAtMs = clock.nowMs();
        await this.#look(signal).catch((error: unknown) => {
          // Blind for a moment: the number stays, and the next look is the next try.
          if (!signal.aborted && !(error instanceof PlatformError && error.retryable)) throw error;
        });
      }
      await clock.sleep(isCounted ? underWayPeriodMs : periodMs, signal).catch(() => undefined);
    }
  }

  /** Whether anybody scales by it. */
  #observeUnderWay(): boolean {
    const { loop, router, clock } = this.#parts;
    const arms = loop.services
      .map(scalableRevisions)
      .filter((each) => each.some(isCountedBy))
      .flat();
    if (arms.length === 0) return false;
    const { instances } = loop;
    this.#byConcurrency.observe(router.underWay, { arms, instances, nowMs: clock.nowMs() });
    return true;
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { loop, usage, clock, isHeard } = this.#parts;
    const scaled = loop.services.filter((state) => scalableRevisions(state).some(isScaled));
    this.#forget(scaled);
    if (scaled.length === 0) return;
    const asked = { revisions: scaled.flatMap(scalableRevisions), instances: loop.instances };
    const gauges = await readGauges(this.#parts.gauges, asked, signal);
    const uses = await usage.usage(signal);
    const moment = { instances: loop.instances, nowMs: clock.nowMs(), isHeard: isHeard() };
    this.#watch.look(moment.instances, uses, { gauges, nowMs: moment.nowMs });
    for (const state of scaled) this.#lookAt(state, moment, signal);
  }

  #lookAt(state: ServiceState, moment: Moment, signal: AbortSignal): void {
    if (this.#pending.has(state.name)) return;
    const arms = scalableRevisions(state);
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
    const { scale, concurrency, id: revisionId } = revision;
    const { nowMs } = moment;
    const needs =
      concurrency === undefined
        ? this.#watch.needs(revision, arms, moment)
        : this.#byConcurrency.needs(revision, arms, nowMs);
    const present = wantedInstances(state, revision);
    const atLeast = leastInstances(state, revision, needs ?? []);
    const look =
      scale !== undefined
        ? this.#byUsage.lookAt(revision, scale, this.#watch, { ...moment, present, atLeast })
        : concurrency === undefined
          ? null
          : this.#byConcurrency.lookAt(revisionId, concurrency, { present, atLeast, nowMs });
    if (look === null) return [];
    this.#looks.set(revisionId, look);
    return [{ revisionId, instances: look.desired, sentence: look.sentence, needs }];
  }

  #forget(scaled: readonly ServiceState[]): void {
    const ids = new Set(scaled.flatMap(scalableRevisions).map(({ id }) => id));
    this.#byUsage.retain(ids);
    for (const id of this.#looks.keys()) if (!ids.has(id)) this.#looks.delete(id);
  }
}

function isScaled(revision: Revision): boolean {
  return scalingBounds(revision) !== null;
}

function isCountedBy({ concurrency }: Revision): boolean {
  return concurrency !== undefined;
}
