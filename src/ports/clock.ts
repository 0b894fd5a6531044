/** Time, so that everything above can run in virtual time. */
export interface Clock {
  /**
   * Milliseconds since the Unix epoch; an integer that never goes back while this object lives, even when the
   * machine's clock is set back.
   */
  nowMs(): number;

  /** Resolves after `durationMs`, rejects with the signal's reason when aborted. */
  sleep(durationMs: number, signal: AbortSignal): Promise<void>;
}
