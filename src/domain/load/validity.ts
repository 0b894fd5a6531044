/**
 * Whether a run's figures can be believed. A generator that was late, could not keep the rate, or left requests out has
 * measured itself, not the server; such a run is INVALID whatever its percentiles say.
 */
export interface RunFacts {
  readonly targetRps: number;
  /** Requests that really went out (or tried to) within the schedule's time, per second. */
  readonly achievedRps: number;
  /** Requests of the schedule that were never sent because too many were in flight. */
  readonly dropped: number;
  /** The generator's own lateness: from the intended start to handing the request to the connection pool. */
  readonly sendLagP99Ms: number;
  readonly sendLagP99LimitMs: number;
}

/** Below this share of the target rate the run did not offer the load it claims. */
export const achievedRatioMin = 0.99;

/** Empty: the run is valid. Otherwise one sentence for each reason, with its numbers. */
export function invalidityReasons(facts: RunFacts): readonly string[] {
  const reasons: string[] = [];
  if (facts.dropped > 0) {
    reasons.push(
      `${facts.dropped} requests were dropped: more were in flight than allowed (the target answers too slowly for ` +
        `${facts.targetRps} requests/s)`,
    );
  }
  if (facts.achievedRps < facts.targetRps * achievedRatioMin) {
    reasons.push(
      `only ${facts.achievedRps.toFixed(1)} of ${facts.targetRps} requests/s went out in time, below ` +
        `${achievedRatioMin * 100} %`,
    );
  }
  if (facts.sendLagP99Ms > facts.sendLagP99LimitMs) {
    reasons.push(
      `the generator itself was late by ${facts.sendLagP99Ms.toFixed(1)} ms (p99), more than ` +
        `${facts.sendLagP99LimitMs} ms`,
    );
  }
  return reasons;
}
