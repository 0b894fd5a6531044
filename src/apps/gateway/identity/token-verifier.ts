import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  type JSONWebKeySet,
  type JWTPayload,
  jwtVerify,
  type JWTVerifyGetKey,
} from 'jose';
import { claimValues, type JwtRule, missedClaim } from '../../../domain/traffic/jwt-rule.ts';

/** What a token is worth. */
export type TokenVerdict =
  | {
      readonly kind: 'valid';
      readonly untilMs: number;
      /** Those that were to be kept, and are in the token. */
      readonly claims: ReadonlyMap<string, string>;
      /** The same of those that authorization goes by, with all values of each. */
      readonly lists: ReadonlyMap<string, readonly string[]>;
    }
  /** `what` goes on after "the token"; never a part of it. */
  | { readonly kind: 'invalid'; readonly what: string }
  | { readonly kind: 'insufficient'; readonly what: string }
  /** Nobody knows: the keys could not be had. */
  | { readonly kind: 'unknown'; readonly what: string };

/**
 * Signatures by public keys alone: with a symmetric one, whoever can check tokens can make them, and `none` is none at all. The algorithm
 * of a token has to be here and to fit its key, so that a public key can't be passed off as a secret (RFC 8725, sections 2.1 and 3.1).
 */
const algorithms = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' ');

/** Checks tokens for one rule. Keys come from the rule alone: what a token says of where they are (jku, x5u, jwk) is not looked at. */
export class TokenVerifier {
  readonly #rule: JwtRule;
  readonly #keys: JWTVerifyGetKey;
  readonly #keptClaims: KeptClaims;

  constructor(rule: JwtRule, keptClaims: KeptClaims) {
    this.#rule = rule;
    this.#keptClaims = keptClaims;
    this.#keys = keysOf(rule);
  }

  /** `nowMs` is of `Date.now()`. */
  async verify(token: string, nowMs: number): Promise<TokenVerdict> {
    try {
      const { payload } = await jwtVerify(token, this.#keys, {
        algorithms,
        issuer: this.#rule.issuer,
        audience: [...this.#rule.audiences],
        requiredClaims: ['exp'],
        clockTolerance: toleranceSeconds,
        currentDate: new Date(nowMs),
      });
      const missed = missedClaim(this.#rule.claims, payload);
      if (missed !== null)
        return { kind: 'insufficient', what: `lacks what is asked of ${missed}` };
      const untilMs = ((payload.exp ?? 0) + toleranceSeconds) * 1000;
      const lists = this.#keptClaims.asLists.map(
        (name) => [name, claimValues(name, payload)] as const,
      );
      return { kind: 'valid', untilMs, claims: this.#kept(payload), lists: new Map(lists) };
    } catch (error) {
      return verdictOf(error);
    }
  }

  #kept(payload: JWTPayload): ReadonlyMap<string, string> {
    const kept = new Map<string, string>();
    for (const name of this.#keptClaims.asTexts) {
      const value = Object.hasOwn(payload, name) ? payload[name] : undefined;
      if (value !== undefined && value !== null) {
        kept.set(name, typeof value === 'string' ? value : JSON.stringify(value));
      }
    }
    return kept;
  }
}

/** Names of claims that somebody goes by: rate limits, and authorization. */
export interface KeptClaims {
  readonly asTexts: readonly string[];
  readonly asLists: readonly string[];
}

/** Keys that can't be used refuse every token, and must not refuse the table: its other routes have done nothing. */
function keysOf({ keys }: JwtRule): JWTVerifyGetKey {
  try {
    if (keys.kind === 'set') return createLocalJWKSet(JSON.parse(keys.text) as JSONWebKeySet);
    return createRemoteJWKSet(new URL(keys.url), {
      timeoutDuration: fetchMs,
      cooldownDuration: refetchEveryMs,
      cacheMaxAge: keysAgeMaxMs,
    });
  } catch (cause) {
    return () => Promise.reject(new Error('there is no key set', { cause }));
  }
}

const fetchMs = 3000;
/** A token with a key that is not known asks for the keys again, at most so often. */
const refetchEveryMs = 5000;
const keysAgeMaxMs = 600_000;
const toleranceSeconds = 30;

/** In words of ours, since those of an error may have parts of the token. */
function verdictOf(error: unknown): TokenVerdict {
  if (error instanceof errors.JWTExpired) return { kind: 'invalid', what: 'has expired' };
  if (error instanceof errors.JWTClaimValidationFailed) {
    const isEarly = error.claim === 'nbf';
    return { kind: 'invalid', what: isEarly ? 'is not valid yet' : `has a wrong ${error.claim}` };
  }
  if (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys
  ) {
    return { kind: 'invalid', what: 'is signed with a key that is not known' };
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return { kind: 'invalid', what: 'has a wrong signature' };
  }
  if (error instanceof errors.JOSEAlgNotAllowed || error instanceof errors.JOSENotSupported) {
    return { kind: 'invalid', what: 'is signed in a way that is not taken' };
  }
  if (error instanceof errors.JWTInvalid || error instanceof errors.JWSInvalid) {
    return { kind: 'invalid', what: 'is malformed' };
  }
  // The rest is about the keys: not reached, too slow, no key set.
  return {
    kind: 'unknown',
    what: 'could not be checked, as the keys of its issuer are out of reach',
  };
}
