/** What goes wrong with a revision, and when. Everything unset goes well. */
export interface PlatformScript {
  /** From the start of a process until it is ready; null: never. */
  readonly readyAfterMs: number | null;
  /** Each process ends this long after its start; null: none does. */
  readonly crashAfterMs: number | null;
  /** Processes of an instance that crash before one lives; Infinity: all. */
  readonly crashesMax: number;
  /** The next calls of `ensure` that fail with a retryable PlatformError before anything is done. */
  readonly ensureFailures: number;
  /** How long `ensure` takes. */
  readonly ensureTakesMs: number;
  /** Between SIGTERM and the end of a process; the revision's stopGraceMs is its bound. */
  readonly stopTakesMs: number;
}

export const HEALTHY_SCRIPT: PlatformScript = {
  readyAfterMs: 0,
  crashAfterMs: null,
  crashesMax: Infinity,
  ensureFailures: 0,
  ensureTakesMs: 0,
  stopTakesMs: 0,
};
