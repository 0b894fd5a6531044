import type { ArmCount } from '../traffic/samples/traffic-sample.ts';

/**
 * E-variables for one block of requests: numbers E >= 0 that are 1 at most on average while a null hypothesis holds, so
 * that their running product is a supermartingale and rarely grows large (Ville 1939: P(sup >= 1/alpha) <= alpha,
 * however often one looks). Everything here is in natural logarithms.
 *
 * One lemma carries all of them (Turner, Ly, Gruenwald, "Generic E-variables for exact sequential k-sample tests that
 * allow for optional stopping", JSPI 2024, arXiv 2106.02693). Let the null be a convex set of pairs (p_c, p_s), let the
 * alternative (t_c, t_s) lie outside it and be chosen before the block is seen, and let (x_c, x_s) be the point of the null
 * with the least n_c KL(t_c || x_c) + n_s KL(t_s || x_s). Then the likelihood ratio of the alternative to that point,
 *
 *   E = (t_c/x_c)^k_c ((1-t_c)/(1-x_c))^(n_c-k_c) (t_s/x_s)^k_s ((1-t_s)/(1-x_s))^(n_s-k_s),
 *
 * has E[E] <= 1 for every pair of the null. Why: f(p) = log E_p[E] = n_c log(linear in p_c) + n_s log(linear in p_s) is
 * concave, is 0 at x, and its gradient there is minus the gradient of the divergence, which points out of the null.
 * Because this holds for every pair, the base rate may differ from block to block: drift and shared outages do no harm.
 * Within a block rates may wander too, as long as both arms see the same mean: f is concave in each request's own rate.
 *
 * Worked example: 4 of 4 candidate requests and 0 of 76 stable ones fail, t = (0.97, 0.005). The pooled rate is
 * 0.05 * 0.97 + 0.95 * 0.005 = 0.05325, and log E = 4 log(0.97/0.05325) + 76 log(0.995/0.94675) = 11.61 + 3.78 = 15.4,
 * past 1/alpha = 1000 (6.9) even after the 2.9 + 0.4 that the average over alternatives and the shared budget cost.
 */
export interface RatePair {
  readonly candidateRatio: number;
  readonly stableRatio: number;
}

export interface Block {
  readonly candidate: ArmCount;
  readonly stable: ArmCount;
}

/** Rates are kept this far from 0 and 1, so that no logarithm is infinite. */
export const ratioMin = 1e-6;

export function clampRatio(ratio: number): number {
  return Math.min(1 - ratioMin, Math.max(ratioMin, ratio));
}

/** log of the likelihood ratio of an alternative to its projection on the null. */
export function logLikelihoodRatio(block: Block, alternative: RatePair, nearest: RatePair): number {
  return (
    logArmRatio(block.candidate, alternative.candidateRatio, nearest.candidateRatio) +
    logArmRatio(block.stable, alternative.stableRatio, nearest.stableRatio)
  );
}

/**
 * One arm's part; by itself the one-sample e-variable of "the failure ratio is at most `nullRatio`", valid when
 * `alternativeRatio` > `nullRatio`: E[E] = (1 + (t - x)(p - x) / (x (1 - x)))^n <= 1 for p <= x.
 */
export function logArmRatio(
  { requests, failures }: ArmCount,
  alternativeRatio: number,
  nullRatio: number,
): number {
  const successes = requests - failures;
  const failed = failures > 0 ? failures * Math.log(alternativeRatio / nullRatio) : 0;
  // log((1 - t) / (1 - x)) without cancellation when both are small.
  const shift = (nullRatio - alternativeRatio) / (1 - nullRatio);
  return failed + (successes > 0 ? successes * Math.log1p(shift) : 0);
}

/**
 * Projection on "the candidate fails no more often than stable": both rates are the pooled one. The share is the one seen
 * in this block, never the configured weight, so a router that splits unevenly does no harm. The alternative must
 * have the candidate's rate above stable's.
 */
export function pooled(sizes: ArmSizes, alternative: RatePair): RatePair {
  const share = sizes.candidate / (sizes.candidate + sizes.stable);
  const ratio = share * alternative.candidateRatio + (1 - share) * alternative.stableRatio;
  return { candidateRatio: ratio, stableRatio: ratio };
}

/** How much each arm counts in a projection: its requests, or its share. */
export interface ArmSizes {
  readonly candidate: number;
  readonly stable: number;
}

export function sizesOf(block: Block): ArmSizes {
  return { candidate: block.candidate.requests, stable: block.stable.requests };
}

/**
 * Projection on "the candidate fails more often than stable by at least the margin d": the point of the line
 * x_c = x + d, x_s = x where the derivative of the divergence
 *
 *   g(x) = n_c (x + d - t_c) / ((x + d)(1 - x - d)) + n_s (x - t_s) / (x (1 - x))
 *
 * is 0. g rises, is negative at max(0, -d, t_c - d) and positive at min(t_s, 1 - d): Newton's steps, halving when one would
 * leave the bracket. A ratio margin (x_c = rho x) is a second line; the null is then the part above both, still convex,
 * and its projection is the one of the two points that satisfies both, or the corner: it would be added here.
 */
export function onMargin(sizes: ArmSizes, alternative: RatePair, marginRatio: number): RatePair {
  const { candidateRatio, stableRatio } = alternative;
  let low = Math.max(0, -marginRatio, candidateRatio - marginRatio);
  let high = Math.min(stableRatio, 1 - marginRatio);
  // Exact when n_c / n_s is small or the variances are alike; else merely a start.
  const guess = (stableRatio * sizes.stable) / (sizes.stable + sizes.candidate);
  let x = guess > low && guess < high ? guess : (low + high) / 2;
  for (let step = 0; step < projectionStepsMax; step += 1) {
    const atCandidate = pull(sizes.candidate, x + marginRatio, candidateRatio);
    const atStable = pull(sizes.stable, x, stableRatio);
    const slope = atCandidate.value + atStable.value;
    if (slope > 0) high = x;
    else low = x;
    const newton = x - slope / (atCandidate.slope + atStable.slope);
    const isInside = newton > low && newton < high;
    const next = isInside ? newton : (low + high) / 2;
    // The error after a step of Newton's is about the square of the step, measured by the distance to a pole.
    const room = Math.min(x, 1 - x, x + marginRatio, 1 - x - marginRatio);
    const isClose = Math.abs(next - x) <= (isInside ? 1e-8 : 1e-14) * room;
    x = next;
    if (isClose) break;
  }
  return { candidateRatio: x + marginRatio, stableRatio: x };
}

/** Halving alone ends within these. */
const projectionStepsMax = 60;

/** n (x - t) / (x (1 - x)), the derivative of n KL(t || x), and its own derivative, which is positive. */
function pull(size: number, x: number, target: number): { value: number; slope: number } {
  const variance = x * (1 - x);
  const distance = x - target;
  const curvature = (distance * distance + target * (1 - target)) / (variance * variance);
  return { value: (size * distance) / variance, slope: size * curvature };
}

/** Kullback-Leibler divergence of two coins in nats; 0 log 0 is 0. */
export function divergence(p: number, q: number): number {
  const heads = p > 0 ? p * Math.log(p / q) : 0;
  return heads + (p < 1 ? (1 - p) * Math.log((1 - p) / (1 - q)) : 0);
}

/** log(sum of exp), without overflow. */
export function logSumExp(logs: readonly number[]): number {
  const largest = Math.max(...logs);
  if (largest === -Infinity) return -Infinity;
  let sum = 0;
  for (const each of logs) sum += Math.exp(each - largest);
  return largest + Math.log(sum);
}
