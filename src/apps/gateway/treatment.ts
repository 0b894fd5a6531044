import type { MatchedRequest } from '../../domain/traffic/request-match.ts';
import type { Route } from '../../domain/traffic/route-table.ts';
import {
  type ReadyRules,
  readyRules,
  ruleIndexOf,
  type RuleTimeouts,
} from '../../domain/traffic/route-rules.ts';
import type { Counters } from './counters.ts';
import type { Target } from './live-revision.ts';
import { Mirror, type Shadow } from './mirror.ts';

/** How a request is dealt with beside being sent to its target. */
export interface Treatment {
  readonly timeouts: RuleTimeouts | null;
  /** Who gets a copy of it; null: nobody. */
  readonly shadow: Shadow | null;
  /** Null: as the gateway has it. */
  readonly maxBodyBytes: number | null;
}

/**
 * What a route says of some of its requests, made ready once for a table. A route that says nothing has none of these, so
 * that it costs a look at a null.
 */
export class Treatments {
  readonly #rules: ReadyRules | null;
  /** By rule, made once for all its requests; null: nothing special. */
  readonly #byRule: readonly (Treatment | null)[];
  readonly #mirror: Mirror | null;

  /** `before` is the same route's of the table before. Null: the route says nothing. */
  static of(route: Route, counters: Counters, before: Treatments | null): Treatments | null {
    if (route.rules === undefined && route.mirror === undefined) return null;
    return new Treatments(route, counters, before);
  }

  private constructor(route: Route, counters: Counters, before: Treatments | null) {
    const { rules } = route;
    this.#rules = rules === undefined ? null : readyRules(rules);
    this.#byRule = (rules ?? []).map(({ timeouts = null, maxBodyBytes = null }) => {
      const isUsual = timeouts === null && maxBodyBytes === null;
      return isUsual ? null : { timeouts, maxBodyBytes, shadow: null };
    });
    this.#mirror = Mirror.of(route, counters, before === null ? null : before.#mirror);
  }

  /** Null: nothing special. `path` has its query. */
  of(path: string, request: MatchedRequest, target: Pick<Target, 'revisionId'>): Treatment | null {
    const index = this.#rules === null ? -1 : ruleIndexOf(this.#rules, path, request);
    const byRule = index < 0 ? null : (this.#byRule[index] ?? null);
    const shadow = this.#mirror === null ? null : this.#mirror.next(target, request);
    if (shadow === null) return byRule;
    const { timeouts = null, maxBodyBytes = null } = byRule ?? {};
    return { timeouts, maxBodyBytes, shadow };
  }
}

/** Of a request's body: the smaller one of what its rule and the gateway take. */
export function bodyBytesMaxOf(treatment: Treatment | null, requestBodyBytes: number): number {
  return Math.min(treatment?.maxBodyBytes ?? Infinity, requestBodyBytes);
}
