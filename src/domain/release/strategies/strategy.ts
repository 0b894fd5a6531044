import type { InstanceAmount } from '../../scaling/rolling-update.ts';
import { listText, percentText, secondsText } from '../wording/amount-text.ts';

/** How a candidate takes stable's place, where that is not by a canary's steps. */
export type Strategy = BlueGreen | Rolling | Recreate;

/** Instance by instance, each taking its part of the traffic as soon as it serves. */
export interface Rolling {
  readonly kind: 'rolling';
  readonly maxSurge: InstanceAmount;
  readonly maxUnavailable: InstanceAmount;
  /** Without any progress for so long it goes back. */
  readonly progressDeadlineMs: number;
}

/** All of stable stop before the first of the candidate starts. */
export interface Recreate {
  readonly kind: 'recreate';
  readonly progressDeadlineMs: number;
}

/**
 * The candidate is brought up beside stable, is checked on its preview address, and gets all traffic in one switch.
 */
export interface BlueGreen {
  readonly kind: 'blue-green';
  /** How many instances stand by while they are checked, >= 1; before the switch there are as many as the revision has. */
  readonly standbyInstances: number;
  /** Requests whose answers nobody judges; null: none. */
  readonly warmUp: { readonly path: string; readonly requests: number } | null;
  /** All have to pass, in order. */
  readonly checks: readonly SmokeCheck[];
  /** Null: none. */
  readonly load: LoadCheck | null;
  /** Warm-up and checks together take at most this long. */
  readonly withinMs: number;
}

/** One request and what its answer has to be. */
export interface SmokeCheck {
  /** Unique in the plan. */
  readonly name: string;
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** Names are in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Null: the request has none. */
  readonly body: string | null;
  readonly status: number;
  /** A text that the body has to hold; null: any body does. */
  readonly contains: string | null;
  readonly timeoutMs: number;
}

/** Load that the standby has to bear before users come. */
export interface LoadCheck {
  readonly path: string;
  readonly requestsPerSecond: number;
  readonly durationMs: number;
  /** Of the requests, in [0, 1): answers 4xx and 5xx, and none at all. */
  readonly failureRatioMax: number;
  /** Null: no limit. */
  readonly p95LimitMs: number | null;
}

/** What the checks saw; judged by the decider, so that a replay judges the same. */
export type StandbyReport =
  | {
      readonly kind: 'seen';
      /** How many of the warm-up's requests had an answer. */
      readonly warmUpAnswers: number;
      /** In the plan's order, up to the first that failed. */
      readonly checks: readonly SeenCheck[];
      /** Null: there was none, or a check before it failed. */
      readonly load: SeenLoad | null;
    }
  /** The checks could not be made, and that is not the standby's fault. */
  | { readonly kind: 'not-made'; readonly message: string };

export interface SeenCheck {
  readonly name: string;
  /** Null: no answer. */
  readonly status: number | null;
  /** Whether the body held the text; true where none is wanted. */
  readonly isTextThere: boolean;
  /** Why there was no answer, or not all of it; null: there was. */
  readonly error: string | null;
  readonly tookMs: number;
}

export interface SeenLoad {
  readonly requests: number;
  readonly failures: number;
  readonly p95Ms: number;
  /** Why the load itself was not what was wanted; empty: it was. */
  readonly invalidBecause: readonly string[];
}

export type StandbyVerdict =
  | { readonly kind: 'pass' | 'fail'; readonly sentence: string }
  /** To be checked again. */
  | { readonly kind: 'undecided'; readonly sentence: string };

/** Whether what was seen is what the plan wants. A load that could not be made is no fault of the standby. */
export function judgeStandby(plan: BlueGreen, report: StandbyReport): StandbyVerdict {
  if (report.kind === 'not-made') {
    return { kind: 'undecided', sentence: `the checks could not be made: ${report.message}` };
  }
  for (const check of plan.checks) {
    const problem = problemOf(
      check,
      report.checks.find(({ name }) => name === check.name),
    );
    if (problem !== null) return { kind: 'fail', sentence: `check ${check.name} ${problem}` };
  }
  const passed = passedText(plan, report);
  const { load } = plan;
  if (load === null) return { kind: 'pass', sentence: passed };
  return judgeLoad(load, report.load, passed);
}

function judgeLoad(load: LoadCheck, seen: SeenLoad | null, passed: string): StandbyVerdict {
  if (seen === null || seen.requests === 0) {
    return { kind: 'undecided', sentence: 'the load check sent no request' };
  }
  const { requests, failures, p95Ms, invalidBecause } = seen;
  const most = percentText(100 * load.failureRatioMax);
  const found = `${failures} of ${requests} requests failed under load (at most ${most} may), p95 ${secondsText(p95Ms)}`;
  if (failures / requests > load.failureRatioMax) return { kind: 'fail', sentence: found };
  const limitMs = load.p95LimitMs;
  const isSlow = limitMs !== null && p95Ms > limitMs;
  // A generator that was late makes answers look late; it never makes them look right.
  if (invalidBecause.length > 0) {
    const why = listText(invalidBecause);
    return { kind: 'undecided', sentence: `the load was not what was wanted: ${why}` };
  }
  if (isSlow) {
    return { kind: 'fail', sentence: `${found}, over the ${secondsText(limitMs)} allowed` };
  }
  const text = [passed, found].filter((each) => each !== nothingAsked).join('; ');
  return { kind: 'pass', sentence: text };
}

const nothingAsked = 'no check was asked for';

function passedText({ checks }: BlueGreen, report: { readonly warmUpAnswers: number }): string {
  const warm = report.warmUpAnswers === 0 ? [] : [`warmed by ${report.warmUpAnswers} requests`];
  const names = checks.map(({ name }) => name);
  const passed = names.length === 0 ? [] : [`${listText(names)} passed`];
  return [...warm, ...passed].join('; ') || nothingAsked;
}

/** Null: it passed. */
function problemOf(check: SmokeCheck, seen: SeenCheck | undefined): string | null {
  if (seen === undefined) return 'was not made';
  const what = `${check.method} ${check.path}`;
  if (seen.status === null) return `had no answer to ${what}: ${seen.error ?? 'unknown'}`;
  if (seen.status !== check.status) {
    return `had ${seen.status} to ${what}, not ${check.status}, after ${secondsText(seen.tookMs)}`;
  }
  if (seen.error !== null) return `had no whole answer to ${what}: ${seen.error}`;
  if (!seen.isTextThere)
    return `had an answer to ${what} without ${JSON.stringify(check.contains)}`;
  return null;
}
