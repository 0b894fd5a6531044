import type { Clock } from '../../ports/clock.ts';

/** Longest wait one timer of Node can hold: 2^31 - 1 ms, about 24.8 days; longer sleeps are chained. */
const TIMER_MAX_MS = 2_147_483_647;

/**
 * The machine's time, anchored once and counted on by the monotonic clock.
 *
 * C1 It never goes back: after construction the wall clock is not read again, so setting it changes nothing here.
 * C2 It never starts before `notBeforeMs`, the last time recorded by an earlier process: if the wall clock was set back
 *    meanwhile, this clock runs ahead of it by the difference until the process ends.
 * C3 Time in which the machine is suspended is not counted (Linux CLOCK_MONOTONIC, clock_gettime(2)).
 */
export class SystemClock implements Clock {
  readonly #anchorMs: number;
  readonly #anchorMonotonicMs: number;

  constructor(options: { readonly notBeforeMs: number } = { notBeforeMs: 0 }) {
    this.#anchorMs = Math.max(Date.now(), Math.ceil(options.notBeforeMs));
    this.#anchorMonotonicMs = performance.now();
  }

  nowMs(): number {
    return this.#anchorMs + Math.floor(performance.now() - this.#anchorMonotonicMs);
  }

  async sleep(durationMs: number, signal: AbortSignal): Promise<void> {
    const untilMs = performance.now() + durationMs;
    do {
      const restMs = untilMs - performance.now();
      await waitOnce(Math.min(Math.max(0, Math.ceil(restMs)), TIMER_MAX_MS), signal);
    } while (performance.now() < untilMs);
  }
}

function waitOnce(durationMs: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      // The reason is the caller's and is handed back as it came, whatever it is.
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, durationMs);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
