import type { FaultAbort, FaultRule } from './fault-rule.ts';
import { PercentTurns } from '../percent-turns.ts';
import {
  isMatch,
  type MatchedRequest,
  pathEndOf,
  type ReadyMatch,
  readyMatch,
} from '../routing/request-match.ts';

/** Of a request, what decides whether a fault is injected into it. */
export interface FaultedRequest {
  /** Path and query. */
  readonly path: string;
  readonly request: MatchedRequest;
  /** The rule that has it; null: none. */
  readonly ruleName: string | null;
  readonly revisionId: string;
  readonly instanceId: string;
}

/** What is done to one request. */
export interface Injection {
  /** Null: nothing; it is only counted apart (F3). */
  readonly fault: FaultRule | null;
  /** 0: none. */
  readonly delayMs: number;
  readonly abort: FaultAbort['with'] | null;
}

/**
 * The faults of one route, made ready for a table, and whose turn it is.
 *
 * - F1. A fault is over at its end, on a clock that does not go back; another table can end it sooner and never later.
 * - F2. Percentages are of the requests that fit, exact over short runs, for each revision (or instance) by itself.
 * - F3. While a fault is limited to a revision or an instance, as many requests of the others are counted apart, so that the
 *   requests that remain as evidence are of the same kinds on both sides.
 * - F4. A request has one fault at most: the first that fits it.
 */
export class FaultTurns {
  readonly #faults: readonly LiveFault[];

  /** `endMsOf` on the clock of `next`. `startRatio` in [0, 1): where turns begin, so that of several processes not all are late. */
  constructor(
    rules: readonly FaultRule[],
    endMsOf: (rule: FaultRule) => number,
    startRatio: number,
    before: FaultTurns | null,
  ) {
    this.#faults = rules.map((rule) => {
      const known =
        before === null ? undefined : before.#faults.find((each) => each.rule.id === rule.id);
      return {
        rule,
        endMs: Math.min(endMsOf(rule), known?.endMs ?? Infinity),
        matches: rule.matches.map(readyMatch),
        startRatio,
        turns: known?.turns ?? new Map<string, Turns>(),
      };
    });
  }

  /** Null: nothing. */
  next(asked: FaultedRequest, nowMs: number): Injection | null {
    let isApart = false;
    for (const fault of this.#faults) {
      if (nowMs >= fault.endMs || !isMeant(fault, asked)) continue;
      const injection = turnOf(fault, asked);
      if (isAimedAt(fault.rule, asked)) return injection ?? (isApart ? onlyApart : null);
      isApart ||= injection !== null && fault.rule.isEvidence !== true;
    }
    return isApart ? onlyApart : null;
  }
}

const onlyApart: Injection = { fault: null, delayMs: 0, abort: null };

interface LiveFault {
  readonly rule: FaultRule;
  readonly endMs: number;
  readonly matches: readonly ReadyMatch[];
  readonly startRatio: number;
  /** By revision, or by instance if the fault is aimed at one. They go on over tables. */
  readonly turns: Map<string, Turns>;
}

interface Turns {
  readonly delay: PercentTurns | null;
  readonly abort: PercentTurns | null;
}

/** Whether the fault is about such requests, wherever they go. */
function isMeant({ rule, matches }: LiveFault, asked: FaultedRequest): boolean {
  if (rule.ruleName !== undefined && rule.ruleName !== asked.ruleName) return false;
  if (matches.length === 0) return true;
  const pathEnd = pathEndOf(asked.path);
  return matches.some((match) => isMatch(match, asked.path, pathEnd, asked.request));
}

function isAimedAt(rule: FaultRule, { revisionId, instanceId }: FaultedRequest): boolean {
  if (rule.revisionId !== undefined && rule.revisionId !== revisionId) return false;
  return rule.instanceId === undefined || rule.instanceId === instanceId;
}

function turnOf(fault: LiveFault, asked: FaultedRequest): Injection | null {
  const { rule, startRatio } = fault;
  const { delay, abort } = rule;
  const key = rule.instanceId === undefined ? asked.revisionId : asked.instanceId;
  let turns = fault.turns.get(key);
  if (turns === undefined) {
    turns = {
      delay: delay === undefined ? null : new PercentTurns(delay.percent, null, startRatio),
      abort: abort === undefined ? null : new PercentTurns(abort.percent, null, startRatio),
    };
    fault.turns.set(key, turns);
  }
  const isDelayed = turns.delay?.next() === true;
  const isAborted = turns.abort?.next() === true;
  if (!isDelayed && !isAborted) return null;
  return {
    fault: rule,
    delayMs: isDelayed ? (delay?.fixedDelayMs ?? 0) : 0,
    abort: isAborted ? (abort?.with ?? null) : null,
  };
}
