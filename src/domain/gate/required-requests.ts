import { clampRatio, divergence, onMargin } from './e-variable.ts';
import { budgetShares } from './gate-state.ts';
import { massAtOnce } from './onset-mixture.ts';

/**
 * What a request brings on average when the rates are known (Wald 1945), in nats: the bound of what any test can do. When the
 * gate itself decides, with its own alternatives and half of the time, is in expected-requests.ts.
 *
 * Worked example: base 0.1 %, candidate 5.1 %, share 5 %. The pooled rate is 0.35 %; a request brings
 * 0.05 KL(0.051 || 0.0035) + 0.95 KL(0.001 || 0.0035) = 0.0057 nats; 8.9 nats take 1,560 requests, 78 of them the candidate's.
 */
export interface Situation {
  /** The candidate's part of the requests, in (0, 1). */
  readonly shareRatio: number;
  readonly stableRatio: number;
  readonly candidateRatio: number;
}

/** Nats of evidence per request (of both arms together) that the candidate is worse. */
export function natsAgainst({ shareRatio, stableRatio, candidateRatio }: Situation): number {
  const worse = Math.min(1, candidateRatio);
  const pooledRatio = shareRatio * worse + (1 - shareRatio) * stableRatio;
  if (pooledRatio <= 0 || pooledRatio >= 1) return 0;
  return (
    shareRatio * divergence(worse, pooledRatio) +
    (1 - shareRatio) * divergence(stableRatio, pooledRatio)
  );
}

/** Nats of evidence per request that the candidate is not worse by the margin, when it is as good as stable. */
export function natsFor(
  { shareRatio, stableRatio }: Omit<Situation, 'candidateRatio'>,
  marginRatio: number,
): number {
  const ratio = clampRatio(stableRatio);
  const both = { candidateRatio: ratio, stableRatio: ratio };
  const nearest = onMargin({ candidate: shareRatio, stable: 1 - shareRatio }, both, marginRatio);
  return (
    shareRatio * divergence(ratio, nearest.candidateRatio) +
    (1 - shareRatio) * divergence(ratio, nearest.stableRatio)
  );
}

/** 1 / alpha, the errors' part of the budget, an alternative of usual weight begun at once; neighbours give 0.7 back. */
function natsToRollBack(falseRollbackRatio: number): number {
  const budget = -Math.log(budgetShares.errors * falseRollbackRatio);
  return budget - Math.log(usualAlternativeWeight * massAtOnce) - givenBackByNeighbours;
}

/**
 * Nats of evidence per window of the unit lane (unit-lane.ts, the z called `any`): units of both arms times what one brings, times
 * the part of the candidate's units that is not left out after a bad one.
 *
 * Worked example: 2 of 40 instances, 100 requests each in 5 s, 0.1 % against 0.5 %: a unit has a failure with a chance of
 * 9.5 % or 39 %; a window brings 0.42 nats, and 9.5 nats take 23 windows, 113 s (simulated: 115 s).
 */
export function natsPerWindow(world: UnitWorld): number {
  const { candidateUnits, stableUnits, requestsPerUnit, stableRatio, candidateRatio } = world;
  const drawn = Math.max(1, Math.min(requestsPerUnit, 0.2 / Math.max(stableRatio, 1e-6), 500));
  const bad = (ratio: number): number => -Math.expm1(drawn * Math.log1p(-Math.min(1, ratio)));
  const candidateBad = ratioOrOne(bad(candidateRatio));
  const units = candidateUnits + stableUnits;
  const shareRatio = candidateUnits / units;
  const arms = { shareRatio, stableRatio: bad(stableRatio), candidateRatio: candidateBad };
  return (units * natsAgainst(arms)) / (1 + candidateBad);
}

export interface UnitWorld {
  readonly candidateUnits: number;
  readonly stableUnits: number;
  /** Of the candidate, in a window. */
  readonly requestsPerUnit: number;
  readonly stableRatio: number;
  readonly candidateRatio: number;
}

/** As `natsToRollBack`, with the part of the lane's evidence that `any` has. */
export function natsToRollBackByWindows(falseRollbackRatio: number): number {
  return natsToRollBack(falseRollbackRatio) - Math.log(anyWeight);
}

const anyWeight = 0.65;

function ratioOrOne(ratio: number): number {
  return Number.isNaN(ratio) ? 1 : ratio;
}

const usualAlternativeWeight = 0.16;
const givenBackByNeighbours = 0.7;
