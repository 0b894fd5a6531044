import type { MatchedRequest } from '../../domain/traffic/request-match.ts';
import type { Route } from '../../domain/traffic/route-table.ts';
import {
  type ReadyRules,
  readyRules,
  ruleIndexOf,
  type RuleTimeouts,
} from '../../domain/traffic/route-rules.ts';

/** How a request is dealt with beside being sent to its target; made once for a table where that is the same for all. */
export interface Treatment {
  readonly timeouts: RuleTimeouts | null;
}

/**
 * What a route says of some of its requests, made ready once for a table. A route that says nothing has none of these, so
 * that it costs a look at a null.
 */
export class Treatments {
  readonly #rules: ReadyRules;
  /** By rule; null: nothing special. */
  readonly #byRule: readonly (Treatment | null)[];

  static of(route: Route): Treatments | null {
    return route.rules === undefined ? null : new Treatments(route);
  }

  private constructor({ rules = [] }: Route) {
    this.#rules = readyRules(rules);
    this.#byRule = rules.map(({ timeouts }) => (timeouts === undefined ? null : { timeouts }));
  }

  /** Null: nothing special. `target` is path and query. */
  of(target: string, request: MatchedRequest): Treatment | null {
    const index = ruleIndexOf(this.#rules, target, request);
    return index < 0 ? null : (this.#byRule[index] ?? null);
  }
}
