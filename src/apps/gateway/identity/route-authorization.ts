import type { AuthorizationAction } from '../../../domain/authorization/authorization.ts';
import {
  type AccessCaller,
  type AccessDecision,
  ReadyAuthorization,
} from '../../../domain/authorization/decide-access.ts';
import { principalOf } from '../../../domain/authorization/explain-access.ts';
import type { Route } from '../../../domain/traffic/routing/route-table.ts';
import type { RoutedRequest } from '../live-routes.ts';
import type { AccessCounts } from '../metrics/access-counts.ts';
import type { Refusal } from '../refusal.ts';
import { peerIdentityOf } from './caller-peer.ts';

/** What operators are told of a request that was refused, or would be; callers never. */
export interface AccessNote {
  readonly mode: 'enforce' | 'audit';
  /** Which decided; null: no rule allowed it. */
  readonly rule: string | null;
}

/** What became of a request; null as a whole: it may go on, and nothing is to be told. */
type AccessOutcome =
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly kind: 'audited'; readonly note: AccessNote };

/** Which requests of a route may be served at all, by who sends them. Made once for a table. */
export class RouteAuthorization {
  readonly #service: string;
  readonly #ready: ReadyAuthorization;
  readonly #counts: AccessCounts;
  /** By the rule's name; '' of no rule. */
  readonly #outcomes = new Map<string, AccessOutcome>();

  /** Null: everybody may ask everything. */
  static of({ service, policy }: Route, counts: AccessCounts): RouteAuthorization | null {
    if (policy?.authorization === undefined) return null;
    return new RouteAuthorization(service, new ReadyAuthorization(policy.authorization), counts);
  }

  private constructor(service: string, ready: ReadyAuthorization, counts: AccessCounts) {
    this.#service = service;
    this.#ready = ready;
    this.#counts = counts;
  }

  /** Whether `claims` are looked at. */
  get goesByClaims(): boolean {
    return this.#ready.goesByClaims;
  }

  /** `claims` of its token, if it has one that was checked. Counts it. */
  outcome(
    target: string,
    request: RoutedRequest,
    claims: ReadonlyMap<string, readonly string[]> | null,
  ): AccessOutcome | null {
    const { method = '' } = request;
    const decision = this.#ready.decide({ caller: callerOf(request), method, target, claims });
    this.#counts.count(this.#service, this.#ready.mode, actionOf(decision));
    return decision.isAllowed ? null : this.#outcomeOf(decision.rule?.name ?? null);
  }

  #outcomeOf(rule: string | null): AccessOutcome {
    const known = this.#outcomes.get(rule ?? '');
    if (known !== undefined) return known;
    const { mode } = this.#ready;
    const note: AccessNote = { mode, rule };
    const outcome: AccessOutcome =
      mode === 'audit'
        ? { kind: 'audited', note }
        : { kind: 'refused', refusal: { ...forbidden, access: note } };
    this.#outcomes.set(rule ?? '', outcome);
    return outcome;
  }
}

/** The same whether a rule denied it or none allowed it: what rules there are is not a caller's to learn. */
const forbidden = {
  status: 403,
  reason: 'forbidden',
  detail: 'no rule of the service allows this request',
} as const;

function actionOf({ isAllowed, rule }: AccessDecision): AuthorizationAction | 'none' {
  if (rule === null) return 'none';
  return isAllowed ? 'ALLOW' : 'DENY';
}

function callerOf(request: RoutedRequest): AccessCaller {
  return {
    ...principalOf(peerIdentityOf(request)),
    address: request.socket.remoteAddress ?? '',
  };
}
