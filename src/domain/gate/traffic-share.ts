import type { ArmPair } from './arm-block.ts';
import { clampRatio, logArmRatio } from './e-variable.ts';
import { advance, capped, evidenceOf, type OnsetMixture, openMixture } from './onset-mixture.ts';

/**
 * Whether the candidate gets the share of the requests that the step wants (sample ratio mismatch). Where it doesn't, something
 * chooses who gets there, and who gets there may differ in how they fail: a comparison would be between callers. It holds
 * the step and says so; it never rolls back, and begins anew with each weight.
 *
 * Null: the share is within a tenth of what is wanted. Alternatives: half, three quarters, a third more, twice. Each is an
 * e-variable against the nearer end of the null.
 */
export interface ShareEvidence {
  readonly mixture: OnsetMixture;
  readonly wantedRatio: number;
}

export const shareLimit = 1000;

export function weighShare(
  known: ShareEvidence | null,
  { candidate, stable }: ArmPair,
  moment: { readonly atMs: number; readonly plannedMs: number; readonly wantedRatio: number },
): ShareEvidence {
  const { atMs, plannedMs, wantedRatio } = moment;
  const isSame = known !== null && known.wantedRatio === wantedRatio;
  const mixture = isSame ? known.mixture : openMixture(weights, atMs, plannedMs);
  const requests = candidate.requests + stable.requests;
  const count = { requests, failures: candidate.requests };
  const logs = factors.map(({ factor, edge }) =>
    logArmRatio(count, clampRatio(factor * wantedRatio), clampRatio(edge * wantedRatio)),
  );
  // From 90 % on there is no room for "twice"; such alternatives count as 1.
  const sane = logs.map((log, index) =>
    (factors[index]?.factor ?? 0) * wantedRatio < 1 ? log : 0,
  );
  return { wantedRatio, mixture: capped(advance(mixture, weights, atMs, sane), logMax) };
}

export function isShareOff(evidence: ShareEvidence | null): boolean {
  return evidence !== null && evidenceOf(evidence.mixture) >= shareLimit;
}

const factors = [
  { factor: 0.5, edge: 0.9 },
  { factor: 0.75, edge: 0.9 },
  { factor: 1.33, edge: 1.1 },
  { factor: 2, edge: 1.1 },
] as const;
const weights = [0.25, 0.25, 0.25, 0.25] as const;
/** The hold ends soon after the share is right again. */
const logMax = Math.log(shareLimit) + 2;
