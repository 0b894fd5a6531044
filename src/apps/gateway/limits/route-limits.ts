import { createHash } from 'node:crypto';
import { addressGroup } from '../../../domain/traffic/limits/address-group.ts';
import {
  type BucketShape,
  policyItem,
  type RateLimit,
  secondsUp,
  shapeOf,
  standingItem,
} from '../../../domain/traffic/limits/rate-limit.ts';
import {
  type ReadyRules,
  readyRules,
  ruleIndexOf,
} from '../../../domain/traffic/routing/route-rules.ts';
import type { Backend, Route } from '../../../domain/traffic/routing/route-table.ts';
import type { RoutedRequest } from '../live-routes.ts';
import type { BucketKey } from '../../../domain/traffic/limits/token-loan.ts';
import type { Buckets } from './buckets.ts';

/** What callers are told of their limits: values of RateLimit-Policy and RateLimit. */
export interface LimitStanding {
  readonly policy: string;
  readonly standing: string;
}

/** The request is one too many. */
export interface OverLimits {
  readonly kind: 'over-limits';
  readonly service: string;
  /** Names of the limits that it is beyond. */
  readonly limits: readonly string[];
  /** >= 1. */
  readonly retryAfterSeconds: number;
  readonly told: LimitStanding;
}

/**
 * The limits of one route while a table is in force. A request is asked about twice, before and after its revision is chosen,
 * with nothing between; a token is taken from all of its buckets or from none, so that who is refused by one limit does not use
 * up another.
 *
 * Why before: a request that is refused must not take a turn of the split, or callers beyond their limit would
 * decide who gets what share of the rest.
 */
export class RouteLimits {
  readonly #service: string;
  readonly #buckets: Buckets;
  readonly #rules: ReadyRules | null;
  readonly #ofRoute: readonly ReadyLimit[];
  readonly #byRule: readonly (readonly ReadyLimit[])[];
  readonly #instances: ReadonlyMap<string, number>;
  /** Of the request that is asked about now. */
  #asked: Asked[] = [];

  /** Null: the route has none. */
  static of(route: Route, buckets: Buckets): RouteLimits | null {
    const { policy, rules = [] } = route;
    const isLimited =
      policy?.rateLimits !== undefined || rules.some(({ rateLimits }) => rateLimits !== undefined);
    return isLimited ? new RouteLimits(route, buckets) : null;
  }

  private constructor({ service, policy, rules = [], backends }: Route, buckets: Buckets) {
    this.#service = service;
    this.#buckets = buckets;
    this.#ofRoute = (policy?.rateLimits ?? []).map((limit) => ready(service, '', limit));
    this.#byRule = rules.map(({ name, rateLimits = [] }) =>
      rateLimits.map((limit) => ready(service, name, limit)),
    );
    this.#rules = this.#byRule.some((limits) => limits.length > 0) ? readyRules(rules) : null;
    this.#instances = new Map(backends.map(instancesOf));
  }

  /** Null: none that is known before the revision is. `path` has its query; `nowMs` of `performance.now()`. */
  before(path: string, request: LimitedRequest, nowMs: number): OverLimits | null {
    this.#asked = [];
    const ruleIndex = this.#rules === null ? -1 : ruleIndexOf(this.#rules, path, request);
    for (const ready of this.#ofRoute) this.#ask(ready, request, nowMs);
    for (const ready of this.#byRule[ruleIndex] ?? []) this.#ask(ready, request, nowMs);
    return this.#overLimits();
  }

  /** Takes the tokens. Null: no limit is for this request. */
  after(revisionId: string, nowMs: number): OverLimits | LimitStanding | null {
    if (this.#asked.length === 0) return null;
    for (const asked of this.#asked) {
      if (asked.key !== null) continue;
      asked.key = { scope: scopeOfRevision(asked.scope, revisionId), client: '' };
      asked.shape = shapeOf(asked.limit, Math.max(1, this.#instances.get(revisionId) ?? 1));
      asked.waitMs = this.#buckets.waitMs(asked.key, asked.shape, nowMs);
    }
    const over = this.#overLimits();
    if (over !== null) return over;
    const items = this.#asked.map(({ limit: { name }, key, shape }) => {
      const fullAtMs = key === null ? nowMs : this.#buckets.take(key, shape, nowMs);
      return standingItem(name, { fullAtMs, shape, nowMs });
    });
    return { policy: this.#policy(), standing: items.join(', ') };
  }

  #ask({ limit, scope, shape }: ReadyLimit, request: LimitedRequest, nowMs: number): void {
    const client = clientOf(limit, request);
    const key = client === null ? null : { scope, client };
    const waitMs = key === null ? 0 : this.#buckets.waitMs(key, shape, nowMs);
    this.#asked.push({ limit, scope, key, shape, waitMs });
  }

  #overLimits(): OverLimits | null {
    const over = this.#asked.filter(({ waitMs }) => waitMs > 0);
    if (over.length === 0) return null;
    const waitMs = Math.max(...over.map((each) => each.waitMs));
    // Nothing is left of these, and that is what a caller can wait for.
    const items = over.map(({ limit, waitMs: ms }) => `"${limit.name}";r=0;t=${secondsUp(ms)}`);
    return {
      kind: 'over-limits',
      service: this.#service,
      limits: over.map(({ limit }) => limit.name),
      retryAfterSeconds: Math.max(1, secondsUp(waitMs)),
      told: { policy: this.#policy(), standing: items.join(', ') },
    };
  }

  #policy(): string {
    const known = this.#asked.filter(({ key }) => key !== null);
    return known.map(({ limit, shape }) => policyItem(limit.name, shape)).join(', ');
  }
}

/** A request with what its token says, if it has one. */
export interface LimitedRequest extends RoutedRequest {
  readonly claims: ReadonlyMap<string, string> | null;
}

interface ReadyLimit {
  readonly limit: RateLimit;
  readonly scope: string;
  readonly shape: BucketShape;
}

interface Asked {
  readonly limit: RateLimit;
  readonly scope: string;
  /** Null: its revision is not known yet. */
  key: BucketKey | null;
  shape: BucketShape;
  waitMs: number;
}

/** Scopes of the buckets of a route. */
export function limitScopes({ service, policy, rules = [], backends }: Route): readonly string[] {
  const scopesOf = (rule: string) => (limit: RateLimit) => {
    const scope = scopeOf(service, rule, limit);
    if (limit.per.kind !== 'instance') return [scope];
    return backends.map(({ revisionId }) => scopeOfRevision(scope, revisionId));
  };
  return [
    ...(policy?.rateLimits ?? []).flatMap(scopesOf('')),
    ...rules.flatMap(({ name, rateLimits = [] }) => rateLimits.flatMap(scopesOf(name))),
  ];
}

/** A limit that is declared in another way begins anew; one that is as it was keeps its bucket from table to table. */
function scopeOf(service: string, rule: string, limit: RateLimit): string {
  const { name, ratePerSecond, burst, per } = limit;
  return [service, rule, name, ratePerSecond, burst, JSON.stringify(per)].join('\n');
}

function scopeOfRevision(scope: string, revisionId: string): string {
  return `${scope}\n${revisionId}`;
}

function ready(service: string, rule: string, limit: RateLimit): ReadyLimit {
  return { limit, scope: scopeOf(service, rule, limit), shape: shapeOf(limit) };
}

/** Null: it is not a client that has the bucket, but a revision. */
function clientOf({ per }: RateLimit, { headers, socket, claims }: LimitedRequest): string | null {
  switch (per.kind) {
    case 'instance':
      return null;
    case 'route':
      return '';
    case 'address':
      return addressGroup(socket.remoteAddress ?? '');
    case 'claim':
      return bounded(claims?.get(per.name) ?? '');
    case 'header': {
      const value = headers[per.name] ?? '';
      return bounded(typeof value === 'string' ? value : value.join());
    }
  }
}

/** Whoever chooses the value chooses how much is kept of it. */
function bounded(client: string): string {
  if (client.length <= clientLengthMax) return client;
  return createHash('sha256').update(client).digest('base64');
}

const clientLengthMax = 64;

function instancesOf({ revisionId, endpoints }: Backend): readonly [string, number] {
  return [revisionId, endpoints.length];
}
