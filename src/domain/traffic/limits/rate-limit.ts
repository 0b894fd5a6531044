/**
 * So many requests are let through: `burst` at once and `ratePerSecond` in the long run, by a token bucket. What is beyond
 * it is answered 429 by the gateway.
 */
export interface RateLimit {
  /** Unique among those a request can meet; callers see it in RateLimit-Policy. */
  readonly name: string;
  /** > 0. */
  readonly ratePerSecond: number;
  /** What a full bucket holds, >= 1. */
  readonly burst: number;
  readonly per: RateLimitKey;
}

/** Who shares a bucket. */
export type RateLimitKey =
  /** All requests that the limit is for: the service's, or its rule's. */
  | { readonly kind: 'route' }
  /** Those of one revision: as many times the limit as it has instances, since requests are spread over them evenly. */
  | { readonly kind: 'instance' }
  /** Those from one address, as the gateway sees it. */
  | { readonly kind: 'address' }
  /** Those with one value of this header, its name in lower case; those without it share one. */
  | { readonly kind: 'header'; readonly name: string }
  /** Those whose token has one value of this claim; those whose token has none share one. */
  | { readonly kind: 'claim'; readonly name: string };

export const rateLimitLimits = {
  /** Of a route, and of each of its rules. */
  count: 8,
  ratePerSecondMin: 1 / 3600,
  ratePerSecondMax: 1_000_000,
  burst: 10_000_000,
} as const;

/** What of a limit its arithmetic needs. */
export interface BucketShape {
  /** > 0. */
  readonly msPerToken: number;
  /** >= 1. */
  readonly burst: number;
}

/** `times`: how many instances share the bucket. */
export function shapeOf({ ratePerSecond, burst }: RateLimit, times = 1): BucketShape {
  return { msPerToken: 1000 / (ratePerSecond * times), burst: burst * times };
}

/*
 * The state of a bucket is one number: when it will be full again. (The generic cell rate algorithm of ITU-T I.371 keeps the
 * same, its "theoretical arrival time".) A time in the past is a full bucket, so that a bucket nobody has used for long can be
 * forgotten without a difference.
 *
 * Example: 10 a second, burst 5. After 5 requests at once it is full again in 500 ms; after 100 ms there is one token.
 */

/** Tokens that are there, with fractions, in (-inf, burst]. Negative: more were taken than there were. */
export function tokensAt(
  fullAtMs: number,
  { msPerToken, burst }: BucketShape,
  nowMs: number,
): number {
  return burst - Math.max(0, fullAtMs - nowMs) / msPerToken;
}

/** Ms until `tokens` (at most the burst) are there; 0: they are. */
export function waitMsFor(
  fullAtMs: number,
  { msPerToken, burst }: BucketShape,
  nowMs: number,
  tokens = 1,
): number {
  return Math.max(0, fullAtMs - nowMs - (burst - tokens) * msPerToken);
}

/** The bucket's state when `tokens` more have been taken; negative ones are given back. */
export function afterTaking(
  fullAtMs: number,
  { msPerToken }: BucketShape,
  nowMs: number,
  tokens = 1,
): number {
  return Math.max(fullAtMs, nowMs) + tokens * msPerToken;
}

/**
 * RateLimit-Policy's item of a limit (draft-ietf-httpapi-ratelimit-headers-10, section 3): a quota `q` for each window of `w`
 * seconds, which is the time in which an empty bucket is full again.
 */
export function policyItem(name: string, { msPerToken, burst }: BucketShape): string {
  const windowSeconds = Math.max(1, Math.ceil(rounded((burst * msPerToken) / 1000)));
  const quota = Math.max(1, Math.floor(rounded((windowSeconds * 1000) / msPerToken)));
  return `"${name}";q=${quota};w=${windowSeconds}`;
}

/** RateLimit's item (section 4): `r` requests are left, and in `t` seconds there is the whole quota again. */
export function standingItem(
  name: string,
  {
    fullAtMs,
    shape,
    nowMs,
  }: { readonly fullAtMs: number; readonly shape: BucketShape; readonly nowMs: number },
): string {
  const left = Math.max(0, Math.floor(rounded(tokensAt(fullAtMs, shape, nowMs))));
  return `"${name}";r=${left};t=${secondsUp(fullAtMs - nowMs)}`;
}

/** Whole seconds, never fewer than it takes. */
export function secondsUp(ms: number): number {
  return Math.max(0, Math.ceil(rounded(ms / 1000)));
}

/** Sums of intervals such as 1000 / 3 ms are not exact; a thousandth of a thousandth is nobody's request. */
function rounded(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}
