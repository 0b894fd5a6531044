/**
 * Who may ask what of a service, in the words of Istio's AuthorizationPolicy (security.istio.io/v1) as far as they fit. A DENY rule that
 * fits goes before every ALLOW rule; what no ALLOW rule fits is refused, also where there is no rule at all.
 */
export interface Authorization {
  /** `audit`: nothing is refused; what would be is told. */
  readonly mode: AuthorizationMode;
  readonly rules: readonly AuthorizationRule[];
}

export type AuthorizationMode = (typeof authorizationModes)[number];
export const authorizationModes = ['enforce', 'audit'] as const;

/** All parts have to fit. */
export interface AuthorizationRule {
  /** Unique in its service. */
  readonly name: string;
  readonly action: AuthorizationAction;
  /** Any of them; empty: everybody, known or not. */
  readonly from: readonly AuthorizationSource[];
  /** Any of them; empty: everything. */
  readonly to: readonly AuthorizationOperation[];
  /** Each of them. */
  readonly when: readonly ClaimCondition[];
  /** Where it is written, as `shop.yaml:12:9`; absent: not known. */
  readonly place?: string;
}

export type AuthorizationAction = (typeof authorizationActions)[number];
export const authorizationActions = ['ALLOW', 'DENY'] as const;

/** All lists that are not empty have to fit, each by one of its values. */
export interface AuthorizationSource {
  /**
   * SPIFFE ids without their scheme, as Istio writes them: `shop.example/ns/default/sa/web`. A `*` at the end or at the beginning
   * stands for anything, and alone for everybody who is known.
   */
  readonly principals: readonly string[];
  /** Of the principal; `*` as in principals. */
  readonly namespaces: readonly string[];
  /** Addresses and blocks of the connection's other end (RFC 4632, RFC 4291 section 2.3). */
  readonly ipBlocks: readonly string[];
}

/** All lists that are not empty have to fit, each by one of its values. */
export interface AuthorizationOperation {
  /** As on the wire. */
  readonly methods: readonly string[];
  /** `/a` alone, `/a/*` with all below it by whole elements, `*` for every path; see path-pattern.ts. */
  readonly paths: readonly string[];
}

/** The claim of a checked token is one of the values, or a list that has one of them. Without a token it is none. */
export interface ClaimCondition {
  readonly claim: string;
  readonly values: readonly string[];
}

/** Bounds of what one service may declare, and a gateway takes. */
export const authorizationLimits = {
  rules: 64,
  /** Of `from`, of `to` and of `when`. */
  parts: 16,
  values: 64,
  textLength: 1024,
  placeLength: 4500,
} as const;
