import {
  isMatch,
  type MatchedRequest,
  pathEndOf,
  type ReadyMatch,
  readyMatch,
  type RequestMatch,
  everyPath,
} from './request-match.ts';
import type { JwtRule } from '../jwt-rule.ts';
import type { RateLimit } from '../limits/rate-limit.ts';
import type { RetryPolicy } from '../resilience/traffic-policy.ts';

/**
 * What holds for some requests of a service. Which revision gets a request is not a rule's to say: that is the rollout's.
 */
export interface RouteRule {
  /** Unique in its route. */
  readonly name: string;
  /** Any of them has to fit; empty: every request does. */
  readonly matches: readonly RequestMatch[];
  readonly timeouts?: RuleTimeouts;
  /** Of a request, without its framing; absent: as the router has it. */
  readonly maxBodyBytes?: number;
  /** In place of the route's own (HTTPRouteRetry of the Gateway API); they spend the same budget. */
  readonly retries?: RetryPolicy;
  /** Beside the route's own. */
  readonly rateLimits?: readonly RateLimit[];
  /** In place of the route's own. */
  readonly jwt?: JwtRule;
}

/** In ms; absent: as the route has it. HTTPRouteTimeouts of the Gateway API, and `idleMs`. */
export interface RuleTimeouts {
  /** From the request's head to the last octet of its answer, all attempts together; takes the place of the route's own timeout. */
  readonly requestMs?: number;
  /** Of one attempt: until its whole answer is there. */
  readonly backendRequestMs?: number;
  /** While an instance owes octets of an answer: how long none may come. */
  readonly idleMs?: number;
}

/** The rules of one route, their matches in the order in which they are asked. */
export interface ReadyRules {
  readonly matches: readonly ReadyMatch[];
  /** Of each match: the index of its rule. */
  readonly ruleIndexes: readonly number[];
}

/**
 * Orders the matches of all rules as HTTPRouteRule says: an exact path, then the longest prefix, then a method, then most
 * headers, then most query parameters, then the order in which they are written. Cookies count as headers.
 */
export function readyRules(rules: readonly RouteRule[]): ReadyRules {
  const placed = rules.flatMap(({ matches }, ruleIndex) => {
    const all = matches.length === 0 ? [everyRequest] : matches;
    return all.map((match) => ({ match: readyMatch(match), ruleIndex }));
  });
  // The sort is stable, so what is equal stays in the order in which it is written.
  const sorted = placed.toSorted((a, b) => precedence(a.match, b.match));
  return {
    matches: sorted.map(({ match }) => match),
    ruleIndexes: sorted.map(({ ruleIndex }) => ruleIndex),
  };
}

/** Index of the rule that has this request, or -1. `target` is path and query. */
export function ruleIndexOf(rules: ReadyRules, target: string, request: MatchedRequest): number {
  const pathEnd = pathEndOf(target);
  for (let index = 0; index < rules.matches.length; index += 1) {
    const match = rules.matches[index];
    if (match !== undefined && isMatch(match, target, pathEnd, request)) {
      return rules.ruleIndexes[index] ?? -1;
    }
  }
  return -1;
}

const everyRequest: RequestMatch = {
  path: everyPath,
  method: null,
  headers: [],
  queryParams: [],
  cookies: [],
};

/** Negative: `a` is asked before `b`. */
function precedence(a: ReadyMatch, b: ReadyMatch): number {
  if (a.isExact !== b.isExact) return a.isExact ? -1 : 1;
  if (!a.isExact && a.path.length !== b.path.length) return b.path.length - a.path.length;
  if ((a.method === null) !== (b.method === null)) return a.method === null ? 1 : -1;
  const headers = b.headers.length + b.cookies.length - a.headers.length - a.cookies.length;
  return headers === 0 ? b.queryParams.length - a.queryParams.length : headers;
}
