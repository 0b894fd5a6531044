/** Strata of one metric that are kept apart; later ones are compared together. The state stays of fixed size. */
export const strataMax = 16;

/** The key a stratum is kept under: its own, or `other` when there are many already. */
export function boundedKey(strata: readonly { readonly key: string }[], key: string): string {
  if (strata.length < strataMax || strata.some((each) => each.key === key)) return key;
  return 'other';
}
