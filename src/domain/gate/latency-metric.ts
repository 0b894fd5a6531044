import { blockAgeMaxMs, noBlock, type ArmBlock, extended, wideReadinessOf } from './arm-block.ts';
import { keptAfter } from './base-rate.ts';
import {
  logSlower,
  type SlowerRatios,
  slowerRatios,
  slowerWeights,
  tailStart,
} from './latency-alternatives.ts';
import {
  addToScale,
  emptyScale,
  plusCounts,
  quantileUs,
  type ScaleCounts,
  scaleLength,
  type SparseHistogram,
  sum,
  tallyFrom,
  withTolerance,
} from './latency-scale.ts';
import { healthyWeights, logMarginEvidences } from './non-inferiority.ts';
import { advance, type OnsetMixture, openMixture } from './onset-mixture.ts';
import { boundedKey } from './stratum-key.ts';

/**
 * Latency, or any other histogram on its scale. `slower` is the evidence that the candidate's latencies, divided by one plus
 * the tolerance, are stochastically greater than stable's, from the whole histogram at once (latency-alternatives.ts).
 * `notSlower` is the evidence that the share of candidate requests slower than stable's p95 (and the tolerance)
 * is not more than 2.5 points above stable's own.
 *
 * Like errors it assumes that requests are independent given the times; a pause of one instance slows all its requests
 * together.
 */
export interface LatencyMetric {
  readonly slowerByRatio: number;
  readonly strata: readonly LatencyStratum[];
  readonly wide: WideBlock | null;
  readonly comparedAtMs: number | null;
  readonly slower: OnsetMixture;
  readonly notSlower: OnsetMixture;
}

/** All counts are on the scale, the candidate's with the tolerance taken off. */
interface LatencyStratum {
  readonly key: string;
  readonly block: HistogramPair & { readonly sinceMs: number | null };
  /** Complete blocks that the reference has not learned from yet. */
  readonly fresh: HistogramPair;
  readonly reference: LatencyReference | null;
}

interface HistogramPair {
  readonly candidate: ScaleCounts;
  readonly stable: ScaleCounts;
}

/** What is known from before; refreshed by counts and times only. */
interface LatencyReference {
  /** Faded counts, half-life 60 s. */
  readonly seen: HistogramPair;
  readonly atMs: number;
  /** Requests in this place of the scale or above are slower than stable's p95, or what the scale has nearest. */
  readonly slowFrom: number;
  readonly slowRatio: number;
}

/** `failures` of the arms are requests slower than the limit, which holds for the whole block. */
interface WideBlock extends ArmBlock {
  readonly slowFrom: number;
  readonly slowRatio: number;
}

export function openLatencyMetric(
  slowerByRatio: number,
  atMs: number,
  plannedMs: number,
): LatencyMetric {
  return {
    slowerByRatio,
    strata: [],
    wide: null,
    comparedAtMs: null,
    slower: openMixture(slowerWeights, atMs, plannedMs),
    notSlower: openMixture(healthyWeights, atMs, plannedMs),
  };
}

/** By how much the share of slow requests may rise and still count as not slower: 5 % to 7.5 %. */
export const slowMarginRatio = 0.025;

export function addToLatencyMetric(
  metric: LatencyMetric,
  interval: StratumHistograms,
  atMs: number,
): LatencyMetric {
  const { slowerByRatio } = metric;
  const stratum = stratumOf(metric.strata, interval.key);
  const block = {
    candidate: addToScale(stratum.block.candidate, interval.candidate, slowerByRatio),
    stable: addToScale(stratum.block.stable, interval.stable, 0),
    sinceMs: stratum.block.sinceMs ?? atMs,
  };
  return takeBlock(metric, stratum, block, atMs);
}

/** `addToLatencyMetric` for counts that are on the scale already, the candidate's with the tolerance taken off. */
export function addScaledToLatencyMetric(
  metric: LatencyMetric,
  interval: ScaledStratum,
  atMs: number,
): LatencyMetric {
  const stratum = stratumOf(metric.strata, interval.key);
  const block = {
    candidate: plusCounts(stratum.block.candidate, interval.candidate),
    stable: plusCounts(stratum.block.stable, interval.stable),
    sinceMs: stratum.block.sinceMs ?? atMs,
  };
  return takeBlock(metric, stratum, block, atMs);
}

function takeBlock(
  metric: LatencyMetric,
  stratum: LatencyStratum,
  block: LatencyStratum['block'] & { readonly sinceMs: number },
  atMs: number,
): LatencyMetric {
  const least = Math.min(sum(block.candidate), sum(block.stable));
  const isOld = atMs - block.sinceMs >= blockAgeMaxMs;
  if (least >= histogramRequestsMin || (isOld && least > 0)) {
    return compare(metric, stratum, block, atMs);
  }
  const { key, fresh, reference } = stratum;
  return withStratum(metric, { key, block: isOld ? noPair : block, fresh, reference });
}

/** While the candidate warms up: stable's latencies are learned from, and nothing is compared. */
export function learnStable(
  metric: LatencyMetric,
  { stable, key }: StratumHistograms,
  atMs: number,
): LatencyMetric {
  return learnScaledStable(metric, { stable: addToScale(emptyScale, stable, 0), key }, atMs);
}

/** `learnStable` for counts that are on the scale already. */
export function learnScaledStable(
  metric: LatencyMetric,
  { stable, key }: Pick<ScaledStratum, 'stable' | 'key'>,
  atMs: number,
): LatencyMetric {
  const stratum = stratumOf(metric.strata, key);
  const { block, fresh, reference } = stratum;
  const more = { candidate: fresh.candidate, stable: plusCounts(fresh.stable, stable) };
  return withStratum(metric, learn({ key: stratum.key, block, fresh: more, reference }, atMs));
}

/** Of each arm. A comparison of histograms costs more than one of counts, so its blocks are a little larger. */
const histogramRequestsMin = 4;

export interface StratumHistograms {
  readonly candidate: SparseHistogram;
  readonly stable: SparseHistogram;
  readonly key: string;
}

export interface ScaledStratum extends HistogramPair {
  readonly key: string;
}

/** Requests of a histogram that are slower than stable's p95 as known now; null: it is not known yet. */
export function slowTally(
  metric: LatencyMetric,
  histogram: SparseHistogram,
  arm: 'candidate' | 'stable',
): { readonly requests: number; readonly failures: number } | null {
  const reference = metric.strata[0]?.reference ?? null;
  if (reference === null) return null;
  return tallyFrom(histogram, arm === 'candidate' ? metric.slowerByRatio : 0, reference.slowFrom);
}

export function closeLatencyBlocks(metric: LatencyMetric): LatencyMetric {
  if (metric.strata.length === 0) return metric;
  const strata = metric.strata.map((stratum) => ({ ...stratum, block: noPair }));
  return { ...metric, strata, wide: null };
}

/** p95 of both arms in the last minutes, in milliseconds, of all strata together; null: not known. */
export function latencyP95(metric: LatencyMetric): {
  readonly candidateMs: number | null;
  readonly stableMs: number | null;
} {
  let all: HistogramPair = { candidate: emptyScale, stable: emptyScale };
  for (const { fresh, reference } of metric.strata) {
    all = added(all, fresh);
    if (reference !== null) all = added(all, reference.seen);
  }
  const candidateUs = quantileUs(all.candidate, 0.95);
  const stableUs = quantileUs(all.stable, 0.95);
  return {
    candidateMs:
      candidateUs === null ? null : withTolerance(candidateUs, metric.slowerByRatio) / 1000,
    stableMs: stableUs === null ? null : stableUs / 1000,
  };
}

function compare(
  metric: LatencyMetric,
  { key, fresh, reference }: LatencyStratum,
  block: HistogramPair,
  atMs: number,
): LatencyMetric {
  const learned = learn({ key, block: noPair, fresh: added(fresh, block), reference }, atMs);
  if (reference === null) return withStratum(metric, learned);
  const logs = logSlower(ratiosOf(reference), block.candidate, block.stable);
  const { wide, notSlower } = widen(metric, reference, block, atMs);
  return {
    slowerByRatio: metric.slowerByRatio,
    strata: replaced(metric.strata, learned),
    wide,
    comparedAtMs: atMs,
    slower: advance(metric.slower, slowerWeights, atMs, logs),
    notSlower,
  };
}

/** Kept by the identity of the reference, which lives for seconds and is used for every block. */
function ratiosOf(reference: LatencyReference): SlowerRatios {
  if (reference === last?.reference) return last.ratios;
  let ratios = computed.get(reference);
  if (ratios === undefined) {
    ratios = slowerRatios(smoothed(reference.seen.stable));
    computed.set(reference, ratios);
  }
  last = { reference, ratios };
  return ratios;
}

/** A map with weak keys takes half a microsecond to look into, a fifth of all a block of latencies takes. */
let last: { readonly reference: LatencyReference; readonly ratios: SlowerRatios } | null = null;
const computed = new WeakMap<LatencyReference, SlowerRatios>();

function widen(
  { wide: known, notSlower }: LatencyMetric,
  reference: LatencyReference,
  block: HistogramPair,
  atMs: number,
): Pick<LatencyMetric, 'wide' | 'notSlower'> {
  // Whoever only rolls back asks for no evidence of the other side.
  if (notSlower.masses.length === 0) return { wide: null, notSlower };
  const from = known ?? { ...noBlock, ...limitOf(reference) };
  const { slowFrom, slowRatio } = from;
  const pair = {
    candidate: slowOf(block.candidate, slowFrom),
    stable: slowOf(block.stable, slowFrom),
  };
  const wide = { ...extended(from, pair, atMs), slowFrom, slowRatio };
  const readiness = wideReadinessOf(wide, atMs);
  if (readiness === 'waiting') return { wide, notSlower };
  if (readiness === 'too-old') return { wide: null, notSlower };
  const logs = logMarginEvidences(wide, slowRatio, slowMarginRatio);
  return { wide: null, notSlower: advance(notSlower, healthyWeights, atMs, logs) };
}

function limitOf({ slowFrom, slowRatio }: LatencyReference): {
  readonly slowFrom: number;
  readonly slowRatio: number;
} {
  return { slowFrom, slowRatio };
}

function slowOf(counts: ScaleCounts, slowFrom: number): { requests: number; failures: number } {
  let requests = 0;
  let failures = 0;
  for (let place = 0; place < counts.length; place += 1) {
    const count = counts[place] ?? 0;
    requests += count;
    if (place >= slowFrom) failures += count;
  }
  return { requests, failures };
}

/** Makes a new reference when much is new; a fold costs more than a comparison, so it is made rarely. */
function learn(stratum: LatencyStratum, atMs: number): LatencyStratum {
  const { fresh, reference } = stratum;
  const freshRequests = sum(fresh.stable);
  const knownRequests = reference === null ? 0 : sum(reference.seen.stable);
  const isMuch = freshRequests >= Math.max(referenceRequestsMin, knownRequests / 2);
  const isLong = reference !== null && atMs - reference.atMs >= referenceAgeMs;
  if (!isMuch && !(isLong && freshRequests > 0)) return stratum;
  const seen =
    reference === null ? fresh : added(faded(reference.seen, atMs - reference.atMs), fresh);
  const { key, block } = stratum;
  return { key, block, fresh: emptyPair, reference: referenceOf(seen, atMs) };
}

const referenceRequestsMin = 40;
const referenceAgeMs = 20_000;

function referenceOf(seen: HistogramPair, atMs: number): LatencyReference {
  const shares = smoothed(seen.stable);
  const above = tailStart(shares, slowShareWanted);
  const aboveRatio = sum(shares.slice(above));
  const withOneMore = aboveRatio + (shares[above - 1] ?? 0);
  // Of the two places around p95 the one whose share above is nearer to 5 %, by factor.
  const isLower = above > 1 && withOneMore / slowShareWanted < slowShareWanted / aboveRatio;
  return {
    seen,
    atMs,
    slowFrom: isLower ? above - 1 : above,
    slowRatio: Math.min(0.5, isLower ? withOneMore : aboveRatio),
  };
}

const slowShareWanted = 0.05;

/** A twentieth of each place goes to either neighbour, and every place has a little: few counts must not look like certainty. */
function smoothed(counts: ScaleCounts): readonly number[] {
  const total = sum(counts) + prior * scaleLength;
  const shares: number[] = [];
  for (let place = 0; place < scaleLength; place += 1) {
    const count = counts[place] ?? 0;
    const below = place === 0 ? count : (counts[place - 1] ?? 0);
    const above = place === scaleLength - 1 ? count : (counts[place + 1] ?? 0);
    shares.push((0.9 * count + 0.05 * (below + above) + prior) / total);
  }
  return shares;
}

const prior = 0.1;

function faded(pair: HistogramPair, elapsedMs: number): HistogramPair {
  const kept = keptAfter(elapsedMs);
  // The state is stored often, so counts keep two figures behind the point.
  const fade = (count: number): number => Math.round(100 * kept * count) / 100;
  return { candidate: pair.candidate.map(fade), stable: pair.stable.map(fade) };
}

function added(a: HistogramPair, b: HistogramPair): HistogramPair {
  return {
    candidate: plusCounts(a.candidate, b.candidate),
    stable: plusCounts(a.stable, b.stable),
  };
}

const emptyPair: HistogramPair = { candidate: emptyScale, stable: emptyScale };
const noPair = { ...emptyPair, sinceMs: null };

/** By the key it is kept under; most metrics have one stratum only. */
function stratumOf(strata: readonly LatencyStratum[], wantedKey: string): LatencyStratum {
  const first = strata[0];
  if (first !== undefined && first.key === wantedKey) return first;
  const key = boundedKey(strata, wantedKey);
  const known = strata.find((each) => each.key === key);
  return known ?? { key, block: noPair, fresh: emptyPair, reference: null };
}

/** By names: a spread takes as long as everything else here. */
function withStratum(metric: LatencyMetric, stratum: LatencyStratum): LatencyMetric {
  const { slowerByRatio, wide, comparedAtMs, slower, notSlower } = metric;
  const strata = replaced(metric.strata, stratum);
  return { slowerByRatio, strata, wide, comparedAtMs, slower, notSlower };
}

function replaced(
  strata: readonly LatencyStratum[],
  stratum: LatencyStratum,
): readonly LatencyStratum[] {
  if (strata.length === 0 || (strata.length === 1 && strata[0]?.key === stratum.key)) {
    return [stratum];
  }
  const isKnown = strata.some((each) => each.key === stratum.key);
  return isKnown
    ? strata.map((each) => (each.key === stratum.key ? stratum : each))
    : [...strata, stratum];
}
