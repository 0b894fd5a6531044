import type { Clock } from '../../ports/clock.ts';
import { LedgerError } from '../../ports/ledger-store.ts';
import type { Checkpointer } from './checkpointer.ts';

/** require: a promotion waits until witnesses have its entry; warn: it is asked for and not waited for; off: neither. */
export type WitnessMode = 'require' | 'warn' | 'off';

/** The wait between tries while the witnesses are away. */
const RETRY_MS = 1_000;

/** A promotion that waits for longer is told as an alert: nobody may be looking, and it waits for as long as it takes. */
export const ALERT_AFTER_MS = 5 * 60_000;

export interface HeldAlert {
  readonly decision: 'alert' | 'alert-over';
  readonly sentence: string;
}

/**
 * No production promotion before its intent is under a checkpoint with the required witnesses: what anybody could later want to
 * have been different is outside this machine before users see it.
 */
export class PromotionAnchor {
  readonly #checkpointer: Pick<Checkpointer, 'make'>;
  readonly #mode: WitnessMode;
  readonly #clock: Clock;
  readonly #onHeld: (service: string, why: string | null) => void;
  readonly #onAlert: (service: string, alert: HeldAlert) => void;

  constructor(parts: {
    readonly checkpointer: Pick<Checkpointer, 'make'>;
    readonly mode: WitnessMode;
    readonly clock: Clock;
    /** A promotion waits and why; null: it goes on. */
    readonly onHeld: (service: string, why: string | null) => void;
    /** It has waited for `ALERT_AFTER_MS`, and, after that only, that it goes on. */
    readonly onAlert: (service: string, alert: HeldAlert) => void;
  }) {
    this.#checkpointer = parts.checkpointer;
    this.#mode = parts.mode;
    this.#clock = parts.clock;
    this.#onHeld = parts.onHeld;
    this.#onAlert = parts.onAlert;
  }

  /** Resolves when the promotion recorded by entry `index` may begin; rejects when the signal is aborted first. */
  async wait(service: string, index: number, signal: AbortSignal): Promise<void> {
    if (this.#mode === 'off') return;
    if (this.#mode === 'warn') {
      // Whether it comes about is told by the checkpointer; nobody waits for it.
      void this.#problem(index, signal).catch(() => undefined);
      return;
    }
    const sinceMs = this.#clock.nowMs();
    let isHeld = false;
    let isAlerted = false;
    for (;;) {
      const problem = await this.#problem(index, signal);
      if (problem === null) break;
      isHeld = true;
      const why = `the promotion of ${service} waits for witnesses: ${problem}`;
      this.#onHeld(service, why);
      if (!isAlerted && this.#clock.nowMs() - sinceMs >= ALERT_AFTER_MS) {
        isAlerted = true;
        const minutes = ALERT_AFTER_MS / 60_000;
        const sentence = `${why}; for ${minutes} minutes now, and until they are there; "tidegate rollout abort ${service}" goes back`;
        this.#onAlert(service, { decision: 'alert', sentence });
      }
      await this.#clock.sleep(RETRY_MS, signal);
    }
    if (isHeld) this.#onHeld(service, null);
    if (!isAlerted) return;
    const sentence = `the promotion of ${service} goes on: witnesses have cosigned its entry`;
    this.#onAlert(service, { decision: 'alert-over', sentence });
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
