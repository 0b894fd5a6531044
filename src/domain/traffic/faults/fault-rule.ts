import type { RequestMatch } from '../routing/request-match.ts';

/**
 * Trouble that is made on purpose, for drills: HTTPFaultInjection of Istio (networking.istio.io/v1), with an end of its own.
 *
 * It is aimed at whoever calls, or at what lies between; so what became of such a request says nothing about the revision, and
 * is counted apart (`CountedApart`). With `isEvidence` it is the revision that is to look bad: then it counts as if the
 * instance had answered so, for gate and ejection alike.
 */
export interface FaultRule {
  /** Unique in its route, and never used again. */
  readonly id: string;
  /** Since the Unix epoch. The router ends it then by itself, whether or not anybody tells it to. */
  readonly untilMs: number;
  /** Only these requests: any match has to fit; empty: all. */
  readonly matches: readonly RequestMatch[];
  /** Only requests that this rule of the route has; absent: whatever rule. */
  readonly ruleName?: string;
  /** Only requests that are sent to this revision; absent: any. */
  readonly revisionId?: string;
  /** Only requests whose first attempt goes to this instance; absent: any. */
  readonly instanceId?: string;
  /** Before anything is sent to the instance; no timeout runs meanwhile. Absent: none. */
  readonly delay?: FaultDelay;
  /** In place of an instance's answer, after the delay if it has both. Absent: none. */
  readonly abort?: FaultAbort;
  /** Absent: no evidence. */
  readonly isEvidence?: true;
}

export interface FaultDelay {
  /** Of the requests that fit, a multiple of 0.1 in (0, 100]; taken in turn, see PercentTurns. */
  readonly percent: number;
  readonly fixedDelayMs: number;
}

export interface FaultAbort {
  /** As that of a delay, with turns of its own. */
  readonly percent: number;
  /** 400-599; `reset`: the caller's connection is reset, or its stream. */
  readonly with: number | 'reset';
}

export const faultLimits = {
  faultsPerRoute: 16,
  fixedDelayMs: 60_000,
  /** From where it is set to its end. */
  lastsMs: 3_600_000,
  idLength: 100,
} as const;
