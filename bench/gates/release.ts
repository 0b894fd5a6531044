import type { OpenRule, Rule } from './rule.ts';
import { type LatencyDetail, openStream, type Scenario } from './stream.ts';

/** When and at what cost a rule rolled a release back; counted from `badSinceMs` on. Null: it did not. */
export interface Rollback {
  /** Negative: before the candidate was bad. */
  readonly afterMs: number;
  readonly failedRequests: number;
  readonly requests: number;
}

export interface ReleaseOptions {
  readonly run: number;
  readonly tickMs: number;
  /** Of latencies: stream.ts. */
  readonly detail?: LatencyDetail;
}

/** One release under several rules, all on the same stream. Ends when all have rolled back, or the time is over. */
export function runRelease(
  scenario: Scenario,
  rules: readonly Rule[],
  { run, tickMs, detail }: ReleaseOptions,
): readonly (Rollback | null)[] {
  const next = openStream(scenario, run, tickMs, detail);
  const open: (OpenRule | null)[] = rules.map((rule) => rule.open(scenario.durationMs, run));
  const outcomes: (Rollback | null)[] = rules.map(() => null);
  const ticks = Math.round(scenario.durationMs / tickMs);
  let left = rules.length;
  let share = scenario.shareAt(0);
  let [requests, failedRequests] = [0, 0];
  for (let number = 1; number <= ticks && left > 0; number += 1) {
    const shareNow = scenario.shareAt((number - 1) * tickMs);
    if (shareNow !== share) {
      share = shareNow;
      for (const rule of open) rule?.changeStep();
    }
    const tick = next(number);
    if (tick.atMs > scenario.badSinceMs) {
      requests += tick.candidateRequests;
      failedRequests += tick.candidateFailures;
    }
    for (let index = 0; index < open.length; index += 1) {
      if (open[index]?.take(tick) !== true) continue;
      const cost = open[index]?.cost?.() ?? { failedRequests, requests };
      outcomes[index] = { ...cost, afterMs: tick.atMs - scenario.badSinceMs };
      open[index] = null;
      left -= 1;
    }
  }
  return outcomes;
}
