/**
 * Seeded chance for the study. A stream is named by a text and a number, so a release is the same in every process, in
 * every order and after every restart.
 */
export type Random = () => number;

/** One stream of numbers, taken one by one or many at once. */
export interface RandomSource {
  readonly next: Random;
  /** Fills the first `count` places with the next numbers, times 2^32. */
  readonly drawInto: (numbers: Uint32Array, count: number) => void;
}

export function seeded(name: string, run: number): Random {
  return seededSource(name, run).next;
}

/**
 * sfc32 (Chris Doty-Humphrey, PractRand): 128 bits of state, passes PractRand and BigCrush, some 3 ns a number in V8, 1 ns one of
 * many. Numbers are multiples of 2^-32 in [0, 1).
 */
export function seededSource(name: string, run: number): RandomSource {
  // Of an array: variables of a closure would be boxed as soon as they leave 31 bits, at four times the time.
  const state = Int32Array.of(hashed(name, 0x9e37_79b9), hashed(name, 0x243f_6a88), run, 1);
  const next = (): number => {
    const b = state[1] ?? 0;
    const c = state[2] ?? 0;
    const counter = state[3] ?? 0;
    const sum = ((((state[0] ?? 0) + b) | 0) + counter) | 0;
    state[0] = b ^ (b >>> 9);
    state[1] = c + (c << 3);
    state[2] = ((c << 21) | (c >>> 11)) + sum;
    state[3] = counter + 1;
    return (sum >>> 0) / 4_294_967_296;
  };
  // The same rounds, with the state in registers.
  const drawInto = (numbers: Uint32Array, count: number): void => {
    let a = state[0] ?? 0;
    let b = state[1] ?? 0;
    let c = state[2] ?? 0;
    let counter = state[3] ?? 0;
    for (let index = 0; index < count; index += 1) {
      const sum = (((a + b) | 0) + counter) | 0;
      a = b ^ (b >>> 9);
      b = (c + (c << 3)) | 0;
      c = (((c << 21) | (c >>> 11)) + sum) | 0;
      counter = (counter + 1) | 0;
      numbers[index] = sum;
    }
    state[0] = a;
    state[1] = b;
    state[2] = c;
    state[3] = counter;
  };
  // The run's number has reached every bit of the state after 12 rounds.
  for (let round = 0; round < 15; round += 1) next();
  return { next, drawInto };
}

/** FNV-1a with another start for another hash, and the finaliser of MurmurHash3. */
function hashed(text: string, start: number): number {
  let hash = start;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x0100_0193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return hash ^ (hash >>> 16);
}

/** Exact but for tails below 2^-32, which a number of `Random` can't tell apart. Means up to some thousands. */
export function poisson(random: Random, mean: number): number {
  return mean <= 0 ? 0 : drawFrom(tableOf(mean), random());
}

/** `poisson` for somebody who asks for the same mean again and again. */
export class Arrivals {
  readonly #random: Random;
  #mean = Number.NaN;
  #table: PoissonTable | null = null;

  constructor(random: Random) {
    this.#random = random;
  }

  draw(mean: number): number {
    if (mean <= 0) return 0;
    if (this.#table === null || mean !== this.#mean) {
      this.#mean = mean;
      this.#table = tableOf(mean);
    }
    return drawFrom(this.#table, this.#random());
  }
}

function drawFrom({ cumulative, guide }: PoissonTable, chance: number): number {
  let count = guide[(chance * guideSize) | 0] ?? 0;
  while (count < cumulative.length - 1 && chance >= (cumulative[count] ?? 1)) count += 1;
  return count;
}

interface PoissonTable {
  /** Chance of this count or fewer. */
  readonly cumulative: Float64Array;
  /** Where a search may begin, by the leading bits of the chance. */
  readonly guide: Uint16Array;
}

const guideSize = 512;
/** A scenario has few means; one that had a new mean every tick would be a slow scenario, not a leak. */
const tablesMax = 256;
const tables = new Map<number, PoissonTable>();

function tableOf(mean: number): PoissonTable {
  const table = tables.get(mean) ?? poissonTable(mean);
  if (tables.size >= tablesMax) tables.clear();
  tables.set(mean, table);
  return table;
}

function poissonTable(mean: number): PoissonTable {
  const countMax = Math.ceil(mean + 8 * Math.sqrt(mean) + 20);
  const cumulative = new Float64Array(countMax + 1);
  let logChance = -mean;
  let sum = 0;
  for (let count = 0; count <= countMax; count += 1) {
    if (count > 0) logChance += Math.log(mean / count);
    sum += Math.exp(logChance);
    cumulative[count] = sum;
  }
  const guide = new Uint16Array(guideSize);
  let count = 0;
  for (let index = 0; index < guideSize; index += 1) {
    while (count < countMax && (cumulative[count] ?? 1) <= index / guideSize) count += 1;
    guide[index] = count;
  }
  return { cumulative, guide };
}

/** Exact binomial: jumps from failure to failure when they are rare, else one by one. */
export function binomial(random: Random, count: number, ratio: number): number {
  if (count <= 0 || ratio <= 0) return 0;
  if (ratio >= 1) return count;
  let hits = 0;
  if (ratio > 0.25) {
    for (let index = 0; index < count; index += 1) if (random() < ratio) hits += 1;
    return hits;
  }
  const perJump = perJumpOf(ratio);
  let position = 0;
  for (;;) {
    position += Math.floor(Math.log(1 - random()) * perJump) + 1;
    if (position > count) return hits;
    hits += 1;
  }
}

let lastRatio = Number.NaN;
let lastPerJump = 0;

/** 1 / log(1 - ratio); both arms of a healthy release ask for the same one again and again. */
function perJumpOf(ratio: number): number {
  if (ratio !== lastRatio) {
    lastRatio = ratio;
    lastPerJump = 1 / Math.log1p(-ratio);
  }
  return lastPerJump;
}

/**
 * Failures among requests that come one after the other and fail by themselves with the ratio asked for: exact binomial counts at
 * the price of one number a failure, as the gap to the next one is drawn once and carried over. A gap has no memory, so
 * a new ratio begins with a new gap.
 */
export class Failures {
  readonly #random: Random;
  #ratio = Number.NaN;
  #perJump = 0;
  /** Requests that still succeed before the next failure. */
  #gap = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  among(count: number, ratio: number): number {
    if (ratio > 0.25 || ratio <= 0) return binomial(this.#random, count, ratio);
    if (ratio !== this.#ratio) {
      this.#ratio = ratio;
      this.#perJump = 1 / Math.log1p(-ratio);
      this.#gap = this.#jump();
    }
    let hits = 0;
    let left = count;
    while (left > this.#gap) {
      left -= this.#gap + 1;
      hits += 1;
      this.#gap = this.#jump();
    }
    this.#gap -= left;
    return hits;
  }

  #jump(): number {
    return Math.floor(Math.log(1 - this.#random()) * this.#perJump);
  }
}

/** Standard normal, Box and Muller's. */
export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Time to the next event of a Poisson process. */
export function exponential(random: Random, mean: number): number {
  return -mean * Math.log(1 - random());
}
