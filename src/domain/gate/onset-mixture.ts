/**
 * A weighted average of many test martingales: one for each size of the regression (alternative) and each time at which
 * it may have begun (onset). An average of e-processes is an e-process, so nothing has to be known beforehand.
 *
 * Without onsets, a regression that begins at minute 5 would first have to eat up 5 minutes of good behaviour. The mass
 * is therefore put into play in parts (gamma): 0.75 at once, 0.22 evenly over the planned time, and 0.03 over all the time
 * after. Mass in play is multiplied by each block's E, mass not yet in play stands still at 1:
 *
 *   M_j <- (M_j + pi_j * gamma_now) * E_j        W = (1 - gamma so far) + sum of M_j
 *
 * A part comes with every block rather than every 10 s: a candidate that dies at minute 5 makes so much evidence at once that
 * a small part suffices, and waiting for the next large one would cost users seconds of it.
 *
 * This is the e-detector of Shin, Ramdas and Rinaldo (arXiv 2203.03532), with weights that sum to 1 so that the error is
 * per release rather than per hour. Masses are plain numbers, not logarithms, which saves most of the time of a tick: one that
 * falls below the smallest double becomes 0, and the next part put into play takes its place; one is never above 1e200,
 * which only makes the process smaller.
 *
 * Worked example: opened with 60 s planned, 0.75 is in play; at 12 s 0.794, at 60 s 0.97, at 120 s 0.985.
 */
export interface OnsetMixture {
  readonly openedAtMs: number;
  readonly plannedMs: number;
  /** Part of the mass in play, in [0.75, 1). */
  readonly inPlayRatio: number;
  /** M_j of each alternative, in [0, 1e200]. */
  readonly masses: readonly number[];
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
    masses: weights.map((weight) => weight * massAtOnce),
  };
}

/** `weights` are those the mixture was opened with. Puts what is due at `atMs` into play, then multiplies by the block's e-variables, one for each alternative. */
export function advance(
  mixture: OnsetMixture,
  weights: readonly number[],
  atMs: number,
  logEvidences: readonly number[],
): OnsetMixture {
  const { openedAtMs, plannedMs } = mixture;
  const inPlayRatio = Math.max(mixture.inPlayRatio, inPlayAt(atMs - openedAtMs, plannedMs));
  const added = inPlayRatio - mixture.inPlayRatio;
  // A copy has its length at once; an array grown by pushes is made twice.
  const masses = mixture.masses.slice();
  for (let index = 0; index < masses.length; index += 1) {
    const factor = Math.exp(Math.min(logFactorMax, logEvidences[index] ?? 0));
    const mass = (masses[index] ?? 0) + added * (weights[index] ?? 0);
    masses[index] = Math.min(massMax, mass * factor);
  }
  return { openedAtMs, plannedMs, inPlayRatio, masses };
}

/** W. */
export function evidenceOf({ inPlayRatio, masses }: OnsetMixture): number {
  let sum = 1 - inPlayRatio;
  for (const mass of masses) sum += mass;
  return sum;
}

/** log W. */
export function logEvidence(mixture: OnsetMixture): number {
  return Math.log(evidenceOf(mixture));
}

/**
 * Shrinks the masses so that W is at most about `exp(logMax)`. It only ever makes the process smaller, so it stays valid;
 * it forgets how bad the past was, so that the evidence falls soon after things get better.
 */
export function capped(mixture: OnsetMixture, logMax: number): OnsetMixture {
  const sum = evidenceOf(mixture) - (1 - mixture.inPlayRatio);
  const most = Math.exp(logMax);
  if (sum <= most) return mixture;
  return { ...mixture, masses: mixture.masses.map((mass) => (mass / sum) * most) };
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

export const massAtOnce = 0.75;
const massPlanned = 0.22;
const massOvertime = 0.03;
const massMax = 1e200;
/** So that even the largest mass times this is a double. */
const logFactorMax = 200;
/** A shorter plan would put all into play in the first blocks. */
const plannedMsMin = 10_000;

function inPlayAt(elapsedMs: number, wantedMs: number): number {
  const plannedMs = Math.max(plannedMsMin, wantedMs);
  if (elapsedMs <= 0) return massAtOnce;
  if (elapsedMs <= plannedMs) return massAtOnce + (massPlanned * elapsedMs) / plannedMs;
  return massAtOnce + massPlanned + massOvertime * (1 - plannedMs / elapsedMs);
}

function multipliedOdds(ratio: number, factor: number): number {
  return (factor * ratio) / (1 - ratio + factor * ratio);
}
