import type { BlueGreen, StandbyReport } from '../domain/release/strategies/strategy.ts';

/**
 * Warms a standby and looks how it answers, on the preview address of its host.
 *
 * - Changes nothing but what its requests change; making the checks again is harmless as far as the requests are.
 * - Bounded: it ends within `plan.withinMs`, what is missing then counts as no answer.
 * - Never rejects for what the standby does, and not for its own troubles either: these are `not-made`. Rejects when aborted.
 * - Judges nothing: who decides has to be able to decide the same again.
 */
export interface StandbyChecker {
  check(
    standby: { readonly host: string; readonly plan: BlueGreen },
    signal: AbortSignal,
  ): Promise<StandbyReport>;
}
