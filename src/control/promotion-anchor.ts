import type { Clock } from '../ports/clock.ts';
import { LedgerError } from '../ports/ledger-store.ts';
import type { Checkpointer } from './checkpointer.ts';

/** require: a promotion waits until witnesses have its entry; warn: it is asked for and not waited for; off: neither. */
export type WitnessMode = 'require' | 'warn' | 'off';

/** The wait between tries while the witnesses are away. */
const RETRY_MS = 1_000;

/**
 * No production promotion before its intent is under a checkpoint with the required witnesses: what anybody could later want to
 * have been different is outside this machine before users see it.
 */
export class PromotionAnchor {
  readonly #checkpointer: Pick<Checkpointer, 'make'>;
  readonly #mode: WitnessMode;
  readonly #clock: Clock;
  readonly #onHeld: (service: string, why: string | null) => void;

  constructor(parts: {
    readonly checkpointer: Pick<Checkpointer, 'make'>;
    readonly mode: WitnessMode;
    readonly clock: Clock;
    /** A promotion waits and why; null: it goes on. */
    readonly onHeld: (service: string, why: string | null) => void;
  }) {
    this.#checkpointer = parts.checkpointer;
    this.#mode = parts.mode;
    this.#clock = parts.clock;
    this.#onHeld = parts.onHeld;
  }

  /** Resolves when the promotion recorded by entry `index` may begin; rejects when the signal is aborted first. */
  async wait(service: string, index: number, signal: AbortSignal): Promise<void> {
    if (this.#mode === 'off') return;
    if (this.#mode === 'warn') {
      // Whether it comes about is told by the checkpointer; nobody waits for it.
      void this.#problem(index, signal).catch(() => undefined);
      return;
    }
    let isHeld = false;
    for (;;) {
      const problem = await this.#problem(index, signal);
      if (problem === null) break;
      isHeld = true;
      this.#onHeld(service, `the promotion of ${service} waits for witnesses: ${problem}`);
      await this.#clock.sleep(RETRY_MS, signal);
    }
    if (isHeld) this.#onHeld(service, null);
  }

  async #problem(index: number, signal: AbortSignal): Promise<string | null> {
    signal.throwIfAborted();
    try {
      const made = await this.#checkpointer.make(signal, { isKept: true });
      if (made.size <= index) return 'the checkpoint does not cover its entry yet';
      return made.isQuorum ? null : made.problem;
    } catch (error) {
      if (error instanceof LedgerError) return error.message;
      throw error;
    }
  }
}
