/** In [0, 1). */
export type Random = () => number;

/** Marsaglia's xorshift with 32 bits ("Xorshift RNGs", Journal of Statistical Software 8, 2003): for choices, not for secrets. */
export function seededRandom(seed: number): Random {
  // Zero would stay zero.
  let state = seed >>> 0 || 0x9e37_79b9;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 0x1_0000_0000;
  };
}
