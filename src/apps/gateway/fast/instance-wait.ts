import type { Refusal } from '../refusal.ts';
import type { AwaitedPlace, Waiter } from '../waking/waiting-requests.ts';
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
  #waiter: Waiter | null = null;

  constructor(parts: Parts, user: WaitUser) {
    this.#parts = parts;
    this.#user = user;
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
