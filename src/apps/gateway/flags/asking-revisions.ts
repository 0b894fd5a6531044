import { sha256Hex } from '../../../domain/evidence/digest.ts';
import type { AskedFlags } from '../../../domain/flags/check-flags.ts';
import type { RouteTable } from '../../../domain/traffic/routing/route-table.ts';

/** Of one revision. An evaluation takes some 50 µs of a process that may be serving users as well. */
const perSecondMax = 1000;
const burstMax = 2000;
/** A token of ours has 43 characters. */
const tokenLengthMax = 128;

export type Asker =
  | { readonly kind: 'known'; readonly asked: AskedFlags }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'too-often'; readonly retryAfterSeconds: number };

/** Who asks, by the token of its revision, and whether it may ask again already. */
export class AskingRevisions {
  readonly #table: () => RouteTable | null;
  #indexed: RouteTable | null = null;
  #byToken = new Map<string, AskedFlags>();
  #buckets = new Map<string, Bucket>();

  /** `table`: in force now. */
  constructor(table: () => RouteTable | null) {
    this.#table = table;
  }

  /** Found by a digest, so that the time it takes says nothing about a token. */
  ask(token: string | null, nowMs: number): Asker {
    this.#index();
    if (token === null || token.length > tokenLengthMax) return { kind: 'unknown' };
    const digest = sha256Hex(token);
    const asked = this.#byToken.get(digest);
    if (asked === undefined) return { kind: 'unknown' };
    const bucket = this.#buckets.get(digest) ?? { left: burstMax, atMs: nowMs };
    const atMs = Math.max(nowMs, bucket.atMs);
    const gained = ((atMs - bucket.atMs) * perSecondMax) / 1000;
    const left = Math.min(burstMax, bucket.left + gained);
    const isTaken = left >= 1;
    this.#buckets.set(digest, { left: isTaken ? left - 1 : left, atMs });
    return isTaken ? { kind: 'known', asked } : { kind: 'too-often', retryAfterSeconds: 1 };
  }

  #index(): void {
    const table = this.#table();
    if (table === this.#indexed) return;
    this.#indexed = table;
    this.#byToken = new Map((table?.flags ?? []).map((each) => [each.tokenSha256, each]));
    for (const digest of this.#buckets.keys()) {
      if (!this.#byToken.has(digest)) this.#buckets.delete(digest);
    }
  }
}

interface Bucket {
  readonly left: number;
  readonly atMs: number;
}
