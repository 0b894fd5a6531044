/** Readings of one process, oldest first; of the newest `windowMs`. */
export interface UseWindow {
  readonly startedAtMs: number;
  readonly readings: readonly UseReading[];
}

export interface UseReading {
  readonly atMs: number;
  /** Since the process began. */
  readonly cpuSeconds: number;
  readonly memoryBytes: number;
}

/** Shorter than that the clock of the kernel (10 ms) and the time between reading and noting it are too large a part. */
export const spanMsMin = 1_500;

/** A process of another start begins anew. */
export function withReading(
  before: UseWindow | null,
  startedAtMs: number,
  newest: UseReading,
  windowMs: number,
): UseWindow {
  const known = before?.startedAtMs === startedAtMs ? before.readings : [];
  const kept = known.filter(({ atMs }) => atMs >= newest.atMs - windowMs);
  return { startedAtMs, readings: [...kept, newest] };
}

/** Mean cores used over the window; null: nothing is known yet. Example: 3 s more after 6 s are 0.5. */
export function coresOf({ readings }: UseWindow): number | null {
  const [first] = readings;
  const last = readings.at(-1);
  if (first === undefined || last === undefined) return null;
  const spanMs = last.atMs - first.atMs;
  if (spanMs < spanMsMin) return null;
  return Math.max(0, (1000 * (last.cpuSeconds - first.cpuSeconds)) / spanMs);
}

/** Null: it was not read yet. */
export function memoryOf({ readings }: UseWindow): number | null {
  return readings.at(-1)?.memoryBytes ?? null;
}
