import type { RevisionFlags } from '../flags/flag.ts';
import type { MirrorRule } from '../traffic/mirror.ts';
import type { RequestMatch } from '../traffic/routing/request-match.ts';
import type { RouteRule } from '../traffic/routing/route-rules.ts';
import type { StickyRule } from '../traffic/routing/sticky.ts';
import type { TrafficPolicy } from '../traffic/resilience/traffic-policy.ts';
import type { HeaderMatch, Revision, StratumMatch, VoteRule } from './revision.ts';
import type { BlueGreen } from './strategies/strategy.ts';

/**
 * Something to be done in the world, as plain data. Each effect names a wanted state, so doing it twice changes nothing;
 * `key` names the record that ordered it and comes back in the outcome event.
 */
export type Effect =
  | {
      readonly kind: 'ensure-instances';
      readonly key: string;
      readonly revision: Revision;
      readonly count: number;
    }
  /** Have `count` instances running and this one not among them; nothing is sent to it before it stops. */
  | {
      readonly kind: 'replace-instance';
      readonly key: string;
      readonly revision: Revision;
      readonly count: number;
      /** How many are wanted, where `count` has one more of them for a while; absent: `count`. */
      readonly wanted?: number;
      readonly instanceId: string;
    }
  | { readonly kind: 'stop-instances'; readonly key: string; readonly revision: Revision }
  /** Warm the standby and check it on its preview address; what was seen comes back as an event of its own. */
  | {
      readonly kind: 'check-standby';
      readonly key: string;
      readonly revision: Revision;
      readonly host: string;
      readonly plan: BlueGreen;
    }
  | { readonly kind: 'set-traffic'; readonly key: string; readonly traffic: Traffic };

/** One service's wanted traffic. */
export interface Traffic {
  readonly service: string;
  readonly host: string;
  readonly requestTimeoutMs: number;
  /** Weights sum to 100; empty: the service has no route. */
  readonly shares: readonly Share[];
  /** Requests with this header go to the candidate whatever its weight. */
  readonly match: HeaderMatch | null;
  readonly matchRevisionId: string | null;
  /** The standby that can be reached on the preview address; absent: there is none. */
  readonly previewRevisionId?: string;
  /** As `match`: requests that go to `matchRevisionId`; absent: none. */
  readonly matches?: readonly RequestMatch[];
  readonly rules?: readonly RouteRule[];
  /** Only while two revisions share the traffic. */
  readonly sticky?: StickyRule;
  readonly mirror?: MirrorRule;
  readonly policy?: TrafficPolicy;
  /** What instances of each revision see when they ask for flags; absent: none has any. */
  readonly flags?: readonly RevisionFlags[];
  /** How the router counts, see GateSettings; only while a rollout is judged by it. */
  readonly strata?: readonly StratumMatch[];
  readonly oneVotePer?: VoteRule;
}

export interface Share {
  readonly revisionId: string;
  readonly weightPercent: number;
}
