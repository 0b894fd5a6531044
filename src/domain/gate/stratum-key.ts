/**
 * Strata of one metric that are kept apart, besides `other`: as many as a release file may name. What comes later is compared
 * together as `other`; the state stays of fixed size.
 */
export const strataMax = 16;

/** The key a stratum is kept under: its own, or `other` when there are many already. */
export function boundedKey(strata: readonly { readonly key: string }[], key: string): string {
  if (key === otherKey || strata.some((each) => each.key === key)) return key;
  const named = strata.filter((each) => each.key !== otherKey).length;
  return named < strataMax ? key : otherKey;
}

const otherKey = 'other';
