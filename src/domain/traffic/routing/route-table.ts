import type { HeaderMatch, StratumMatch, VoteRule } from '../../release/revision.ts';
import type { AskedFlags } from '../../flags/check-flags.ts';
import type { CachePurge } from '../../cache/cache-rule.ts';
import type { FaultRule } from '../faults/fault-rule.ts';
import type { MirrorRule } from '../mirror.ts';
import type { RequestMatch } from './request-match.ts';
import type { RouteRule } from './route-rules.ts';
import type { StickyRule } from './sticky.ts';
import type { TrafficPolicy } from '../resilience/traffic-policy.ts';
import type { WakeRule } from '../wake-rule.ts';

/** The router's whole configuration. Always pushed whole and applied atomically between two requests. */
export interface RouteTable {
  /** Grows with each change; a router never goes back to a smaller one. */
  readonly version: number;
  readonly routes: readonly Route[];
  /** What instances are told that ask for flags; absent: nobody may ask. */
  readonly flags?: readonly AskedFlags[];
}

/** One service's traffic: whose share, to which endpoints. */
export interface Route {
  readonly service: string;
  /** Matched against the Host header without its port, lower case. Unique within a table. */
  readonly host: string;
  readonly requestTimeoutMs: number;
  /** Weights are multiples of 0.1 and sum to 100. */
  readonly backends: readonly Backend[];
  /** Looked at first, in order, before the weights. */
  readonly matches: readonly RouteMatch[];
  /** Requests are counted apart by these, see `GateSettings.strata`; absent: together. */
  readonly strata?: readonly StratumMatch[];
  /** See `GateSettings.oneVotePer`; absent: every request is a vote. */
  readonly oneVotePer?: VoteRule;
  /** What holds for some requests only; absent: nothing. */
  readonly rules?: readonly RouteRule[];
  /** Who stays with a revision while weights stand; absent: nobody, each request is split anew. */
  readonly sticky?: StickyRule;
  /** Absent: the defaults of each part. */
  readonly policy?: TrafficPolicy;
  /** Who gets copies of requests; absent: nobody. */
  readonly mirror?: MirrorRule;
  /** Whose instances `preview.<host>` reaches, counted as matched; a backend of this route. Absent: there is no such host. */
  readonly previewRevisionId?: string;
  /** Trouble made on purpose; absent: none. */
  readonly faults?: readonly FaultRule[];
  /** Stored answers that were asked to be removed, in order of time; absent: none. */
  readonly cachePurges?: readonly CachePurge[];
}

export interface Backend {
  readonly revisionId: string;
  readonly weightPercent: number;
  /** Ready instances. Empty: this backend's share is answered with 503, as Gateway API says, or waits by `wake`. */
  readonly endpoints: readonly Endpoint[];
  /** Where there is no endpoint, requests wait for one; absent: they do not. */
  readonly wake?: WakeRule;
}

/** What sends a request to a revision whatever the weights are: one header, or all that the Gateway API has. */
export type RouteMatch =
  | { readonly header: HeaderMatch; readonly revisionId: string }
  | { readonly match: RequestMatch; readonly revisionId: string };

export interface Endpoint {
  readonly instanceId: string;
  readonly host: string;
  readonly port: number;
  /** Where it runs, as `--zone` of a gateway; absent: not known. */
  readonly zone?: string;
  /** What it speaks; absent: HTTP/1.1. */
  readonly appProtocol?: AppProtocol;
  /** Whose certificate it shows: a SPIFFE identifier. There if it speaks https, and only then. */
  readonly identity?: string;
}

/**
 * HTTP/2 without TLS, by prior knowledge: the word of Kubernetes (KEP-3726), which Gateway API takes over for backends (GEP-1911).
 */
export const h2c = 'kubernetes.io/h2c';
/** HTTP/1.1 over mutual TLS: IANA's name of the service, as in Kubernetes. */
export const https = 'https';
export type AppProtocol = typeof h2c | typeof https;
