import type { MutualTls } from '../../domain/traffic/resilience/traffic-policy.ts';
import type { RetryBudget } from '../../domain/traffic/resilience/retry-budget.ts';
import type { ReadyRevisionMatch } from '../../domain/traffic/routing/route-choice.ts';
import type { Backend, Endpoint, Route } from '../../domain/traffic/routing/route-table.ts';
import type { Split } from '../../domain/traffic/routing/split.ts';
import type { StickyChoice } from '../../domain/traffic/routing/sticky.ts';
import { setAsides } from '../../domain/traffic/samples/traffic-sample.ts';
import type { WakeRule } from '../../domain/traffic/wake-rule.ts';
import type { EvidenceTurns } from './cache/evidence-turns.ts';
import type { RouteCache } from './cache/route-cache.ts';
import type { Counter } from './counters.ts';
import type { RouteAuthorization } from './identity/route-authorization.ts';
import type { RouteIdentity } from './identity/route-identity.ts';
import type { LimitStanding, OverLimits, RouteLimits } from './limits/route-limits.ts';
import type { LiveRevision, Target } from './live-revision.ts';
import type { Refusal } from './refusal.ts';
import type { Treatment, Treatments } from './treatment.ts';
import type { AwaitedPlace } from './waking/waiting-requests.ts';

/** Where a request goes, or why it goes nowhere. */
export type Choice =
  | {
      readonly kind: 'target';
      readonly target: Target;
      /** Of the rule that has the request, or of the route: until the answer's head. */
      readonly requestTimeoutMs: number;
      /** Null: nothing special, as of most requests. */
      readonly treatment: Treatment | null;
      /** Null: the route has no limits, as most have. */
      readonly standing: LimitStanding | null;
    }
  | OverLimits
  /** Not for whoever sent it: no token, or nothing that allows it. */
  | { readonly kind: 'unidentified'; readonly refusal: Refusal }
  /** Its revision has no instance, and is given one: WaitingRequests. */
  | { readonly kind: 'asleep'; readonly place: AwaitedPlace }
  | { readonly kind: 'unwoken'; readonly refusal: Refusal; readonly counter: Counter }
  | { readonly kind: 'no-endpoints'; readonly revisionId: string; readonly counter: Counter }
  | { readonly kind: 'unknown-host' };

/** Classes of requests that are counted apart, as indices: matched, each reason to be set aside, each stratum, `other`. */
export const matchedClass = 0;
export const firstSetAside = 1;
export const firstStratum = firstSetAside + setAsides.length;

/** A route in force with what it needs between two requests. */
export interface LiveRoute {
  readonly route: Route;
  readonly lanes: readonly Lane[];
  readonly budget: RetryBudget;
  readonly split: Split;
  readonly matches: readonly ReadyRevisionMatch[];
  /** Null: nobody stays. */
  readonly sticky: StickyChoice | null;
  readonly treatments: Treatments | null;
  /** Null: callers are not asked who they are. */
  readonly mtls: MutualTls | null;
  readonly identity: RouteIdentity | null;
  /** Null: everybody may ask everything. */
  readonly authorization: RouteAuthorization | null;
  readonly limits: RouteLimits | null;
  readonly cache: RouteCache | null;
  readonly evidenceTurns: EvidenceTurns | null;
  /** Of requests that are set aside (L2). */
  readonly setAsideSplit: Split;
  readonly votesSalt: number;
  /** Of the lane that gets everything on a preview host; null: this is no preview. */
  readonly standbyIndex: number | null;
}

/** One backend of it. */
export interface Lane {
  readonly revisionId: string;
  readonly revision: LiveRevision;
  readonly instances: readonly LaneInstance[];
  /** Null: it never sleeps. */
  readonly wake: WakeRule | null;
}

export interface LaneInstance {
  /** Among those of the revision's balance as well. */
  readonly index: number;
  readonly endpoint: Endpoint;
  readonly origin: string;
  /** By class; null: no request of it yet. */
  readonly choices: (Choice | null)[];
}

export function lanesIndex({ lanes }: LiveRoute, revisionId: string): number {
  return lanes.findIndex((lane) => lane.revisionId === revisionId);
}

export function shareOf({ revisionId, weightPercent }: Backend): {
  readonly key: string;
  readonly weightPercent: number;
} {
  return { key: revisionId, weightPercent };
}

export function revisionIn(live: LiveRoute | null, revisionId: string): LiveRevision | null {
  return live?.lanes.find((lane) => lane.revisionId === revisionId)?.revision ?? null;
}
