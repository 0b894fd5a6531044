import {
  afterTaking,
  type BucketShape,
  waitMsFor,
} from '../../../domain/traffic/limits/rate-limit.ts';
import { ClientStates } from '../../../domain/traffic/limits/client-states.ts';
import type { BucketKey } from '../../../domain/traffic/limits/token-loan.ts';

/** Where tokens come from. All of it is answered at once: a request waits for no bucket. */
export interface Buckets {
  /** Ms until a token is there; 0: now. */
  waitMs(key: BucketKey, shape: BucketShape, nowMs: number): number;
  /** Takes a token; gives when the bucket will be full again. */
  take(key: BucketKey, shape: BucketShape, nowMs: number): number;
  /** Forgets the limits that are in no table any more. */
  retain(scopes: ReadonlySet<string>): void;
}

/** Buckets of this process alone. */
export class OwnBuckets implements Buckets {
  /** When each is full again; one that is full is as if nobody had ever used it. */
  readonly #fullAtMs: ClientStates<number>;

  constructor(clientsMax?: number) {
    this.#fullAtMs = new ClientStates((fullAtMs, nowMs) => fullAtMs <= nowMs, clientsMax);
  }

  waitMs(key: BucketKey, shape: BucketShape, nowMs: number): number {
    return waitMsFor(this.#fullAtMs.find(key, nowMs) ?? 0, shape, nowMs);
  }

  take(key: BucketKey, shape: BucketShape, nowMs: number): number {
    const fullAtMs = afterTaking(this.#fullAtMs.find(key, nowMs) ?? 0, shape, nowMs);
    this.#fullAtMs.set(key, fullAtMs, nowMs);
    return fullAtMs;
  }

  retain(scopes: ReadonlySet<string>): void {
    this.#fullAtMs.retain(scopes);
  }
}
