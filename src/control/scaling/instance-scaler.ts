/**
 * Looks at the load of services that follow it and says how many instances each arm should have; the decider records and orders it.
 *
 * A1  The arithmetic is domain/scaling; what it remembers between two looks (wishes and changes of a few minutes) is here and in no
 *     entry. After a restart it begins with the number there is, and goes down only after a whole window again.
 * A2  At rest an event is sent only for another number; while a rollout is under way with each look, as steps wait for it.
 * A3  One event of a service at a time.
 * A4  Where requests wait and no instance is ready, no look is waited for: the order goes out with the news.
 */
import type { ArmScaling } from '../../domain/release/event.ts';
import {
  scalableRevisions,
  leastInstances,
  scalingBounds,
  wantedInstances,
} from '../../domain/release/instance-counts.ts';
import type { Revision } from '../../domain/release/revision.ts';
import { activeRollout, type ServiceState } from '../../domain/release/service-state.ts';
import { wokenInstances } from '../../domain/scaling/concurrency.ts';
import type { Clock } from '../../ports/clock.ts';
import type { InstanceMetrics } from '../../ports/instance-metrics.ts';
import type { MetricsSource } from '../../ports/metrics-source.ts';
import { type Instance, PlatformError } from '../../ports/platform.ts';
import type { UnderWaySource } from '../../ports/under-way-source.ts';
import type { UsageSource } from '../../ports/usage-source.ts';
import type { ArmLook } from './arm-look.ts';
import { ConcurrencyArms } from './concurrency-arms.ts';
import { readGauges } from './gauge-reader.ts';
import { LoadWatch, type Moment } from './load-watch.ts';
import type { ControlLoop } from '../loop/loop.ts';
import { UsageArms } from './usage-arms.ts';

export interface ScalerParts {
  readonly loop: Pick<ControlLoop, 'services' | 'instances' | 'submit' | 'lookOften'>;
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
/** Longer than until the next look at what waits. */
const wakingMs = 1_000;

export class InstanceScaler {
  readonly #parts: ScalerParts;
  readonly #watch = new LoadWatch();
  readonly #byUsage = new UsageArms();
  readonly #byConcurrency = new ConcurrencyArms();
  readonly #looks = new Map<string, ArmLook>();
  readonly #pending = new Set<string>();
  /** Of these, who has requests that have begun to wait meanwhile. */
  readonly #putOff = new Set<string>();

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
    using subscription = router.subscribe((sample) => {
      this.#watch.addSample(sample);
      this.#byConcurrency.addSample(sample);
    });
    void subscription;
    router.onUnderWay = () => this.#wake(signal);
    let lookedAtMs = -Infinity;
    while (!signal.aborted) {
      const isCounted = this.#observeUnderWay();
      this.#wake(signal);
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

  /** Orders instances for requests that wait for one. */
  #wake(signal: AbortSignal): void {
    const { loop, router, clock } = this.#parts;
    if (signal.aborted || router.underWay === null || router.underWay.size === 0) return;
    const nowMs = clock.nowMs();
    for (const state of loop.services) {
      for (const revision of scalableRevisions(state)) {
        const waiting = this.#waitingFor(state, revision);
        if (waiting === 0) continue;
        loop.lookOften(wakingMs);
        if (wantedInstances(state, revision) >= revisionWakes(revision, waiting)) continue;
        if (this.#pending.has(state.name)) {
          this.#putOff.add(state.name);
          continue;
        }
        const instances = this.#byConcurrency.wake(revision, { waiting, nowMs });
        const sentence = `${waiting} ${waiting === 1 ? 'request waits' : 'requests wait'} at the gateway and no instance is ready`;
        const needs = this.#byConcurrency.needs(revision, scalableRevisions(state), nowMs);
        const arm = { revisionId: revision.id, instances, sentence, needs };
        this.#submit(state.name, [arm], signal);
      }
    }
  }

  /** 0 also where one is ready: then they are on their way. */
  #waitingFor(state: ServiceState, revision: Revision): number {
    const { id, concurrency } = revision;
    if (concurrency?.wake === undefined) return 0;
    const { loop, router } = this.#parts;
    const waiting = router.underWay?.get(id) ?? 0;
    // What is ready where none is wanted is on its way out.
    if (waiting === 0 || wantedInstances(state, revision) === 0) return waiting;
    const isOwn = (each: Instance): boolean => each.revisionId === id && each.state === 'ready';
    return loop.instances.some(isOwn) ? 0 : waiting;
  }

  #submit(service: string, arms: readonly ArmScaling[], signal: AbortSignal): void {
    this.#pending.add(service);
    // Not taken in now (an overload, a stop): the next look says it again.
    void this.#parts.loop
      .submit(service, { kind: 'scale', arms }, signal)
      .catch(() => undefined)
      .finally(() => {
        this.#pending.delete(service);
        if (this.#putOff.delete(service)) this.#wake(signal);
      });
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
    this.#submit(state.name, asked, signal);
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
    // What has been started for those that wait is theirs.
    const waking = this.#waitingFor(state, revision) > 0 ? present : 0;
    const atLeast = Math.max(leastInstances(state, revision, needs ?? []), waking);
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

function revisionWakes({ concurrency }: Revision, waiting: number): number {
  return concurrency === undefined ? 0 : wokenInstances(concurrency, waiting);
}

function isScaled(revision: Revision): boolean {
  return scalingBounds(revision) !== null;
}

function isCountedBy({ concurrency }: Revision): boolean {
  return concurrency !== undefined;
}
