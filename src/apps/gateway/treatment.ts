import type { MatchedRequest } from '../../domain/traffic/routing/request-match.ts';
import type { Route } from '../../domain/traffic/routing/route-table.ts';
import {
  type ReadyRules,
  readyRules,
  ruleIndexOf,
  type RuleTimeouts,
} from '../../domain/traffic/routing/route-rules.ts';
import type { RetryPolicy } from '../../domain/traffic/resilience/traffic-policy.ts';
import type { Counters } from './counters.ts';
import { type Fault, Faults } from './fault-injection.ts';
import type { Target } from './live-revision.ts';
import { Mirror, type Shadow } from './mirror.ts';

/** How a request is dealt with beside being sent to its target. */
export interface Treatment {
  readonly timeouts: RuleTimeouts | null;
  /** Who gets a copy of it; null: nobody. */
  readonly shadow: Shadow | null;
  /** Null: as the gateway has it. */
  readonly maxBodyBytes: number | null;
  /** Null: as the route has it. */
  readonly retries: RetryPolicy | null;
  /** Null: none is injected. */
  readonly fault: Fault | null;
}

/**
 * What a route says of some of its requests, made ready once for a table. A route that says nothing has none of these, so
 * that it costs a look at a null.
 */
export class Treatments {
  readonly #rules: ReadyRules | null;
  /** By rule, made once for all its requests; null: nothing special. */
  readonly #byRule: readonly (Treatment | null)[];
  readonly #ruleNames: readonly string[];
  readonly #mirror: Mirror | null;
  readonly #faults: Faults | null;

  /** `before` is the same route's of the table before; `startRatio`: see Faults. Null: the route says nothing. */
  static of(
    route: Route,
    counters: Counters,
    startRatio: number,
    before: Treatments | null,
  ): Treatments | null {
    const { rules, mirror, faults } = route;
    if (rules === undefined && mirror === undefined && faults === undefined) return null;
    const faulty = Faults.of(route, counters, startRatio, before === null ? null : before.#faults);
    const shadows = Mirror.of(route, counters, before === null ? null : before.#mirror);
    return new Treatments(route, shadows, faulty);
  }

  private constructor({ rules }: Route, mirror: Mirror | null, faults: Faults | null) {
    this.#rules = rules === undefined ? null : readyRules(rules);
    this.#byRule = (rules ?? []).map((rule) => {
      const { timeouts = null, maxBodyBytes = null, retries = null } = rule;
      const isUsual = timeouts === null && maxBodyBytes === null && retries === null;
      return isUsual ? null : { timeouts, maxBodyBytes, retries, shadow: null, fault: null };
    });
    this.#ruleNames = (rules ?? []).map(({ name }) => name);
    this.#mirror = mirror;
    this.#faults = faults;
  }

  /** Null: nothing special. `path` has its query; `nowMs` is of `performance.now()`. */
  of(
    path: string,
    request: MatchedRequest,
    target: Pick<Target, 'revisionId' | 'endpoint'>,
    nowMs: number,
  ): Treatment | null {
    const index = this.#rules === null ? -1 : ruleIndexOf(this.#rules, path, request);
    const byRule = index < 0 ? null : (this.#byRule[index] ?? null);
    const fault = this.#fault({ path, request, target }, index, nowMs);
    // What no instance is asked is not copied either.
    const isCopied = this.#mirror !== null && (fault?.abort ?? null) === null;
    const shadow = isCopied ? this.#mirror.next(target, request) : null;
    if (shadow === null && fault === null) return byRule;
    const { timeouts = null, maxBodyBytes = null, retries = null } = byRule ?? {};
    return { timeouts, maxBodyBytes, retries, shadow, fault };
  }

  #fault({ path, request, target }: Asked, ruleIndex: number, nowMs: number): Fault | null {
    if (this.#faults === null) return null;
    const ruleName = this.#ruleNames[ruleIndex] ?? null;
    const { revisionId, endpoint } = target;
    const { instanceId } = endpoint;
    return this.#faults.next({ path, request, ruleName, revisionId, instanceId }, nowMs);
  }
}

interface Asked {
  readonly path: string;
  readonly request: MatchedRequest;
  readonly target: Pick<Target, 'revisionId' | 'endpoint'>;
}

/** Of a request's body: the smaller one of what its rule and the gateway take. */
export function bodyBytesMaxOf(treatment: Treatment | null, requestBodyBytes: number): number {
  return Math.min(treatment?.maxBodyBytes ?? Infinity, requestBodyBytes);
}
