/**
 * HalfSipHash-2-4 with 64 bits of output (J.-P. Aumasson and D. J. Bernstein, "SipHash: a fast short-input PRF", 2012, and the
 * 32-bit variant in the authors' reference code): without the key nobody can tell which texts share a slot of a table, or
 * make them. Of a text it takes the code units as 16-bit little-endian words. It makes no garbage: the result is left in
 * `low` and `high`.
 */
export class KeyedHash {
  readonly #key0: number;
  readonly #key1: number;
  #v0 = 0;
  #v1 = 0;
  #v2 = 0;
  #v3 = 0;
  /** Integers in [0, 2^32). */
  low = 0;
  high = 0;

  constructor(key: readonly [number, number]) {
    [this.#key0, this.#key1] = key;
  }

  /** Texts longer than `lengthMax` are cut there; `salt` keeps equal texts of different uses apart. */
  update(text: string, salt: number): void {
    const key0 = this.#key0 ^ salt;
    this.#v0 = key0;
    this.#v1 = this.#key1 ^ 0xee;
    this.#v2 = 0x6c79_6765 ^ key0;
    this.#v3 = 0x7465_6462 ^ this.#key1;
    const length = Math.min(text.length, lengthMax);
    for (let at = 0; at + 1 < length; at += 2) {
      this.#absorb(text.charCodeAt(at) | (text.charCodeAt(at + 1) << 16));
    }
    const last = length % 2 === 1 ? text.charCodeAt(length - 1) : 0;
    this.#absorb(((2 * length) << 24) | last);
    this.#v2 ^= 0xee;
    this.#rounds(4);
    this.low = (this.#v1 ^ this.#v3) >>> 0;
    this.#v1 ^= 0xdd;
    this.#rounds(4);
    this.high = (this.#v1 ^ this.#v3) >>> 0;
  }

  #absorb(word: number): void {
    this.#v3 ^= word;
    this.#rounds(2);
    this.#v0 ^= word;
  }

  #rounds(count: number): void {
    let v0 = this.#v0;
    let v1 = this.#v1;
    let v2 = this.#v2;
    let v3 = this.#v3;
    for (let round = 0; round < count; round += 1) {
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
    }
    this.#v0 = v0;
    this.#v1 = v1;
    this.#v2 = v2;
    this.#v3 = v3;
  }
}

/** Code units; the work for a request stays bounded whatever a caller sends. */
const lengthMax = 256;
