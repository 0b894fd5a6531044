import { natsAgainst, type Situation } from '../../src/domain/gate/required-requests.ts';

/**
 * One-sided 95 % upper bound of a chance after `hits` of `runs` (Clopper and Pearson 1934): the ratio at which so few
 * hits have a chance of 5 %. Worked example: 0 of 20,000 give 0.0150 %, 12 of 20,000 give 0.0972 %.
 */
export function upperBound95(hits: number, runs: number): number {
  if (runs === 0 || hits >= runs) return 1;
  let [low, high] = [hits / runs, 1];
  for (let step = 0; step < 60; step += 1) {
    const middle = (low + high) / 2;
    if (chanceOfAtMost(hits, runs, middle) > 0.05) low = middle;
    else high = middle;
  }
  return high;
}

/** Of a binomial count; summed from the top, each term a ratio of the one above, until they no longer matter. */
function chanceOfAtMost(hits: number, runs: number, ratio: number): number {
  const odds = ratio / (1 - ratio);
  let logTop = runs * Math.log1p(-ratio) + hits * Math.log(odds);
  for (let index = 1; index <= hits; index += 1) logTop += Math.log((runs - index + 1) / index);
  let [sum, term] = [1, 1];
  for (let index = hits; index > 0 && term > 1e-18 * sum; index -= 1) {
    term *= index / ((runs - index + 1) * odds);
    sum += term;
  }
  return Math.exp(logTop) * sum;
}

/**
 * The fewest candidate requests that any test with this chance of a false rollback needs on average, even one that knows
 * both ratios beforehand: log(1 / alpha) nats at what a request brings (Wald 1945).
 * Worked example: 5 % share, 0.1 % against 5.1 %: 61 requests.
 */
export function waldRequests(situation: Situation, falseRollbackRatio: number): number {
  return (-Math.log(falseRollbackRatio) * situation.shareRatio) / natsAgainst(situation);
}
