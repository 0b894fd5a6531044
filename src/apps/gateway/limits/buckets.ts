import {
  afterTaking,
  type BucketShape,
  tokensAt,
  waitMsFor,
} from '../../../domain/traffic/rate-limit.ts';

/** Whose bucket: of a limit, and of a client where each has its own. */
export interface BucketKey {
  /** Of the limit, the same in every process that shares it. */
  readonly scope: string;
  /** Empty: everybody's. */
  readonly client: string;
}

/** Where tokens come from. All of it is answered at once: a request waits for no bucket. */
export interface Buckets {
  /** Ms until a token is there; 0: now. */
  waitMs(key: BucketKey, shape: BucketShape, nowMs: number): number;
  /** Takes a token; gives when the bucket will be full again. */
  take(key: BucketKey, shape: BucketShape, nowMs: number): number;
  /** Forgets the limits that are in no table any more. */
  retain(scopes: ReadonlySet<string>): void;
}

/**
 * Buckets of this process alone. At most `clientsMax` of a limit are kept: one that is full again is as if it had never
 * been, and is forgotten first. While all are in use, clients that come new share one bucket, so that nobody gets past the limit
 * by making up names.
 */
export class OwnBuckets implements Buckets {
  readonly #scopes = new Map<string, Scope>();
  readonly #clientsMax: number;

  constructor(clientsMax = usualClientsMax) {
    this.#clientsMax = clientsMax;
  }

  waitMs(key: BucketKey, shape: BucketShape, nowMs: number): number {
    return waitMsFor(this.#fullAtMs(key, nowMs), shape, nowMs);
  }

  take(key: BucketKey, shape: BucketShape, nowMs: number): number {
    return this.takeMany(key, shape, nowMs, 1);
  }

  /** Whole tokens that are there, in [0, burst]. */
  tokens(key: BucketKey, shape: BucketShape, nowMs: number): number {
    return Math.max(0, Math.floor(tokensAt(this.#fullAtMs(key, nowMs), shape, nowMs)));
  }

  /** Whether they are there or not; negative ones are given back. */
  takeMany(key: BucketKey, shape: BucketShape, nowMs: number, tokens: number): number {
    const scope = this.#scopeOf(key.scope);
    const client = this.#clientIn(scope, key.client, nowMs);
    const fullAtMs = afterTaking(scope.fullAtMs.get(client) ?? 0, shape, nowMs, tokens);
    scope.fullAtMs.set(client, fullAtMs);
    return fullAtMs;
  }

  retain(scopes: ReadonlySet<string>): void {
    for (const scope of this.#scopes.keys()) if (!scopes.has(scope)) this.#scopes.delete(scope);
  }

  /** 0: nobody has used it, or it is full. */
  #fullAtMs(key: BucketKey, nowMs: number): number {
    const scope = this.#scopes.get(key.scope);
    return scope?.fullAtMs.get(this.#clientIn(scope, key.client, nowMs)) ?? 0;
  }

  #scopeOf(name: string): Scope {
    let scope = this.#scopes.get(name);
    if (scope === undefined) {
      scope = { fullAtMs: new Map(), sweptAtMs: -Infinity };
      this.#scopes.set(name, scope);
    }
    return scope;
  }

  #clientIn(scope: Scope, client: string, nowMs: number): string {
    if (scope.fullAtMs.size < this.#clientsMax || scope.fullAtMs.has(client)) return client;
    // A look at all of them takes milliseconds, so there is one a second at most.
    if (nowMs - scope.sweptAtMs >= sweepEveryMs) {
      scope.sweptAtMs = nowMs;
      for (const [each, fullAtMs] of scope.fullAtMs) {
        if (fullAtMs <= nowMs) scope.fullAtMs.delete(each);
      }
      if (scope.fullAtMs.size < this.#clientsMax) return client;
    }
    return crowd;
  }
}

interface Scope {
  readonly fullAtMs: Map<string, number>;
  sweptAtMs: number;
}

/** No client is called so: header values have no control characters. */
const crowd = '\0crowd';
/** A hundred bytes each. */
const usualClientsMax = 100_000;
const sweepEveryMs = 1000;
