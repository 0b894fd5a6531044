import type { GateSettings } from '../release/revision.ts';
import { sharesIn } from './expected-requests.ts';
import { slowerRatios, slowerWeights } from './latency-alternatives.ts';
import {
  edgesPerDoubling,
  scaleLength,
  scaleLowerUs,
  slowerByRatioOf,
  sum,
  withTolerance,
} from './latency-scale.ts';
import { massAtOnce } from './onset-mixture.ts';
import { passageRequests } from './passage.ts';

/**
 * How many requests of both arms until a slower candidate is rolled back, half of the time, from what stable's latencies are:
 * the gate's own alternatives (latency-alternatives.ts) bring the evidence, as for errors in expected-requests.ts. How
 * soon "slower by 20 %" is seen depends on how wide the latencies are spread, so without stable's it can't be told.
 */
export function requestsToFindSlower(
  slower: { readonly factor: number; readonly shareRatio: number },
  /** Stable's counts on the scale. */
  stable: readonly number[],
  settings: GateSettings,
): number {
  const { factor, shareRatio } = slower;
  const budgetShareRatio = sharesIn(settings).latency;
  if (budgetShareRatio === 0 || shareRatio <= 0 || shareRatio >= 1) return Infinity;
  const shares = shareOf(stable);
  const candidate = movedUp(shares, factor, slowerByRatioOf(settings));
  const limit = -Math.log(settings.falseRollbackRatio * budgetShareRatio);
  const { ratios } = slowerRatios(shares);
  const all = ratios.map((ratio, index) => {
    const nats = limit - Math.log(massAtOnce * (slowerWeights[index] ?? 0));
    let drift = 0;
    let square = 0;
    for (let place = 0; place < scaleLength; place += 1) {
      const r = ratio[place] ?? 1;
      const pooled = Math.log(1 + shareRatio * (r - 1));
      const ofCandidate = shareRatio * (candidate[place] ?? 0);
      const ofStable = (1 - shareRatio) * (shares[place] ?? 0);
      drift += ofCandidate * (Math.log(r) - pooled) - ofStable * pooled;
      square += ofCandidate * (Math.log(r) - pooled) ** 2 + ofStable * pooled ** 2;
    }
    return passageRequests(nats, { drift, variance: square - drift * drift }, 0.5);
  });
  return Math.min(...all);
}

/** Every place has a little, as in the gate's own reference. */
function shareOf(counts: readonly number[]): readonly number[] {
  const total = sum(counts) + 0.1 * scaleLength;
  return Array.from({ length: scaleLength }, (_, place) => ((counts[place] ?? 0) + 0.1) / total);
}

/** All latencies times `factor`, with the tolerance taken off; what falls between two places is divided among them. */
function movedUp(shares: readonly number[], factor: number, tolerance: number): readonly number[] {
  const moved = Array.from({ length: scaleLength }, () => 0);
  for (const [place, share] of shares.entries()) {
    const us = Math.max(100, scaleLowerUs(place)) * 2 ** (0.5 / edgesPerDoubling);
    const excess = (factor * us) / withTolerance(us, tolerance);
    const to = Math.max(0, place + edgesPerDoubling * Math.log2(excess));
    const low = Math.min(scaleLength - 1, Math.floor(to));
    const high = Math.min(scaleLength - 1, low + 1);
    const part = Math.min(1, to - Math.floor(to));
    moved[low] = (moved[low] ?? 0) + (1 - part) * share;
    moved[high] = (moved[high] ?? 0) + part * share;
  }
  return moved;
}
