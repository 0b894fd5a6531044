import type { GateSettings } from '../release/revision.ts';
import { clampRatio, onMargin, type RatePair } from './e-variable.ts';
import { budgetShares } from './gate-state.ts';
import { alternativeWeights, massAtOnce, worseRatios } from './onset-mixture.ts';
import { healthyWeights } from './non-inferiority.ts';
import { passageRequests } from './passage.ts';

/**
 * How many requests, of both arms together, half of all releases need for a verdict. The gate's own alternatives bring the
 * evidence, not the true rates, which it doesn't know: what each brings per request on average and how much that varies
 * gives the time of its first passage (passage.ts), and the quickest alternative decides. What its neighbours add
 * was fitted to simulations (bench/gates, table `estimate`).
 *
 * Worked example: base 0.1 %, candidate 0.5 %, share 5 %: the alternative of odds 5 brings 0.00018 nats a request; the 9.6
 * nats asked of it take 53,000 on average, and 45,000 half of the time.
 */
export interface ArmRates {
  /** The candidate's part of the requests, in (0, 1). */
  readonly shareRatio: number;
  readonly stableRatio: number;
  readonly candidateRatio: number;
}

/** Until a candidate that is worse from now on is rolled back; Infinity: it can't be told from stable. */
export function requestsToRollBack(
  rates: ArmRates,
  settings: GateSettings,
  known: {
    /** log of each alternative's mass now; absent: as at the beginning. */
    readonly logMasses?: readonly number[] | null;
    /** The metric's part of the false rollbacks allowed; absent: that of errors. */
    readonly budgetShareRatio?: number;
  } = {},
): number {
  const { shareRatio, stableRatio } = rates;
  if (shareRatio <= 0 || shareRatio >= 1 || rates.candidateRatio <= stableRatio) return Infinity;
  const base = clampRatio(stableRatio);
  const { budgetShareRatio = sharesIn(settings).errors } = known;
  const logMasses = known.logMasses ?? openingLogs;
  const limit = -Math.log(settings.falseRollbackRatio * budgetShareRatio);
  const all = worseRatios(base).map((ratio, index) => {
    const pooledRatio = shareRatio * ratio + (1 - shareRatio) * base;
    const alternative = { candidateRatio: ratio, stableRatio: base };
    const null_ = { candidateRatio: pooledRatio, stableRatio: pooledRatio };
    const nats = limit - (logMasses[index] ?? 0) - givenBackByNeighbours;
    return passageRequests(nats, increments(rates, alternative, null_), half);
  });
  return Math.min(...all);
}

/** Until "not worse by the margin" is shown of a candidate that is like stable; Infinity: never. */
export function requestsToPass(
  { shareRatio, stableRatio }: Omit<ArmRates, 'candidateRatio'>,
  marginRatio: number,
  goal: {
    /** Evidence at which it passes. */
    readonly limit: number;
    /** log of the mass of "like stable" now; absent: as at the beginning. */
    readonly logMass?: number;
    /** Stable's requests that its base rate is known from. */
    readonly learnedRequests?: number;
  },
): number {
  if (shareRatio <= 0 || shareRatio >= 1) return Infinity;
  const ratio = clampRatio(stableRatio);
  const rates = { shareRatio, stableRatio: ratio, candidateRatio: ratio };
  const { limit, logMass = openingHealthyLog, learnedRequests = 0 } = goal;
  const nats = Math.log(limit) - logMass - givenBackByHealthy;
  const known = healthyIncrements(rates, ratio, marginRatio);
  const first = passageRequests(nats, known, half);
  if (!Number.isFinite(first)) return first;
  const loss = learningLoss(rates, { marginRatio, learnedRequests, until: first });
  return passageRequests(nats + loss, known, half);
}

/**
 * Nats lost while the gate doesn't know stable's ratio yet: it begins with 1 failure in 200 (base-rate.ts), and bets on that.
 */
function learningLoss(
  rates: ArmRates,
  from: { readonly marginRatio: number; readonly learnedRequests: number; readonly until: number },
): number {
  const { marginRatio, learnedRequests, until } = from;
  const { shareRatio, stableRatio } = rates;
  const best = healthyIncrements(rates, stableRatio, marginRatio).drift;
  let loss = 0;
  let reached = 0;
  for (let step = 1; step <= learningSteps; step += 1) {
    const next = until * 10 ** (-4 * (1 - step / learningSteps));
    const middle = (reached + next) / 2;
    const seen = learnedRequests + (1 - shareRatio) * middle;
    const believed = clampRatio((1 + seen * stableRatio) / (200 + seen));
    loss += (next - reached) * (best - healthyIncrements(rates, believed, marginRatio).drift);
    reached = next;
  }
  return Math.max(0, loss);
}

const learningSteps = 40;

function healthyIncrements(rates: ArmRates, believed: number, marginRatio: number): Increments {
  const alternative = { candidateRatio: believed, stableRatio: believed };
  const sizes = { candidate: rates.shareRatio, stable: 1 - rates.shareRatio };
  return increments(rates, alternative, onMargin(sizes, alternative, marginRatio));
}

export interface Increments {
  readonly drift: number;
  readonly variance: number;
}

/** Mean and variance of what one request brings to log E. */
function increments(rates: ArmRates, alternative: RatePair, nearest: RatePair): Increments {
  const { shareRatio, stableRatio } = rates;
  const candidateRatio = Math.min(1, rates.candidateRatio);
  const candidate = coin(candidateRatio, alternative.candidateRatio, nearest.candidateRatio);
  const stable = coin(stableRatio, alternative.stableRatio, nearest.stableRatio);
  return {
    drift: shareRatio * candidate.drift + (1 - shareRatio) * stable.drift,
    variance: shareRatio * candidate.variance + (1 - shareRatio) * stable.variance,
  };
}

function coin(ratio: number, alternativeRatio: number, nullRatio: number): Increments {
  const bad = Math.log(alternativeRatio / nullRatio);
  const good = Math.log1p(-alternativeRatio) - Math.log1p(-nullRatio);
  return {
    drift: ratio * bad + (1 - ratio) * good,
    variance: ratio * (1 - ratio) * (bad - good) ** 2,
  };
}

/**
 * Requests of a candidate that has all traffic until it is rolled back for failing more than `allowedRatio`: the one-sample
 * test of objective-evidence.ts. Infinity: it keeps what it may.
 */
export function requestsAlone(
  candidateRatio: number,
  allowedRatio: number,
  { falseRollbackRatio, promiseCount }: { falseRollbackRatio: number; promiseCount: number },
): number {
  if (candidateRatio <= allowedRatio) return Infinity;
  const limit = -Math.log((falseRollbackRatio * budgetShares.bake) / promiseCount);
  const all = worseRatios(allowedRatio).map((ratio, index) => {
    const nats = limit - (openingLogs[index] ?? 0) - givenBackByNeighbours;
    return passageRequests(nats, coin(Math.min(1, candidateRatio), ratio, allowedRatio), half);
  });
  return Math.min(...all);
}

/** Parts of the false rollbacks allowed, as gate-state.ts shares them. */
export function sharesIn({ latency, metrics = [] }: Pick<GateSettings, 'latency' | 'metrics'>): {
  readonly errors: number;
  readonly latency: number;
  readonly perWeight: number;
} {
  const latencyWeight = latency === 'off' ? 0 : budgetShares.latency;
  let weights: number = budgetShares.errors + latencyWeight;
  for (const { weight } of metrics) weights += weight;
  const perWeight = (1 - budgetShares.bake) / weights;
  return {
    errors: budgetShares.errors * perWeight,
    latency: latencyWeight * perWeight,
    perWeight,
  };
}

/** log of the mass of "like stable" at the beginning. */
export const openingHealthyLog = Math.log(massAtOnce * healthyWeights[0]);

const half = 0.5;
const openingLogs = alternativeWeights.map((weight) => Math.log(massAtOnce * weight));
const givenBackByNeighbours = 0.1;
const givenBackByHealthy = 0.2;
