import type { Clock } from '../../ports/clock.ts';

/** Waits, or until the signal says that there is something to look at; the caller looks. Never rejects by an abort. */
export async function pause(clock: Clock, durationMs: number, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(durationMs, signal);
  } catch (cause) {
    if (!signal.aborted) throw cause;
  }
}
