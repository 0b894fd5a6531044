import type { GateObservation } from './verdict.ts';

/** One interval's requests: `mean` of both arms together, Poisson, each failing by itself. */
export function arrivals(
  random: () => number,
  atMs: number,
  mean: number,
  rates: {
    readonly shareRatio: number;
    readonly candidateRatio: number;
    readonly stableRatio: number;
  },
): GateObservation {
  const { shareRatio, candidateRatio, stableRatio } = rates;
  const candidate = poisson(random, mean * shareRatio);
  const stable = poisson(random, mean * (1 - shareRatio));
  return {
    atMs,
    candidate: { requests: candidate, failures: failuresOf(random, candidate, candidateRatio) },
    stable: { requests: stable, failures: failuresOf(random, stable, stableRatio) },
  };
}

/** Normal approximation above 30: only the counts, and these may have any distribution. */
export function poisson(random: () => number, mean: number): number {
  if (mean > 30) {
    return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal(random)));
  }
  let product = random();
  let count = 0;
  for (const limit = Math.exp(-mean); product > limit; count += 1) product *= random();
  return count;
}

/** Exact binomial, by jumping from failure to failure. */
export function failuresOf(random: () => number, requests: number, ratio: number): number {
  if (ratio >= 1) return requests;
  const perJump = Math.log1p(-ratio);
  let failures = 0;
  let position = 0;
  for (;;) {
    position += Math.floor(Math.log(1 - random()) / perJump) + 1;
    if (position > requests) return failures;
    failures += 1;
  }
}

/** mulberry32: 32 bits of state, good enough here, the same everywhere. */
export function seeded(seed: number): () => number {
  let state = (Math.imul(seed, 0x9e37_79b1) + 0x6d2b_79f5) | 0;
  return () => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Box and Muller. */
export function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
