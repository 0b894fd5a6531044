import type { Outcome } from '../../../domain/traffic/resilience/instance-health.ts';
import { beginAttempt, endAttempt, type Target } from '../live-revision.ts';

/** The one attempt of a request that is never tried again: begun once and ended once at its instance and its revision. */
export class SoleAttempt {
  readonly #target: Target;
  readonly #startedMs: number;
  #isOpen = true;

  constructor(target: Target, startedMs: number) {
    this.#target = target;
    this.#startedMs = startedMs;
    target.revision.circuit.requests += 1;
    beginAttempt(target);
  }

  /** A second call does nothing. */
  end(outcome: Outcome): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#target.revision.circuit.requests -= 1;
    const nowMs = performance.now();
    endAttempt(this.#target, { outcome, startedMs: this.#startedMs, nowMs });
  }
}
