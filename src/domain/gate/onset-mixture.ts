import { logSumExp } from './e-variable.ts';

/**
 * A weighted average of many test martingales: one for each size of the regression (alternative) and each time at which
 * it may have begun (onset). An average of e-processes is an e-process, so nothing has to be known beforehand.
 *
 * Without onsets, a regression that begins at minute 5 would first have to eat up 5 minutes of good behaviour. The mass
 * is therefore put into play in parts (gamma): 0.6 at once, 0.36 evenly over the planned time, and 0.04 over all the time
 * after. Mass in play is multiplied by each block's E, mass not yet in play stands still at 1:
 *
 *   M_j <- (M_j + pi_j * gamma_now) * E_j        W = (1 - gamma so far) + sum of M_j
 *
 * A part comes with every block rather than every 10 s: a candidate that dies at minute 5 makes so much evidence at once that
 * a small part suffices, and waiting for the next large one would cost users seconds of it.
 *
 * This is the e-detector of Shin, Ramdas and Rinaldo (arXiv 2203.03532), with weights that sum to 1 so that the error is
 * per release rather than per hour. Masses are kept as logarithms: 1e9 good requests are a log of minus millions, and the
 * next part put into play simply outweighs it.
 *
 * Worked example: opened with 60 s planned, 0.6 is in play; at 10 s 0.66, at 60 s 0.96, at 120 s 0.98.
 */
export interface OnsetMixture {
  readonly openedAtMs: number;
  readonly plannedMs: number;
  /** Part of the mass in play, in [0.6, 1). */
  readonly inPlayRatio: number;
  /** log M_j of each alternative. Finite. */
  readonly logMasses: readonly number[];
}

export function openMixture(
  weights: readonly number[],
  atMs: number,
  plannedMs: number,
): OnsetMixture {
  return {
    openedAtMs: atMs,
    plannedMs,
    inPlayRatio: massAtOnce,
    logMasses: weights.map((weight) => Math.log(weight * massAtOnce)),
  };
}

/** `weights` are those the mixture was opened with. Puts what is due at `atMs` into play, then multiplies by the block's e-variables, one for each alternative. */
export function advance(
  mixture: OnsetMixture,
  weights: readonly number[],
  atMs: number,
  logEvidences: readonly number[],
): OnsetMixture {
  const { openedAtMs, plannedMs, logMasses } = mixture;
  const inPlayRatio = Math.max(mixture.inPlayRatio, inPlayAt(atMs - openedAtMs, plannedMs));
  const added = inPlayRatio - mixture.inPlayRatio;
  const logAdded = added > 0 ? Math.log(added) : null;
  const next = logMasses.map((mass, index) => {
    const part = logAdded === null ? null : logAdded + Math.log(weights[index] ?? 0);
    return (part === null ? mass : logAdd(mass, part)) + (logEvidences[index] ?? 0);
  });
  return { ...mixture, inPlayRatio, logMasses: next };
}

/** log W. */
export function logEvidence(mixture: OnsetMixture): number {
  return logSumExp([Math.log(1 - mixture.inPlayRatio), ...mixture.logMasses]);
}

/**
 * Shrinks the masses so that log W is at most about `logMax`. It only ever makes the process smaller, so it stays valid;
 * it forgets how bad the past was, so that the evidence falls soon after things get better.
 */
export function capped(mixture: OnsetMixture, logMax: number): OnsetMixture {
  const excess = logSumExp(mixture.logMasses) - logMax;
  if (excess <= 0) return mixture;
  return { ...mixture, logMasses: mixture.logMasses.map((mass) => mass - excess) };
}

/**
 * Failure ratios that a regression from `baseRatio` may have: five odds ratios and two absolute levels. `baseRatio` is in
 * (0, 1), and all are above it whatever it is: an alternative on the wrong side would be no e-variable.
 */
export function worseRatios(baseRatio: number): readonly number[] {
  const least = multipliedOdds(baseRatio, oddsRatios[0]);
  return [
    ...oddsRatios.map((factor) => multipliedOdds(baseRatio, factor)),
    ...absoluteRatios.map((ratio) => Math.max(ratio, least)),
  ];
}

const oddsRatios = [1.5, 2.5, 5, 12, 40] as const;
const absoluteRatios = [0.4, 0.97] as const;
/** pi_j, in the order of `worseRatios`; sums to 1. */
export const alternativeWeights: readonly number[] = [0.18, 0.18, 0.18, 0.16, 0.12, 0.09, 0.09];

const massAtOnce = 0.6;
const massPlanned = 0.36;
const massOvertime = 0.04;
/** A shorter plan would put all into play in the first blocks. */
const plannedMsMin = 10_000;

function inPlayAt(elapsedMs: number, wantedMs: number): number {
  const plannedMs = Math.max(plannedMsMin, wantedMs);
  if (elapsedMs <= 0) return massAtOnce;
  if (elapsedMs <= plannedMs) return massAtOnce + (massPlanned * elapsedMs) / plannedMs;
  return massAtOnce + massPlanned + massOvertime * (1 - plannedMs / elapsedMs);
}

/** log(exp(a) + exp(b)). */
function logAdd(a: number, b: number): number {
  return a > b ? a + Math.log1p(Math.exp(b - a)) : b + Math.log1p(Math.exp(a - b));
}

function multipliedOdds(ratio: number, factor: number): number {
  return (factor * ratio) / (1 - ratio + factor * ratio);
}
