const usualMs = 100;
/**
 * After weights have moved, listeners are told more often for a while: a candidate that is bad from the start shows it
 * then, and at 5 % of 800 requests/s each 25 ms cost one more failed request. By time alone and never by how requests
 * end, or the gate's proof would be void (G3 of domain/gate/gate.ts).
 */
const quickMs = 20;
const quickForMs = 10_000;

/** How often what was counted is told. */
export class ReportPace {
  readonly #ratio: number;
  /** On the monotonic clock. */
  #quickUntilMs = 0;

  /** Delays are those of the control socket times `ratio`. */
  constructor(ratio = 1) {
    this.#ratio = ratio;
  }

  /** To be called when a table with a split has come into force. */
  quicken(): void {
    this.#quickUntilMs = performance.now() + quickForMs;
  }

  /** Until the next report. */
  delayMs(): number {
    return this.#ratio * (performance.now() < this.#quickUntilMs ? quickMs : usualMs);
  }
}
