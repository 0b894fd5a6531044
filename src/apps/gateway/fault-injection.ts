import type { FaultRule } from '../../domain/traffic/faults/fault-rule.ts';
import { faultLimits } from '../../domain/traffic/faults/fault-rule.ts';
import { type FaultedRequest, FaultTurns } from '../../domain/traffic/faults/fault-turns.ts';
import { outcomeOf } from '../../domain/traffic/resilience/instance-health.ts';
import type { Route } from '../../domain/traffic/routing/route-table.ts';
import { type Counter, type Counters, noAnswer } from './counters.ts';
import { beginAttempt, endAttempt, type Target } from './live-revision.ts';
import type { Refusal } from './refusal.ts';

/** What is done to one request on purpose. */
export interface Fault {
  /** Null: nothing is done, it is only counted apart. */
  readonly rule: FaultRule | null;
  /** 0: none. */
  readonly delayMs: number;
  /** A status, or a reset; null: an instance answers. */
  readonly abort: number | 'reset' | null;
  /** Where it is counted in place of its target's counter; null: there. */
  readonly counter: Counter | null;
}

/**
 * The faults of one route while a table is in force. A fault ends here, by this process's own clock, whatever has become of
 * those who wanted it; and none lasts longer than `faultLimits.lastsMs` from where this process first had it.
 */
export class Faults {
  readonly #service: string;
  readonly #counters: Counters;
  readonly #turns: FaultTurns;

  /** `before` is the same route's of the table before; `startRatio`: see FaultTurns. Null: nothing is wanted. */
  static of(
    { service, faults }: Route,
    counters: Counters,
    startRatio: number,
    before: Faults | null,
  ): Faults | null {
    if (faults === undefined || faults.length === 0) return null;
    const turns = new FaultTurns(
      faults,
      endMsOf,
      startRatio,
      before === null ? null : before.#turns,
    );
    return new Faults(service, counters, turns);
  }

  private constructor(service: string, counters: Counters, turns: FaultTurns) {
    this.#service = service;
    this.#counters = counters;
    this.#turns = turns;
  }

  /** Null: nothing. `nowMs` of `performance.now()`. */
  next(asked: FaultedRequest, nowMs: number): Fault | null {
    const injection = this.#turns.next(asked, nowMs);
    if (injection === null) return null;
    const { fault: rule, delayMs, abort } = injection;
    const counter = rule?.isEvidence === true ? null : this.#counterOf(asked);
    return { rule, delayMs, abort, counter };
  }

  #counterOf({ revisionId, instanceId }: FaultedRequest): Counter {
    const key = { service: this.#service, revisionId, instanceId };
    return this.#counters.counter({ ...key, isMatched: false, stratum: null, setAside: 'fault' });
  }
}

/** On the clock of `performance.now()`, which does not go back when somebody sets the machine's. */
function endMsOf({ untilMs }: FaultRule): number {
  return performance.now() + Math.min(untilMs - Date.now(), faultLimits.lastsMs);
}

/** What a caller is told in place of an instance's answer. */
export function faultRefusal(status: number, rule: FaultRule | null): Refusal {
  const detail = `fault ${rule?.id ?? ''} was injected on purpose; no instance was asked`;
  return { status, reason: 'fault-injected', detail };
}

/** An abort ends its request: on the fault's counter, or as if the instance had answered so. `startedMs`: the request's head. */
export function countAbort(target: Target, { abort, rule }: Fault, startedMs: number): void {
  if (abort === null) return;
  const nowMs = performance.now();
  const isReset = abort === 'reset';
  const statusClass = isReset ? noAnswer : Math.floor(abort / 100) - 1;
  target.counter.count(statusClass, (nowMs - startedMs) * 1000);
  if (rule?.isEvidence !== true) return;
  beginAttempt(target);
  const outcome = isReset ? 'gateway-error' : outcomeOf(abort);
  endAttempt(target, { outcome, startedMs, nowMs });
}
