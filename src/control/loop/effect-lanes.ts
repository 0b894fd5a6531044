import type { Revision } from '../../domain/release/revision.ts';
import type { Effect, Traffic } from '../../domain/release/effect.ts';
import type { StandbyReport } from '../../domain/release/strategies/strategy.ts';
import type { Clock } from '../../ports/clock.ts';
import { type Platform, PlatformError } from '../../ports/platform.ts';
import { RouterError, type TrafficRouter } from '../../ports/traffic-router.ts';
import type { StandbyChecker } from '../../ports/standby-checker.ts';
import { surplusOf } from './surplus.ts';
import { DisruptionGuard } from './disruption-guard.ts';
import type { TablePusher } from './table-pusher.ts';

/** How an ordered effect ended. A superseded effect has no outcome: the newer order speaks for both. */
export type EffectOutcome =
  | { readonly kind: 'effect-done'; readonly key: string }
  | { readonly kind: 'standby-checked'; readonly key: string; readonly report: StandbyReport }
  | {
      readonly kind: 'effect-failed';
      readonly key: string;
      readonly effect: Effect['kind'];
      readonly revisionId: string | null;
      readonly message: string;
    };

interface Lane {
  readonly abort: AbortController;
  /** Whether the effect was carried out. Never rejects. */
  readonly done: Promise<boolean>;
}

/** Waits between tries of one effect double from the first to the last of these. */
const retryFirstMs = 100;
const retryLastMs = 5_000;

/**
 * Carries out effects: the one place where they are tried again.
 *
 * L1  One lane for each service's traffic and each revision's instances; lanes run side by side.
 * L2  In a lane the newest order wins: an older one under way is aborted. So a way back never waits behind a way forth.
 * L3  A stop waits until the traffic ordered before it, or newer traffic, is in force, and then for the requests under
 *     way; when the traffic was refused nothing is stopped (R6 of the decider).
 * L4  What may succeed later is tried until it does or is superseded; what can't is reported.
 * L5  A standby is asked once its preview address is in force, and no longer than it is wanted.
 * L6  Instances are stopped one by one, or for a smaller number, only within the budget of disruption (disruption-guard.ts).
 */
export class EffectLanes {
  readonly #platform: Platform;
  readonly #router: TrafficRouter;
  readonly #pusher: TablePusher;
  readonly #clock: Clock;
  readonly #standby: StandbyChecker | null;
  readonly #traffic: Map<string, Traffic>;
  readonly #leaving: Set<string>;
  readonly #guard: DisruptionGuard;
  readonly #report: (service: string, outcome: EffectOutcome) => void;
  readonly #crash: (error: unknown) => void;
  readonly #lanes = new Map<string, Lane>();

  constructor(parts: {
    readonly platform: Platform;
    readonly router: TrafficRouter;
    readonly pusher: TablePusher;
    readonly clock: Clock;
    /** Null: no standby can be checked here. */
    readonly standby: StandbyChecker | null;
    /** Wanted traffic by service, shared with the table builder. */
    readonly traffic: Map<string, Traffic>;
    /** Instances that go, shared with the table builder: nothing is sent to them. Who is seen gone is taken out by the loop. */
    readonly leaving: Set<string>;
    readonly report: (service: string, outcome: EffectOutcome) => void;
    /** Called with what is neither a platform's nor a router's failure: a defect of ours. */
    readonly crash: (error: unknown) => void;
  }) {
    this.#platform = parts.platform;
    this.#router = parts.router;
    this.#pusher = parts.pusher;
    this.#clock = parts.clock;
    this.#standby = parts.standby;
    this.#traffic = parts.traffic;
    this.#leaving = parts.leaving;
    this.#guard = new DisruptionGuard(parts);
    this.#report = parts.report;
    this.#crash = parts.crash;
  }

  /** Starts all effects of one decision; returns at once. */
  start(service: string, effects: readonly Effect[], signal: AbortSignal): void {
    for (const effect of effects) this.#enter(service, effect, signal);
  }

  /** Resolves when no effect is under way. */
  async settled(): Promise<void> {
    await Promise.all([...this.#lanes.values()].map((lane) => lane.done));
  }

  #enter(service: string, effect: Effect, signal: AbortSignal): void {
    const lane = laneOf(service, effect);
    const before = this.#lanes.get(lane);
    before?.abort.abort(new Error('superseded by a newer order'));
    if (effect.kind === 'set-traffic') this.#traffic.set(service, effect.traffic);
    if (effect.kind === 'stop-instances') {
      const checks = this.#lanes.get(checkLaneOf(effect.revision));
      checks?.abort.abort(new Error('the standby is not wanted any more'));
    }
    const abort = new AbortController();
    const both = AbortSignal.any([signal, abort.signal]);
    const done = this.#after(before, service, { effect, signal: both });
    const entry = { abort, done };
    this.#lanes.set(lane, entry);
    void done.then(() => {
      if (this.#lanes.get(lane) === entry) this.#lanes.delete(lane);
    });
  }

  async #after(before: Lane | undefined, service: string, order: Order): Promise<boolean> {
    await before?.done;
    const { effect, signal } = order;
    // An instance may ask for its flags as soon as it runs; were they refused, it starts all the same.
    if (effect.kind === 'ensure-instances' && effect.revision.flags !== undefined) {
      await this.#isTrafficInForce(service, signal);
    }
    const needsTraffic = effect.kind === 'stop-instances' || effect.kind === 'check-standby';
    if (needsTraffic && !(await this.#isTrafficInForce(service, signal))) {
      const message =
        effect.kind === 'stop-instances'
          ? `not stopped, because requests may still be sent to ${effect.revision.id}`
          : `not checked, because the preview address of ${effect.revision.id} is not in force`;
      if (!signal.aborted) this.#reportFailure(service, effect, message);
      return false;
    }
    return this.#run(service, order);
  }

  /** Waits for the service's newest traffic; true also when none is under way, false when aborted. */
  async #isTrafficInForce(service: string, signal: AbortSignal): Promise<boolean> {
    let isInForce = true;
    while (!signal.aborted) {
      const lane = this.#lanes.get(`traffic/${service}`);
      if (lane === undefined) return isInForce;
      isInForce = await doneOrAborted(lane, signal);
    }
    return false;
  }

  async #run(service: string, { effect, signal }: Order): Promise<boolean> {
    for (let waitMs = retryFirstMs; !signal.aborted;) {
      const failure = await this.#tryOnce(effect, signal);
      if (signal.aborted) return false;
      if (failure === null) {
        this.#report(service, { kind: 'effect-done', key: effect.key });
        return true;
      }
      if (!failure.retryable) {
        this.#reportFailure(service, effect, failure.message);
        return false;
      }
      await this.#clock.sleep(waitMs, signal).catch(() => undefined);
      waitMs = Math.min(retryLastMs, waitMs * 2);
    }
    return false;
  }

  #reportFailure(service: string, effect: Effect, message: string): void {
    this.#report(service, {
      kind: 'effect-failed',
      key: effect.key,
      effect: effect.kind,
      revisionId: effect.kind === 'set-traffic' ? null : effect.revision.id,
      message,
    });
  }

  async #tryOnce(
    effect: Effect,
    signal: AbortSignal,
  ): Promise<{ readonly retryable: boolean; readonly message: string } | null> {
    try {
      await this.#do(effect, signal);
      return null;
    } catch (error) {
      if (error instanceof PlatformError || error instanceof RouterError) return error;
      if (!signal.aborted) this.#crash(error);
      return { retryable: true, message: String(error) };
    }
  }

  #do(effect: Effect, signal: AbortSignal): Promise<void> {
    switch (effect.kind) {
      case 'ensure-instances':
        return this.#ensureDrained(effect, signal);
      case 'stop-instances':
        return this.#stopDrained(effect.revision, signal);
      case 'replace-instance':
        return this.#replaceDrained(effect, signal);
      case 'check-standby':
        return this.#checkStandby(effect, signal);
      case 'set-traffic':
        return this.#pusher.push(signal);
    }
  }

  /** Where there are to be fewer, those that go leave the table and finish what they have first (L3). */
  async #ensureDrained(
    { revision, count }: Of<'ensure-instances'>,
    signal: AbortSignal,
  ): Promise<void> {
    const { going, isNewest } = surplusOf(await this.#platform.observe(signal), revision.id, count);
    const wanted = Math.max(count, revision.instances);
    // A revision that goes to sleep is missed by nobody: requests wait for it.
    if (count > 0) await this.#guard.allow({ revision, going, wanted }, signal);
    for (const id of going) this.#leaving.add(id);
    try {
      if (going.length > 0) await this.#pusher.push(signal);
      await Promise.all(going.map((id) => this.#router.drain(id, signal)));
      if (isNewest) return await this.#platform.ensure(revision, count, signal);
      for (const [index, instanceId] of going.entries()) {
        const left = count + going.length - 1 - index;
        await this.#platform.replace(revision, { instanceId, count: left }, signal);
      }
    } catch (error) {
      // Wanted again by a newer order, or tried again.
      for (const id of going) this.#leaving.delete(id);
      throw error;
    }
  }

  /** Requests under way finish first; nothing new comes (L3). */
  async #stopDrained(revision: Revision, signal: AbortSignal): Promise<void> {
    await this.#router.drain(revision.id, signal);
    await this.#platform.stop(revision, signal);
  }

  async #checkStandby(effect: Of<'check-standby'>, signal: AbortSignal): Promise<void> {
    const { key, revision } = effect;
    const report: StandbyReport =
      this.#standby === null
        ? { kind: 'not-made', message: 'this server has nothing to check a standby with' }
        : await this.#standby.check(effect, signal);
    this.#report(revision.service, { kind: 'standby-checked', key, report });
  }

  /** As a stop, for one instance: it leaves the table, its requests finish, then it goes (L3). */
  async #replaceDrained(effect: Of<'replace-instance'>, signal: AbortSignal): Promise<void> {
    const { revision, count, instanceId, wanted = count } = effect;
    // It is replaced, so one more may come first where none may be missed.
    const surge = (): Promise<void> => this.#platform.ensure(revision, count + 1, signal);
    await this.#guard.allow({ revision, going: [instanceId], wanted, surge }, signal);
    this.#leaving.add(instanceId);
    let isStopping = false;
    try {
      await this.#pusher.push(signal);
      await this.#router.drain(instanceId, signal);
      isStopping = true;
      await this.#platform.replace(revision, { instanceId, count }, signal);
    } catch (error) {
      // A newer order wants it to stay; what the platform has begun to stop goes in any case.
      if (!isStopping) this.#leaving.delete(instanceId);
      throw error;
    }
  }
}

type Of<Kind extends Effect['kind']> = Extract<Effect, { kind: Kind }>;

interface Order {
  readonly effect: Effect;
  readonly signal: AbortSignal;
}

/** Whether the lane carried out its order; false at once when the signal is aborted. */
function doneOrAborted(lane: Lane, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const leave = (): void => resolve(false);
    signal.addEventListener('abort', leave, { once: true });
    void lane.done.then((isDone) => {
      signal.removeEventListener('abort', leave);
      resolve(isDone);
    });
  });
}

function laneOf(service: string, effect: Effect): string {
  if (effect.kind === 'check-standby') return checkLaneOf(effect.revision);
  return effect.kind === 'set-traffic' ? `traffic/${service}` : `revision/${effect.revision.id}`;
}

function checkLaneOf({ id }: Revision): string {
  return `check/${id}`;
}
