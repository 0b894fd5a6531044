import type { HeaderMatch, StratumMatch, VoteRule } from '../release/revision.ts';

/** The router's whole configuration. Always pushed whole and applied atomically between two requests. */
export interface RouteTable {
  /** Grows with each change; a router never goes back to a smaller one. */
  readonly version: number;
  readonly routes: readonly Route[];
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
}

export interface Backend {
  readonly revisionId: string;
  readonly weightPercent: number;
  /** Ready instances. Empty: this backend's share is answered with 503, as Gateway API says. */
  readonly endpoints: readonly Endpoint[];
}

export interface RouteMatch {
  readonly header: HeaderMatch;
  readonly revisionId: string;
}

export interface Endpoint {
  readonly instanceId: string;
  readonly host: string;
  readonly port: number;
}
