import type { Refusal } from '../refusal.ts';
import type { AwaitedPlace, Waiter } from '../waking/waiting-requests.ts';
import type { ExchangeCaller } from './exchange-caller.ts';
import { HalfClosed } from './half-closed.ts';
import type { Parts } from './parts.ts';

/** Whose request waits. */
interface WaitUser {
  /** There may be an instance now. */
  readonly again: () => void;
  /** There is none, and no more waiting. */
  readonly unwoken: (refusal: Refusal) => void;
}

/**
 * One request's wait for a first instance. What has come of it stays where its connection keeps it, and is read again: so nothing of
 * it needs another form. One object serves all requests of a connection, one after the other.
 */
export class InstanceWait {
  /** Where it has waited to go; null: it comes for the first time. */
  awaited: AwaitedPlace | null = null;
  readonly #parts: Parts;
  readonly #user: WaitUser;
  readonly #caller: Pick<ExchangeCaller, 'deadlineMs' | 'socket'>;
  readonly #halfClosed = new HalfClosed();
  #waiter: Waiter | null = null;

  constructor(parts: Parts, user: WaitUser, caller: Pick<ExchangeCaller, 'deadlineMs' | 'socket'>) {
    this.#parts = parts;
    this.#user = user;
    this.#caller = caller;
  }

  get isSo(): boolean {
    return this.#waiter !== null;
  }

  /** The caller sends no more: who is gone shall not be waited for (half-closed.ts). The wait itself is bounded elsewhere. */
  callerEnded(minorVersion: number): void {
    const bounds = { untilMs: Infinity, minorVersion };
    this.#caller.deadlineMs = this.#halfClosed.begin(performance.now(), bounds);
  }

  late(nowMs: number): void {
    this.#caller.deadlineMs = this.#halfClosed.ask(this.#caller.socket, nowMs) ?? Infinity;
  }

  /** False: it may not wait, and `unwoken` has been told. */
  begin(place: AwaitedPlace, bytes: number): boolean {
    const waiter = this.#parts.routes.waiting.wait(place, bytes, (refusal) => {
      this.#waiter = null;
      if (refusal !== null) this.#user.unwoken(refusal);
      else {
        this.awaited = place;
        this.#user.again();
      }
    });
    if ('leave' in waiter) this.#waiter = waiter;
    else this.#user.unwoken(waiter);
    return this.#waiter !== null;
  }

  leave(): void {
    this.#waiter?.leave();
    this.#waiter = null;
    this.awaited = null;
  }
}
