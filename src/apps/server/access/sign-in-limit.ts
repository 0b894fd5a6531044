export const signInLimits = {
  /** From one address, in a window. */
  count: 60,
  windowMs: 60_000,
  /** Addresses that are told apart; of more the oldest are forgotten. */
  addresses: 5_000,
} as const;

/** How often one address may try to sign in. There is nothing to guess; this bounds what trying costs, and the entries it makes. */
export class SignInLimit {
  readonly #windows = new Map<string, { readonly sinceMs: number; count: number }>();

  /** Null: go on. Else in how many milliseconds the next one may be tried. */
  take(address: string, nowMs: number): number | null {
    const { count, windowMs, addresses } = signInLimits;
    const known = this.#windows.get(address);
    if (known !== undefined && nowMs - known.sinceMs < windowMs) {
      known.count += 1;
      return known.count <= count ? null : known.sinceMs + windowMs - nowMs;
    }
    this.#windows.delete(address);
    const [oldest] = this.#windows.keys();
    if (this.#windows.size >= addresses && oldest !== undefined) this.#windows.delete(oldest);
    this.#windows.set(address, { sinceMs: nowMs, count: 1 });
    return null;
  }
}
