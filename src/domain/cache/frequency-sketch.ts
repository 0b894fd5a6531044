/**
 * How often keys were asked for lately, in a few bits each: a count-min sketch of 4 rows with counters up to 15, behind a
 * doorkeeper that keeps those asked for once out of it. After `sampleSize` asks all counts are halved, so that what was popular
 * once is forgotten. Source: Einziger, Friedman, Manes, "TinyLFU: A Highly Efficient Cache Admission Policy", ACM Transactions
 * on Storage 13(4), 2017, sections 3.2 to 3.4.
 */
export class FrequencySketch {
  readonly #counters: Uint8Array;
  readonly #doorkeeper: Uint8Array;
  readonly #mask: number;
  readonly #sampleSize: number;
  #asks = 0;

  /** `entriesMax`: as many as the cache may hold, about; 64 to 4 Mi of them are told apart. */
  constructor(entriesMax: number) {
    const width = 2 ** Math.min(22, Math.max(6, Math.ceil(Math.log2(Math.max(1, entriesMax)))));
    this.#mask = width - 1;
    this.#counters = new Uint8Array(width * rows);
    this.#doorkeeper = new Uint8Array(width);
    this.#sampleSize = 10 * width;
  }

  /** Of one ask. */
  add(hash: number): void {
    this.#asks += 1;
    if (this.#asks >= this.#sampleSize) this.#age();
    const [door, bit] = this.#doorOf(hash);
    const known = this.#doorkeeper[door] ?? 0;
    if ((known & bit) === 0) {
      this.#doorkeeper[door] = known | bit;
      return;
    }
    // Only the smallest are raised: the others have another key's asks in them.
    const least = this.#least(hash);
    if (least >= countMax) return;
    for (let row = 0; row < rows; row += 1) {
      const at = this.#at(hash, row);
      if (this.#counters[at] === least) this.#counters[at] = least + 1;
    }
  }

  /** 0 to 16. */
  count(hash: number): number {
    const [door, bit] = this.#doorOf(hash);
    return this.#least(hash) + (((this.#doorkeeper[door] ?? 0) & bit) === 0 ? 0 : 1);
  }

  #least(hash: number): number {
    let least = countMax;
    for (let row = 0; row < rows; row += 1) {
      least = Math.min(least, this.#counters[this.#at(hash, row)] ?? 0);
    }
    return least;
  }

  #age(): void {
    this.#asks = Math.floor(this.#asks / 2);
    for (let at = 0; at < this.#counters.length; at += 1) {
      this.#counters[at] = (this.#counters[at] ?? 0) >>> 1;
    }
    this.#doorkeeper.fill(0);
  }

  #at(hash: number, row: number): number {
    return row * (this.#mask + 1) + (mixed(hash, row) & this.#mask);
  }

  /** One of 8 bits for each place, so that few keys share one. */
  #doorOf(hash: number): readonly [door: number, bit: number] {
    const mix = mixed(hash, rows);
    return [mix & this.#mask, 1 << (mix >>> 29)];
  }
}

const rows = 4;
const countMax = 15;

/** FNV-1a of a key, 32 bits. */
export function keyHash(key: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at += 1) {
    hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  }
  return hash >>> 0;
}

/** Another hash for each row: the finaliser of MurmurHash3 over a shifted hash. */
function mixed(hash: number, row: number): number {
  let mix = (hash + Math.imul(row + 1, 0x9e3779b9)) | 0;
  mix = Math.imul(mix ^ (mix >>> 16), 0x85ebca6b);
  mix = Math.imul(mix ^ (mix >>> 13), 0xc2b2ae35);
  return (mix ^ (mix >>> 16)) >>> 0;
}
