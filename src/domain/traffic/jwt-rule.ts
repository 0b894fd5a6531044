/**
 * Requests must carry a JSON Web Token (RFC 7519) of this issuer, in `Authorization: Bearer` (RFC 6750). In the words of Istio's
 * RequestAuthentication, but that a request without a token is refused.
 */
export interface JwtRule {
  /** `iss`, exactly. */
  readonly issuer: string;
  /** `aud` has one of them at least; never empty. */
  readonly audiences: readonly string[];
  readonly keys:
    | { readonly kind: 'url'; readonly url: string }
    /** A JSON Web Key Set as text (RFC 7517): public keys. */
    | { readonly kind: 'set'; readonly text: string };
  /** What the token has to say besides; all of them have to hold. */
  readonly claims: readonly ClaimMatch[];
}

/** The claim is one of the values, or a list that has one of them; `scope` is a list with spaces between (RFC 8693). */
export interface ClaimMatch {
  readonly name: string;
  readonly values: readonly string[];
}

export const jwtLimits = {
  audiences: 16,
  claims: 16,
  values: 64,
  textLength: 1024,
  keysLength: 65_536,
} as const;

/** Name of a claim that is not as the rule wants it; null: all are. */
export function missedClaim(
  rules: readonly ClaimMatch[],
  claims: Readonly<Record<string, unknown>>,
): string | null {
  const missed = rules.find(({ name, values }) => {
    const found = claimValues(name, claims);
    return !found.some((each) => values.includes(each));
  });
  return missed?.name ?? null;
}

/** What a claim says, as texts; empty: nothing that could be compared. */
export function claimValues(
  name: string,
  claims: Readonly<Record<string, unknown>>,
): readonly string[] {
  const claim = Object.hasOwn(claims, name) ? claims[name] : undefined;
  if (typeof claim === 'string') return name === 'scope' ? claim.split(' ') : [claim];
  if (typeof claim === 'number' || typeof claim === 'boolean') return [String(claim)];
  return Array.isArray(claim) ? claim.filter((each) => typeof each === 'string') : [];
}
