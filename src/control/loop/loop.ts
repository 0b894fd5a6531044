/**
 * The loop: observe, decide, record, act, record the outcome.
 *
 * C1  One event at a time; all decisions of all services are made here and nowhere else.
 * C2  A record is durable before its effects begin. The one exception is C3.
 * C3  A way back does not wait for a ledger that is slow or cannot be written: users are harmed now, so traffic returns
 *     to stable first (for a while only, when the candidate is parked) and the entry follows as soon as it can be kept.
 *     Decisions go on meanwhile, so that the harm is seen at all; everything else that they order waits for its record.
 *     (record-queue.ts)
 * C4  Each effect's outcome comes back as an event; nothing is assumed done.
 * C5  Losing this process loses at most what was observed since the last record, never a decision.
 */
import type { Authorization } from '../../domain/authorization/authorization.ts';
import type { StableWindow } from '../../domain/gate/before-after.ts';
import type { RevisionInstances } from '../../domain/release/event.ts';
import type { Traffic } from '../../domain/release/effect.ts';
import {
  type Decision,
  type ReleaseRecord,
  type ServiceState,
  stableOf,
} from '../../domain/release/service-state.ts';
import type { FaultRule } from '../../domain/traffic/faults/fault-rule.ts';
import type { TrafficSample } from '../../domain/traffic/samples/traffic-sample.ts';
import type { Clock } from '../../ports/clock.ts';
import type { MetricsSource } from '../../ports/metrics-source.ts';
import { type Instance, type Platform, PlatformError } from '../../ports/platform.ts';
import type { StandbyChecker } from '../../ports/standby-checker.ts';
import type { TrafficRouter } from '../../ports/traffic-router.ts';
import { EffectLanes } from './effect-lanes.ts';
import { Inbox } from './inbox.ts';
import { entryBatch, type WitnessesInForce } from '../recording/entry-batch.ts';
import { instancesByService } from './instance-view.ts';
import type { RecoveredService } from '../recording/recovery.ts';
import type { Recorder } from '../recording/recorder.ts';
import { type Anchor, RecordQueue } from '../recording/record-queue.ts';
import { askedFlagsOf } from './asked-flags.ts';
import type { Route } from '../../domain/traffic/routing/route-table.ts';
import { routesOf, withAuthorization, withFaults, withWakes } from './route-table.ts';
import { StableMeter } from './stable-meter.ts';
import { ServiceLane, type UntimedEvent } from './service-lane.ts';
import { TablePusher } from './table-pusher.ts';
import { wakeRules } from '../scaling/wake-rules.ts';

export interface LoopParts {
  readonly platform: Platform;
  readonly router: TrafficRouter;
  readonly metrics: MetricsSource;
  readonly recorder: Pick<Recorder, 'record'>;
  readonly clock: Clock;
  /** What a promotion waits for after its record is durable; absent: nothing. */
  readonly anchor?: Anchor;
  /** Trouble that is wanted in a service's traffic, until now; absent: none. */
  readonly faultsOf?: (service: string) => readonly FaultRule[];
  /** With the stored answers that were asked to be removed; absent: none were. */
  readonly withPurges?: (routes: readonly Route[]) => readonly Route[];
  /** Of services that declare none; absent: everybody may ask them everything. */
  readonly defaultAuthorization?: Authorization | undefined;
  /** Of the token that the instances of a revision ask for flags with; absent: nobody can ask. */
  readonly flagTokenSha256?: (revisionId: string) => string;
  /** Absent: no standby can be checked here. */
  readonly standby?: StandbyChecker;
  /** As the entry that begins a rollout says it; absent: there are none. */
  readonly witnesses?: WitnessesInForce;
}

export interface LoopOptions {
  /** Between two looks at the platform. */
  readonly tickMs: number;
  /** Called after a record is durable; must not throw. */
  readonly onRecord?: (record: ReleaseRecord, index: number) => void;
  /** Called when the ledger cannot be written, and with null when it can again. */
  readonly onLedgerTrouble?: (message: string | null) => void;
}

interface Item {
  readonly service: string;
  readonly event: UntimedEvent;
  readonly answer?: (decision: Decision) => void;
  /** Only while the service has this many records; else `stale` is told how many it has. */
  readonly onlyAt?: number | undefined;
  readonly stale?: (recordCount: number) => void;
}

/** Somebody has decided about the service since the state that was asked about; nothing was done. */
export class StaleServiceError extends Error {
  override readonly name = 'StaleServiceError';
  readonly service: string;
  readonly recordCount: number;

  constructor(service: string, recordCount: number) {
    super(`${service} has ${recordCount} records now`);
    this.service = service;
    this.recordCount = recordCount;
  }
}

/** Events of the world may queue up this far. */
const inboxLimit = 10_000;
/** From here on samples and ticks are dropped; the rest is kept for outcomes and for people, which must not be lost (C4). */
const inboxLimitOfSamples = 5_000;
/** Between two looks while somebody waits for an instance. */
const wakingLookMs = 20;
/** A service is heard while its newest sample with requests is not older. */
const heardMs = 5_000;

export class ControlLoop {
  readonly #parts: LoopParts;
  readonly #options: LoopOptions;
  readonly #inbox = new Inbox<Item>(inboxLimit);
  readonly #lanes = new Map<string, ServiceLane>();
  readonly #traffic = new Map<string, Traffic>();
  readonly #leaving = new Set<string>();
  /** When each service's requests were last seen, on the loop's own clock. */
  readonly #heardAtMs = new Map<string, number>();
  readonly #pusher: TablePusher;
  readonly #effects: EffectLanes;
  readonly #records: RecordQueue;
  readonly #stables = new StableMeter();
  readonly #stop = new AbortController();
  /** What ended the loop from inside; null: nothing has. */
  #failure: Error | null = null;
  #instances: readonly Instance[] = [];
  #seen = new Map<string, string>();
  /** Until then the platform is looked at more often, on the loop's own clock. */
  #quickUntilMs = -Infinity;
  #sampleListener: ((sample: TrafficSample) => void) | null = null;

  constructor(
    parts: LoopParts,
    options: LoopOptions,
    recovered: ReadonlyMap<string, RecoveredService>,
  ) {
    this.#parts = parts;
    this.#options = options;
    const { platform, router, clock, faultsOf = () => [], flagTokenSha256 } = parts;
    this.#pusher = new TablePusher({
      router,
      clock,
      build: () => {
        const routes = routesOf(this.#traffic.values(), this.#instances, this.#leaving);
        const woken = withWakes(routes, wakeRules(this.services, this.#instances));
        const allowed = withAuthorization(woken, parts.defaultAuthorization);
        return {
          routes: withFaults(parts.withPurges?.(allowed) ?? allowed, faultsOf),
          ...askedFlagsOf(this.#traffic.values(), flagTokenSha256),
        };
      },
    });
    this.#effects = new EffectLanes({
      platform,
      router,
      pusher: this.#pusher,
      clock,
      standby: parts.standby ?? null,
      traffic: this.#traffic,
      leaving: this.#leaving,
      report: (service, event) => this.#put({ service, event }),
      crash: (error) => this.#fail(error),
    });
    this.#records = new RecordQueue({
      recorder: parts.recorder,
      clock,
      begin: (service, effects) => this.#effects.start(service, effects, this.#stop.signal),
      onTrouble: (message) => options.onLedgerTrouble?.(message),
      fail: (error) => this.#fail(error),
      ...(parts.anchor === undefined ? {} : { anchor: parts.anchor }),
    });
    for (const [name, from] of recovered) this.#lanes.set(name, new ServiceLane(name, from));
  }

  get services(): readonly ServiceState[] {
    return [...this.#lanes.values()].map((lane) => lane.state);
  }

  get instances(): readonly Instance[] {
    return this.#instances;
  }

  service(name: string): ServiceState | null {
    return this.#lanes.get(name)?.state ?? null;
  }

  /** Resolves when the router has what is wanted now; rejects with RouterError, and the next look tries again. */
  pushRoutes(signal: AbortSignal): Promise<void> {
    return this.#pusher.push(signal);
  }

  /**
   * For an instance that the platform shows as not serving: resolves when nothing new is sent to it and what was under way there has
   * ended, or the router's bound is over. Rejects with RouterError, PlatformError or the signal's reason.
   */
  async withdraw(instanceId: string, signal: AbortSignal): Promise<void> {
    this.#instances = await this.#parts.platform.observe(signal);
    await this.#pusher.push(signal);
    await this.#parts.router.drain(instanceId, signal);
  }

  /** Somebody waits for an instance to be ready: for `forMs` the platform is looked at more often. */
  lookOften(forMs: number): void {
    this.#quickUntilMs = this.#parts.clock.nowMs() + forMs;
  }

  /** What the stable revision did lately while no rollout ran; null: nothing was seen. */
  stableSeen(service: string, nowMs: number): StableWindow | null {
    const state = this.service(service);
    const stable = state === null ? null : stableOf(state);
    return stable === null ? null : this.#stables.seen(service, stable.id, nowMs);
  }

  /** Also sees every sample, decided on or not (for rates shown to people). */
  set onSample(listener: (sample: TrafficSample) => void) {
    this.#sampleListener = listener;
  }

  /** Runs until the signal is aborted; rejects only for a defect or a ledger that is broken for good. */
  async run(signal: AbortSignal): Promise<void> {
    const both = AbortSignal.any([signal, this.#stop.signal]);
    using subscription = this.#parts.metrics.subscribe((sample) => this.#takeSample(sample));
    void subscription;
    for (const lane of this.#lanes.values()) {
      if (lane.state.traffic !== null) this.#traffic.set(lane.state.name, lane.state.traffic);
    }
    // Before what the platform shows: that is judged by waits that begin anew.
    for (const name of this.#lanes.keys())
      this.#put({ service: name, event: { kind: 'recovered' } });
    let ticking: Promise<void> | null = null;
    try {
      // Before anything is handled: a table without the instances would be an outage.
      await this.#lookFirst(both);
      ticking = this.#tick(both).catch((error: unknown) => this.#fail(error));
      for (;;) await this.#handle(await this.#inbox.take(both), both);
    } catch (error) {
      if (!signal.aborted) throw this.#failure ?? error;
    } finally {
      if (!this.#stop.signal.aborted) this.#stop.abort(new Error('the loop has stopped'));
      await ticking;
      await this.#records.settled();
      await this.#effects.settled();
    }
  }

  /**
   * Hands in what a person asked for, or what another look of ours has seen; resolves with the decision when it is durable, rejects
   * when the loop stops first. With `onlyAt` it is decided while the service has so many records, and else rejects with a
   * StaleServiceError: compared where all is decided, so that nothing comes between.
   */
  submit(
    service: string,
    event: Extract<UntimedEvent, { kind: 'apply' | 'operate' | 'approvals' | 'scale' }>,
    signal: AbortSignal,
    onlyAt?: number,
  ): Promise<Decision> {
    const either = AbortSignal.any([signal, this.#stop.signal]);
    return new Promise((resolve, reject) => {
      const fail = (): void => reject(either.reason as Error);
      if (either.aborted) return fail();
      either.addEventListener('abort', fail, { once: true });
      const answer = (decision: Decision): void => {
        either.removeEventListener('abort', fail);
        resolve(decision);
      };
      const stale = (recordCount: number): void => {
        either.removeEventListener('abort', fail);
        reject(new StaleServiceError(service, recordCount));
      };
      if (this.#put({ service, event, answer, onlyAt, stale })) return;
      either.removeEventListener('abort', fail);
      reject(new Error('the control loop is overloaded; try again later'));
    });
  }

  /** Ends the loop with this error; who waits for a decision only hears that it has stopped. */
  #fail(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new Error(String(error));
    this.#stop.abort(new Error('the loop has stopped', { cause: error }));
  }

  #put(item: Item): boolean {
    return this.#inbox.put(item);
  }

  /** What is lost without harm: a sample is silence then, never wrong evidence, and another tick follows. */
  #putMinor(item: Item): void {
    if (this.#inbox.size < inboxLimitOfSamples) this.#put(item);
  }

  #takeSample(sample: TrafficSample): void {
    this.#sampleListener?.(sample);
    if (sample.counts.length > 0) this.#heardAtMs.set(sample.service, this.#parts.clock.nowMs());
    const lane = this.#lanes.get(sample.service);
    if (lane === undefined) return;
    if (!lane.isActive) {
      const stable = stableOf(lane.state);
      if (stable !== null) this.#stables.add(sample, stable.id);
      return;
    }
    this.#putMinor({ service: sample.service, event: { kind: 'sample', sample } });
  }

  async #handle(item: Item, signal: AbortSignal): Promise<void> {
    await this.#records.room();
    signal.throwIfAborted();
    const lane = this.#laneOf(item.service);
    const { recordCount } = lane.state;
    if (item.onlyAt !== undefined && item.onlyAt !== recordCount) return item.stale?.(recordCount);
    const nowMs = this.#parts.clock.nowMs();
    const decision = lane.take(this.#withStable(item.event, lane, nowMs), nowMs);
    const { record, effects } = decision;
    if (record === null) {
      item.answer?.(decision);
      return;
    }
    const { witnesses } = this.#parts;
    const batch = entryBatch({
      record,
      events: lane.drainEvents(),
      state: lane.state,
      ...(witnesses === undefined ? {} : { witnesses }),
    });
    const onDurable = (index: number | null): void => {
      if (index !== null) this.#options.onRecord?.(record, index);
      item.answer?.(decision);
    };
    const isPromotion = isPromotionOf(lane.state, decision);
    this.#records.put({ record, batch, effects, isPromotion, onDurable }, signal);
  }

  /** What begins a rollout carries what is known of stable, as samples were not kept until now. */
  #withStable(event: UntimedEvent, lane: ServiceLane, nowMs: number): UntimedEvent {
    const begins =
      event.kind === 'apply' ||
      (event.kind === 'operate' && ['undo', 'retry'].includes(event.action.kind));
    const stable = stableOf(lane.state);
    if (!begins || lane.isActive || stable === null) return event;
    const before = this.#stables.seen(lane.state.name, stable.id, nowMs);
    return before === null ? event : { ...event, before };
  }

  #laneOf(service: string): ServiceLane {
    const known = this.#lanes.get(service);
    if (known !== undefined) return known;
    const lane = new ServiceLane(service);
    this.#lanes.set(service, lane);
    return lane;
  }

  async #tick(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    const { tickMs } = this.#options;
    let tickedAtMs = clock.nowMs();
    while (!signal.aborted) {
      const isQuick = clock.nowMs() < this.#quickUntilMs;
      const lookMs = isQuick ? Math.min(wakingLookMs, tickMs) : tickMs;
      await clock.sleep(lookMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      // Blind for a moment: what was seen last stays, and the ticks go on so that the gate does too.
      await this.#look(signal).catch(rethrowUnlessRetryable);
      if (lookMs < tickMs && clock.nowMs() - tickedAtMs < tickMs) continue;
      tickedAtMs = clock.nowMs();
      for (const lane of this.#lanes.values()) {
        if (!lane.isActive && !lane.isRestarting) continue;
        const { name } = lane.state;
        const isOthersHeard = this.#isHeardBeside(name);
        this.#putMinor({ service: name, event: { kind: 'tick', isOthersHeard } });
      }
    }
  }

  /** Whether the router's samples of other services come: then silence of this one is its own. */
  #isHeardBeside(service: string): boolean {
    const sinceMs = this.#parts.clock.nowMs() - heardMs;
    for (const [name, atMs] of this.#heardAtMs) {
      if (name !== service && atMs >= sinceMs) return true;
    }
    return false;
  }

  /** Waits until the platform can be seen: a table made blind would send everybody's requests nowhere. */
  async #lookFirst(signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        return await this.#look(signal);
      } catch (error) {
        rethrowUnlessRetryable(error);
      }
      await this.#parts.clock.sleep(this.#options.tickMs, signal);
    }
  }

  /** Looks at the platform; tells the services what changed and the router who is there. */
  async #look(signal: AbortSignal): Promise<void> {
    this.#instances = await this.#parts.platform.observe(signal);
    // Their names are never given again; until they are seen gone a table made of what was seen before would have them.
    const known = new Set(this.#instances.map(({ id }) => id));
    for (const id of this.#leaving) if (!known.has(id)) this.#leaving.delete(id);
    const restarting = [...this.#lanes.values()].filter((lane) => lane.isRestarting);
    const named = new Set(restarting.map((lane) => lane.state.name));
    const views = instancesByService(this.#instances, named);
    for (const name of new Set([...this.#lanes.keys(), ...views.keys()])) {
      const view: readonly RevisionInstances[] = views.get(name) ?? [];
      const text = JSON.stringify(view);
      if (this.#seen.get(name) === text || !this.#lanes.has(name)) continue;
      const event = { kind: 'instances', revisions: view } as const;
      if (this.#put({ service: name, event })) this.#seen.set(name, text);
    }
    // A failed push stays stale and is tried at the next look.
    if (this.#pusher.isStale()) void this.#pusher.push(signal).catch(() => undefined);
  }
}

/** A new revision gets all of production's traffic. Undoing one is a way back, and a restart puts in force what was. */
function isPromotionOf({ rollout }: ServiceState, { record, effects }: Decision): boolean {
  const moves = effects.some((effect) => effect.kind === 'set-traffic');
  if (record === null || record.decision === 'recover') return false;
  return moves && record.weightPercent === 100 && rollout?.kind !== 'undo';
}

function rethrowUnlessRetryable(error: unknown): void {
  if (!(error instanceof PlatformError) || !error.retryable) throw error;
}
