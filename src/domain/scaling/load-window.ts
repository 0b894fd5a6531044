/** What was measured, one value a second; of the newest `windowMs`, oldest first. */
export interface LoadWindow {
  readonly windowMs: number;
  /** Of the first value ever; null: none yet. */
  readonly sinceMs: number | null;
  readonly values: readonly LoadValue[];
}

/** A mean over the second that ends at `atMs`. */
export interface LoadValue {
  readonly atMs: number;
  readonly value: number;
}

export function openLoadWindow(windowMs: number): LoadWindow {
  return { windowMs, sinceMs: null, values: [] };
}

export function withValue(window: LoadWindow, newest: LoadValue): LoadWindow {
  const oldestMs = newest.atMs - window.windowMs;
  const values = [...window.values.filter(({ atMs }) => atMs > oldestMs), newest];
  return { ...window, sinceMs: window.sinceMs ?? newest.atMs - secondMs, values };
}

/**
 * Mean of the last `windowMs`; a second without a value counts as 0, but not those before the first value. 0 without values.
 * Example: 10, 20 and 30 in the last three of four seconds give 15.
 */
export function meanOver({ sinceMs, values }: LoadWindow, windowMs: number, atMs: number): number {
  if (sinceMs === null) return 0;
  const seconds = Math.max(1, Math.round(Math.min(windowMs, atMs - sinceMs) / secondMs));
  const within = values.filter((each) => each.atMs > atMs - windowMs && each.atMs <= atMs);
  return within.reduce((sum, { value }) => sum + value, 0) / seconds;
}

const secondMs = 1000;
