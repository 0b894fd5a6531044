/**
 * When each request of an open-loop run is meant to start, computed ahead of the run and independent of what the
 * server does: a slow answer never moves a later request. Latency is measured from these moments, so a stalled server
 * cannot hide the requests it kept from being sent (coordinated omission; G. Tene, "How NOT to measure latency").
 *
 * S1. Request `index` (from 0) starts at `index * 1000 / requestsPerSecond` ms after the start of the run; no jitter.
 * S2. `dueCount` and `intendedOffsetMs` agree exactly: request n is due at t if and only if its offset is <= t.
 * Guard of both: schedule.test.ts.
 */
export interface ConstantSchedule {
  readonly kind: 'constant';
  /** > 0, at most `requestsPerSecondMax`. */
  readonly requestsPerSecond: number;
  /** Requests with an offset below this are part of the run; null: until stopped. */
  readonly durationMs: number | null;
}

/** One generator process is not asked for more than this; beyond it, several processes are the answer. */
export const requestsPerSecondMax = 100_000;

/** Offset of request `index` from the start of the run. Example: at 800/s request 4 starts at 5 ms. */
export function intendedOffsetMs(schedule: ConstantSchedule, index: number): number {
  return (index * 1000) / schedule.requestsPerSecond;
}

/** How many requests are meant to have started `elapsedMs` after the start, the one at that moment included. */
export function dueCount(schedule: ConstantSchedule, elapsedMs: number): number {
  if (elapsedMs < 0) return 0;
  const open = countUpTo(schedule, elapsedMs);
  const total = scheduledTotal(schedule);
  return total === null ? open : Math.min(open, total);
}

/** Requests of the whole run; null for a run until stopped. */
export function scheduledTotal(schedule: ConstantSchedule): number | null {
  if (schedule.durationMs === null) return null;
  const upToEnd = countUpTo(schedule, schedule.durationMs);
  const lastIsAtEnd = intendedOffsetMs(schedule, upToEnd - 1) === schedule.durationMs;
  return lastIsAtEnd ? upToEnd - 1 : upToEnd;
}

/** The two corrections undo the rounding of the division; each moves by one at most. */
function countUpTo(schedule: ConstantSchedule, elapsedMs: number): number {
  const estimate = Math.floor((elapsedMs * schedule.requestsPerSecond) / 1000) + 1;
  if (intendedOffsetMs(schedule, estimate - 1) > elapsedMs) return estimate - 1;
  if (intendedOffsetMs(schedule, estimate) <= elapsedMs) return estimate + 1;
  return estimate;
}
