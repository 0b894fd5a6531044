import { limitName, type Per, type WrittenRate } from './rate-limit-schema.ts';

export interface RateLimitDocument {
  readonly name: string;
  /** >= 1/3600. */
  readonly ratePerSecond: number;
  /** >= 1. */
  readonly burst: number;
  readonly per:
    | { readonly kind: 'route' }
    | { readonly kind: 'instance' }
    | { readonly kind: 'address' }
    /** Its name is in lower case. */
    | { readonly kind: 'header'; readonly name: string }
    | { readonly kind: 'claim'; readonly name: string };
}

interface WrittenLimit {
  readonly name?: string | undefined;
  readonly rate: WrittenRate;
  readonly burst?: number | undefined;
  readonly per: Per;
}

/** Without a burst the whole of the rate's unit may come at once: 30 of `30/m`. */
export function toRateLimits(
  written: WrittenLimit | readonly WrittenLimit[],
): readonly RateLimitDocument[] {
  const limits = 'rate' in written ? [written] : written;
  return limits.map((limit) => ({
    name: limitName(limit),
    ratePerSecond: limit.rate.count / limit.rate.perSeconds,
    burst: limit.burst ?? Math.max(1, Math.floor(limit.rate.count)),
    per: toKey(limit.per),
  }));
}

/** The schema has seen to it that a mapping has exactly one key. */
function toKey(per: Per): RateLimitDocument['per'] {
  if (typeof per === 'string') return { kind: per };
  const { header, claim = '' } = per;
  return header === undefined
    ? { kind: 'claim', name: claim }
    : { kind: 'header', name: header.toLowerCase() };
}
