import { edgesPerDoubling, type ScaleCounts, scaleLength, sum } from './latency-scale.ts';

/**
 * What a slower candidate may look like, as ratios r_b of its share in each place of the scale to stable's. For a block in
 * which the candidate has the part w of the requests, k_b of both arms in place b and c_b of them the candidate's,
 *
 *   log E = sum over b of  c_b log r_b - k_b log(1 + w (r_b - 1)).
 *
 * E averages to 1 at most while the candidate isn't slower in the stochastic order, provided that r never falls with b.
 * Why: with h_c and h_s the true shares, log E[E] = n_c log sum h_c r/m + n_s log sum h_s 1/m, m = 1 + w (r - 1). r/m rises
 * with r, so h_c is at worst h_s; the logarithm is concave, so it all is at most N log sum h_s (w r + 1 - w)/m = N log 1 = 0.
 * Nothing in it asks that stable's shares are estimated well or stay what they were: shared slowness does no harm.
 *
 * The ratios: stable's shares f, moved up the scale (all latencies times 1.1, 1.25, 1.6 or 2.5), or only their part
 * above p90 (times 2 or 4), divided by f, and made to rise by pooling neighbours that fall (isotonic regression, weighted
 * by f).
 */
export interface SlowerRatios {
  /** For each alternative r_b. */
  readonly ratios: readonly Float64Array[];
  /** The same by place, those of all alternatives one after the other, and their logarithms. */
  readonly byPlace: Float64Array;
  readonly logByPlace: Float64Array;
}

/** pi_j of the alternatives; sums to 1. */
export const slowerWeights: readonly number[] = [0.16, 0.18, 0.16, 0.12, 0.26, 0.12];

const scaleFactors = [1.1, 1.25, 1.6, 2.5] as const;
const tailFactor = 2;
/** More requests above a quantile, wherever above it. */
const moreSlow = [{ above: 0.03, factor: 5 }] as const;
/** Where the tail begins. */
const tailRatio = 0.1;
/** Each alternative is by this part stable's own shares, so that no r is 0. */
const unmovedPart = 0.03;

export function slowerRatios(shares: readonly number[]): SlowerRatios {
  const moved = [
    ...scaleFactors.map((factor) => tailMoved(shares, 1, factor)),
    tailMoved(shares, tailRatio, tailFactor),
    ...moreSlow.map(({ above, factor }) => heavierTail(shares, tailStart(shares, above), factor)),
  ];
  const ratios = moved.map((slower) => risingRatios(slower, shares));
  const byPlace = new Float64Array(scaleLength * ratios.length);
  for (const [index, each] of ratios.entries()) {
    for (let place = 0; place < scaleLength; place += 1) {
      byPlace[place * ratios.length + index] = each[place] ?? 1;
    }
  }
  return { ratios, byPlace, logByPlace: byPlace.map((ratio) => Math.log(ratio)) };
}

/**
 * log E of each alternative. Factors of few requests are multiplied before the logarithm is taken, which would take most of the
 * time; alternatives are the inner loop, as all of them do the same there.
 */
export function logSlower(
  { ratios, byPlace, logByPlace }: SlowerRatios,
  candidate: ScaleCounts,
  stable: ScaleCounts,
): readonly number[] {
  const share = shareOf(sum(candidate), sum(stable));
  const width = ratios.length;
  const length = Math.max(candidate.length, stable.length);
  sums.fill(0);
  products.fill(1);
  for (let place = 0; place < length; place += 1) {
    const slower = place < candidate.length ? (candidate[place] ?? 0) : 0;
    const both = slower + (place < stable.length ? (stable[place] ?? 0) : 0);
    if (both === 0) continue;
    const from = place * width;
    for (let index = 0; index < width; index += 1) {
      const pooled = 1 + share * ((byPlace[from + index] ?? 1) - 1);
      multiply(index, pooled, both);
    }
    if (slower === 0) continue;
    for (let index = 0; index < width; index += 1) {
      sums[index] = (sums[index] ?? 0) + slower * (logByPlace[from + index] ?? 0);
    }
  }
  const logs: number[] = [];
  for (let index = 0; index < width; index += 1) {
    logs.push((sums[index] ?? 0) - Math.log(products[index] ?? 1));
  }
  return logs;
}

function shareOf(candidateRequests: number, stableRequests: number): number {
  return candidateRequests / (candidateRequests + stableRequests);
}

// Work space of `logSlower`, which is the only one to use it and sets it up.
const sums = new Float64Array(16);
const products = new Float64Array(16);

function multiply(index: number, factor: number, times: number): void {
  if (times > multipliedMax) {
    sums[index] = (sums[index] ?? 0) - times * Math.log(factor);
    return;
  }
  let power = factor;
  for (let time = 1; time < times; time += 1) power *= factor;
  const product = power * (products[index] ?? 1);
  if (product < 1e100 && product > 1e-100) {
    products[index] = product;
    return;
  }
  sums[index] = (sums[index] ?? 0) - Math.log(product);
  products[index] = 1;
}

/** Of factors between 0.03 and 1e6 these many keep the product within a double. */
const multipliedMax = 8;

/** The first place of the scale above which at most `ratio` of the shares lie. */
export function tailStart(shares: readonly number[], ratio: number): number {
  let above = 0;
  for (let place = scaleLength - 1; place > 0; place -= 1) {
    above += shares[place] ?? 0;
    if (above > ratio) return place + 1;
  }
  return 1;
}

/** `factor` times the share above a place, at the cost of all below. */
function heavierTail(shares: readonly number[], from: number, factor: number): number[] {
  const above = sum(shares.slice(from));
  const below = sum(shares) - above;
  const less = Math.max(0, (below - (factor - 1) * above) / below);
  return shares.map((share, place) => share * (place < from ? less : factor));
}

/**
 * The slowest part `ratio` of the shares moved up by a factor, the others left; what falls between two places is divided among
 * them, and of the place in which that part begins only the rest is moved.
 */
function tailMoved(shares: readonly number[], ratio: number, factor: number): number[] {
  const places = edgesPerDoubling * Math.log2(factor);
  const whole = Math.floor(places);
  const part = places - whole;
  const moved = shares.map(() => 0);
  const put = (place: number, share: number): void => {
    const at = Math.min(scaleLength - 1, place);
    moved[at] = (moved[at] ?? 0) + share;
  };
  let left = ratio;
  for (let place = scaleLength - 1; place >= 0; place -= 1) {
    const share = shares[place] ?? 0;
    const slow = Math.min(share, left);
    left -= slow;
    put(place, share - slow);
    put(place + whole, (1 - part) * slow);
    put(place + whole + 1, part * slow);
  }
  return moved;
}

/** Work space of `risingRatios`, of which nothing is kept between calls. */
const poolSpace = {
  sumsMoved: new Float64Array(scaleLength),
  sumsShare: new Float64Array(scaleLength),
  ends: new Uint8Array(scaleLength),
};

/** moved / shares, made to rise: pool adjacent violators (Ayer et al. 1955), weighted by the shares. */
function risingRatios(moved: readonly number[], shares: readonly number[]): Float64Array {
  const { sumsMoved, sumsShare, ends } = poolSpace;
  let pools = 0;
  for (let place = 0; place < scaleLength; place += 1) {
    let sumMoved = moved[place] ?? 0;
    let sumShare = shares[place] ?? 0;
    while (pools > 0) {
      const lastMoved = sumsMoved[pools - 1] ?? 0;
      const lastShare = sumsShare[pools - 1] ?? 0;
      if (lastMoved * sumShare <= sumMoved * lastShare) break;
      sumMoved += lastMoved;
      sumShare += lastShare;
      pools -= 1;
    }
    sumsMoved[pools] = sumMoved;
    sumsShare[pools] = sumShare;
    ends[pools] = place + 1;
    pools += 1;
  }
  const ratios = new Float64Array(scaleLength);
  let place = 0;
  let floor = 0;
  for (let pool = 0; pool < pools; pool += 1) {
    const ratio = (sumsMoved[pool] ?? 0) / (sumsShare[pool] ?? 1);
    // Rounding must not make it fall by a bit either.
    floor = Math.max(floor, unmovedPart + (1 - unmovedPart) * ratio);
    const end = ends[pool] ?? scaleLength;
    ratios.fill(floor, place, end);
    place = end;
  }
  return ratios;
}
