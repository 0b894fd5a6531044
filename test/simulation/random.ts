/** A seeded generator of numbers (xorshift32 by G. Marsaglia, 2003): the same seed gives the same world. */
export class Random {
  #state: number;

  constructor(seed: number) {
    // Neighbouring seeds must not give neighbouring worlds: spread them by an odd multiplier, and never start at 0.
    this.#state = Math.imul(seed + 1, 0x9e3779b1) | 0 || 1;
    for (let turn = 0; turn < 8; turn += 1) this.next();
  }

  /** In [0, 1). */
  next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return (x >>> 0) / 2 ** 32;
  }

  /** A whole number, both ends included. */
  between(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  chance(ratio: number): boolean {
    return this.next() < ratio;
  }

  pick<Item>(items: readonly [Item, ...Item[]]): Item {
    return items[Math.floor(this.next() * items.length)] ?? items[0];
  }

  /** How many of `count` come true; by the normal approximation where that is good enough. */
  binomial(count: number, ratio: number): number {
    if (ratio <= 0 || count <= 0) return 0;
    if (ratio >= 1) return count;
    const variance = count * ratio * (1 - ratio);
    if (variance > 25) {
      const normal =
        Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next());
      return Math.min(count, Math.max(0, Math.round(count * ratio + normal * Math.sqrt(variance))));
    }
    // Gaps between hits are geometric, so the work is that of the hits and not of the requests.
    const logMiss = Math.log(1 - ratio);
    let hits = 0;
    let at = Math.floor(Math.log(1 - this.next()) / logMiss);
    while (at < count) {
      hits += 1;
      at += 1 + Math.floor(Math.log(1 - this.next()) / logMiss);
    }
    return hits;
  }
}
