import { KeyedHash } from '../keyed-hash.ts';
import type { SetAside } from './traffic-sample.ts';

/**
 * Who has had a vote lately: in each window only a client's first request is evidence, so that one client that calls often,
 * or sends much that fails, counts no more than another.
 *
 * - V1. A vote is a client's, not a client's for each arm. The arm of a vote is drawn by the weights like everybody's; so both
 *   arms' votes come from the same mix of clients. A first request to each arm would not: a client with many requests
 *   has one at the candidate in every window, one with few has not, and the candidate would be judged by the
 *   busiest clients. (client-votes.test.ts shows what comes of it.)
 * - V2. Decided when a request begins. A client's window begins with its vote and its length is fixed.
 * - V3. Bounded: a slot for each vote of a window, `waysCount` places where a client's may be. Where all of them are taken
 *   by others the client's request is no vote (`too-many-clients`), whatever arm it goes to.
 * - V4. Routers that serve the same clients, each for itself, tell each other their votes (`takeNews`, `learn`). A client has more than
 *   one vote in a window only if its requests came to several of them before the first was told: one in each of those at most.
 * - V5. Of a client only a hash under a key of this router is kept, and only in memory. A hash met by chance, 1 in 2^53 for
 *   each pair, costs one vote.
 */
export class ClientVotes {
  readonly #hash: KeyedHash;
  readonly #bucketMask: number;
  /** 0: never used. */
  readonly #clients: Float64Array;
  /** When the slot's window ends, on the clock of `nowMs`. */
  readonly #untilMs: Float64Array;
  /** Client and window of each vote that nobody has been told yet; null: nobody asks. */
  #news: number[] | null = null;

  /** `key` is random, two integers in [0, 2^32); `slotCount` is a power of 2 of at least `waysCount`. */
  constructor(key: readonly [number, number], slotCount: number = voteSlotCount) {
    this.#hash = new KeyedHash(key);
    this.#bucketMask = slotCount / waysCount - 1;
    this.#clients = new Float64Array(slotCount);
    this.#untilMs = new Float64Array(slotCount);
  }

  /**
   * Null: it is its client's vote, and its window begins. `salt` keeps the clients of services apart. Plain numbers, as this
   * runs for every request and must not make garbage.
   */
  cast(
    client: string,
    salt: number,
    nowMs: number,
    windowMs: number,
  ): Exclude<SetAside, 'retry'> | null {
    const hash = this.#hash;
    hash.update(client, salt);
    const known = (hash.high & 0x1f_ffff) * 2 ** 32 + hash.low + 1;
    const first = (hash.low & this.#bucketMask) * waysCount;
    const slot = this.#slotFor(first, known, nowMs);
    if (slot < 0) return 'too-many-clients';
    const isOpen = (this.#untilMs[slot] ?? 0) > nowMs;
    if (isOpen && this.#clients[slot] === known) return 'same-client';
    this.#clients[slot] = known;
    this.#untilMs[slot] = nowMs + windowMs;
    if (this.#news !== null && this.#news.length < newsMax) this.#news.push(known, windowMs);
    return null;
  }

  /** Votes since the last call, for other routers with the same key: pairs of numbers. None are kept before the first call. */
  takeNews(): readonly number[] {
    const news = this.#news ?? [];
    if (this.#news === null || news.length > 0) this.#news = [];
    return news;
  }

  /** Votes that another router took just before `nowMs`. */
  learn(news: readonly number[], nowMs: number): void {
    for (let index = 0; index + 1 < news.length; index += 2) {
      const known = news[index] ?? 0;
      const untilMs = nowMs + (news[index + 1] ?? 0);
      // The lower 32 bits of the hash are those of `known` less one.
      const first = (((known - 1) % 2 ** 32) & this.#bucketMask) * waysCount;
      const slot = this.#slotFor(first, known, nowMs);
      if (slot < 0) continue;
      this.#clients[slot] = known;
      this.#untilMs[slot] = untilMs;
    }
  }

  /** Where the client is, or can be; -1: nowhere. */
  #slotFor(first: number, known: number, nowMs: number): number {
    let free = -1;
    for (let slot = first; slot < first + waysCount; slot += 1) {
      const isOpen = (this.#untilMs[slot] ?? 0) > nowMs;
      if (isOpen && this.#clients[slot] === known) return slot;
      if (!isOpen && free < 0) free = slot;
    }
    return free;
  }

  /** For `cast`. */
  saltOf(service: string): number {
    this.#hash.update(service, 0);
    return this.#hash.low;
  }
}

/** 4 MiB in a gateway that has such a service, whatever its callers do; room for 26,000 new clients/s in windows of 10 s. */
const voteSlotCount = 2 ** 18;
const waysCount = 16;
/** Numbers that wait to be told: more votes than a router takes between two tellings. */
const newsMax = 2 ** 14;
