/** When a certificate authority does what. Of one trust domain there are few: one that signs, one before it, one to come. */
export interface AuthorityTimes {
  /** Counts up from 1; a later one takes an earlier one's place. */
  readonly number: number;
  readonly createdAtMs: number;
  /** Later than its creation where there is one before it: until then everybody has learnt to trust it. */
  readonly signsFromMs: number;
  /** Of its certificate. */
  readonly notAfterMs: number;
  /** The longest life of a certificate that it signs. */
  readonly svidLifeMs: number;
}

/** Certificates are renewed when this part of their life is over. */
const renewedAtRatio = 0.5;
/** Clocks of two machines differ; by no more than this, and less for certificates that live shortly. */
const backdateMaxMs = 30_000;
const backdateRatio = 0.1;

/** The one that signs now; null: there is none. The first signs from its creation on. */
export function signingAuthority<T extends AuthorityTimes>(
  authorities: readonly T[],
  nowMs: number,
): T | null {
  const byNumber = authorities.toSorted((a, b) => a.number - b.number);
  return byNumber.findLast(({ signsFromMs }) => signsFromMs <= nowMs) ?? byNumber[0] ?? null;
}

/**
 * Whom to trust now: from an authority's creation on, and until the last certificate that it can have signed has ended. It signs
 * until another one does, so that is one life later.
 */
export function trustedAuthorities<T extends AuthorityTimes>(
  authorities: readonly T[],
  nowMs: number,
): readonly T[] {
  const byNumber = authorities.toSorted((a, b) => a.number - b.number);
  return byNumber.filter((each, index) => {
    const next = byNumber[index + 1];
    return next === undefined || nowMs < trustEndsMs(each, next);
  });
}

/**
 * When a new authority may begin to sign. Whoever has a certificate has renewed it by then, and has read with it the bundle that
 * has the new authority in it.
 */
export function successorSignsFromMs(createdAtMs: number, svidLifeMs: number): number {
  return createdAtMs + Math.ceil(svidLifeMs * renewedAtRatio) + graceMs(svidLifeMs);
}

/** Until when an authority is trusted whose place another one takes. */
export function trustEndsMs(
  { svidLifeMs }: AuthorityTimes,
  { signsFromMs }: AuthorityTimes,
): number {
  return signsFromMs + svidLifeMs + secondMs + graceMs(svidLifeMs);
}

/** An authority's own end comes near: time for another one. */
export function isAuthorityOld(
  { createdAtMs, notAfterMs, svidLifeMs }: AuthorityTimes,
  nowMs: number,
): boolean {
  const lastCallMs = Math.max(4 * svidLifeMs, (notAfterMs - createdAtMs) / 10);
  return nowMs >= notAfterMs - lastCallMs;
}

/** What a certificate says of time. X.509 has whole seconds (RFC 5280 section 4.1.2.5), so its end is rounded up. */
export function validityFrom(
  nowMs: number,
  svidLifeMs: number,
): { readonly notBeforeMs: number; readonly notAfterMs: number } {
  const notBeforeMs = Math.floor((nowMs - backdateMs(svidLifeMs)) / secondMs) * secondMs;
  const notAfterMs = Math.ceil((nowMs + svidLifeMs) / secondMs) * secondMs;
  return { notBeforeMs, notAfterMs };
}

/** By how much `notBefore` lies before the moment a certificate was made, at most a second more. */
export function backdateMs(svidLifeMs: number): number {
  return Math.min(backdateMaxMs, Math.ceil(svidLifeMs * backdateRatio));
}

/** From when on a certificate made at `issuedAtMs` is to be renewed. */
export function renewsFromMs(issuedAtMs: number, notAfterMs: number): number {
  return issuedAtMs + (notAfterMs - issuedAtMs) * renewedAtRatio;
}

/** For whoever renews to have been on turn, and for files to have been read. */
function graceMs(svidLifeMs: number): number {
  return Math.min(10_000, Math.ceil(svidLifeMs / 2));
}

const secondMs = 1000;
