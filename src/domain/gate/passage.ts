/**
 * When evidence first reaches a limit. Evidence is a sum of what each request brings: on average `drift` nats, with `variance`.
 * Taken as a Brownian motion, the requests until it first reaches b have the inverse Gaussian distribution with mean b / drift
 * and shape b^2 / variance (Schroedinger 1915; Wald 1947), whose distribution function is
 *
 *   P(N <= n) = Phi(sqrt(s/n) (n/m - 1)) + exp(2 s/m) Phi(-sqrt(s/n) (n/m + 1)).
 *
 * It is skewed: half of all releases are through well before the mean. Worked example: b = 5.6 nats at 0.001 each with
 * variance 0.002: m = 5,600, s = 15,680; the median is 4,767, 15 % under the mean.
 */
export function passageRequests(
  nats: number,
  { drift, variance }: { readonly drift: number; readonly variance: number },
  quantile: number,
): number {
  if (nats <= 0) return 0;
  if (!(drift > 0)) return Infinity;
  const mean = nats / drift;
  if (!(variance > 0)) return mean;
  const shape = (nats * nats) / variance;
  let [low, high] = [0, mean];
  while (passed(high, mean, shape) < quantile && high < 1e6 * mean) high *= 2;
  for (let step = 0; step < 60; step += 1) {
    const middle = (low + high) / 2;
    if (passed(middle, mean, shape) < quantile) low = middle;
    else high = middle;
  }
  return high;
}

function passed(requests: number, mean: number, shape: number): number {
  const root = Math.sqrt(shape / requests);
  const near = normalDistribution(root * (requests / mean - 1));
  // exp times a tail: taken together in logarithms, as each by itself leaves the range of numbers.
  const far = Math.exp((2 * shape) / mean + logNormalTail(root * (requests / mean + 1)));
  return near + far;
}

/** Phi, within 1e-7 (Abramowitz and Stegun 26.2.17 for the tail). */
function normalDistribution(x: number): number {
  return x >= 0 ? 1 - Math.exp(logNormalTail(x)) : Math.exp(logNormalTail(-x));
}

/** log P(Z > x) for x >= 0. */
function logNormalTail(x: number): number {
  const t = 1 / (1 + 0.231_641_9 * x);
  let sum = 0;
  for (const coefficient of tailCoefficients) sum = (sum + coefficient) * t;
  return Math.log(sum) - (x * x) / 2 - 0.5 * Math.log(2 * Math.PI);
}

/** From the fifth power down to the first. */
const tailCoefficients = [
  1.330_274_429, -1.821_255_978, 1.781_477_937, -0.356_563_782, 0.319_381_53,
] as const;
