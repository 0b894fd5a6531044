import { decide } from '../../domain/release/decide.ts';
import type { ReleaseEvent } from '../../domain/release/event.ts';
import { activeRestart } from '../../domain/release/restart.ts';
import {
  activeRollout,
  type Decision,
  emptyService,
  type ServiceState,
} from '../../domain/release/service-state.ts';

/** An event before the loop has given it its time. */
export type UntimedEvent = ReleaseEvent extends infer Each
  ? Each extends ReleaseEvent
    ? Omit<Each, 'atMs'>
    : never
  : never;

/** One service inside the loop: its state, and the events since its last record. */
export class ServiceLane {
  #state: ServiceState;
  #events: ReleaseEvent[] = [];
  #lastAtMs: number;
  /** The newest event that was not kept because no rollout ran; kept before the next one that is, for the replay. */
  #idleEvent: ReleaseEvent | null = null;

  constructor(
    name: string,
    from: { readonly state: ServiceState; readonly lastAtMs: number } | null = null,
  ) {
    this.#state = from?.state ?? emptyService(name);
    this.#lastAtMs = from?.lastAtMs ?? 0;
  }

  get state(): ServiceState {
    return this.#state;
  }

  get lastAtMs(): number {
    return this.#lastAtMs;
  }

  get isActive(): boolean {
    return activeRollout(this.#state) !== null;
  }

  get isRestarting(): boolean {
    return activeRestart(this.#state) !== null;
  }

  /** Decides, and keeps the event when it changed anything. Time never goes back, whatever the clock says. */
  take(untimed: UntimedEvent, nowMs: number): Decision {
    const atMs = Math.max(nowMs, this.#lastAtMs);
    const event = { ...untimed, atMs } as ReleaseEvent;
    const decision = decide(this.#state, event);
    this.#keep(event, decision);
    this.#state = decision.state;
    return decision;
  }

  #keep(event: ReleaseEvent, decision: Decision): void {
    if (decision.state === this.#state && decision.record === null) return;
    this.#lastAtMs = event.atMs;
    if (event.kind === 'instances' && decision.record === null && !this.isActive) {
      this.#idleEvent = event;
      return;
    }
    if (this.#idleEvent !== null) this.#events.push(this.#idleEvent);
    this.#idleEvent = null;
    this.#events.push(event);
  }

  /** The events since the last call: what the record just made was decided from. */
  drainEvents(): readonly ReleaseEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }
}
