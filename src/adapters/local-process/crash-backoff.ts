import type { LocalProcessSettings } from './settings.ts';

/**
 * Pause before the restart after the `crashesInARow`-th crash (>= 1): first * 2^(n-1), at most the maximum.
 * With 1 s and 30 s: 1, 2, 4, 8, 16, 30, 30 ... seconds.
 */
export function backoffMs(crashesInARow: number, settings: LocalProcessSettings): number {
  return Math.min(settings.backoffFirstMs * 2 ** (crashesInARow - 1), settings.backoffMaxMs);
}

/** A good life ends the row: the crash after it is the first of a new one. */
export function crashesAfter(
  crashesInARow: number,
  livedMs: number,
  settings: LocalProcessSettings,
): number {
  return livedMs >= settings.goodLifeMs ? 1 : crashesInARow + 1;
}
