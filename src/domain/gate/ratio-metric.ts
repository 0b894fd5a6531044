import type { GateSettings } from '../release/revision.ts';
import {
  type ArmBlock,
  type ArmPair,
  extended,
  noBlock,
  readinessOf,
  wideReadinessOf,
} from './arm-block.ts';
import { addToBase, type BaseRate, baseRatioAt, noBase } from './base-rate.ts';
import { type MarginEvidence, openMargins, weigh } from './non-inferiority.ts';
import { advance, alternativeWeights, type OnsetMixture, openMixture } from './onset-mixture.ts';
import { boundedKey } from './stratum-key.ts';
import { logWorse } from './worse-alternatives.ts';

/**
 * One metric that is a ratio of counts: failed requests, or bad events of a declared counter pair. Two sides: `worse`, the
 * evidence that the candidate's ratio is above stable's, and `margins`, that it isn't by more than a margin.
 *
 * Strata (routes, regions): "worse" multiplies the e-variables of the strata, each compared within itself and with a base
 * rate of its own, so that a candidate that merely gets more of the bad routes isn't blamed for them. "Not worse by a margin"
 * is about all requests together, as that is the promise people read.
 */
export interface RatioMetric {
  readonly strata: readonly RatioStratum[];
  /** Of all strata together. */
  readonly base: BaseRate;
  readonly wide: WideBlock;
  /** When a block of both arms was last evidence; null before the first. */
  readonly comparedAtMs: number | null;
  readonly worse: OnsetMixture;
  /** Widest margin first. */
  readonly margins: readonly MarginEvidence[];
}

interface RatioStratum {
  readonly key: string;
  readonly block: ArmBlock;
  readonly base: BaseRate;
}

interface WideBlock extends ArmBlock {
  /** Stable's ratio as known before the block's first request. */
  readonly baseRatio: number;
}

export function openRatioMetric(
  settings: GateSettings,
  atMs: number,
  plannedMs: number,
): RatioMetric {
  return {
    strata: [],
    base: noBase(atMs),
    wide: noWideBlock,
    comparedAtMs: null,
    worse: openMixture(alternativeWeights, atMs, plannedMs),
    margins: openMargins(settings, atMs, plannedMs),
  };
}

/** Takes in what both arms had in one interval: in all, and in each stratum. */
export function addToRatioMetric(
  metric: RatioMetric,
  { total, strata }: { readonly total: ArmPair; readonly strata: readonly StratumPair[] },
  atMs: number,
): RatioMetric {
  let next = widen(metric, total, atMs);
  if (strata.length === 0) return addToStratum(next, '', total, atMs);
  for (const pair of strata) next = addToStratum(next, pair.key, pair, atMs);
  return next;
}

export interface StratumPair extends ArmPair {
  readonly key: string;
}

function addToStratum(
  metric: RatioMetric,
  wantedKey: string,
  pair: ArmPair,
  atMs: number,
): RatioMetric {
  const stratum = stratumOf(metric.strata, wantedKey, atMs);
  const block = extended(stratum.block, pair, atMs);
  switch (readinessOf(block, atMs)) {
    case 'waiting':
      return withStratum(metric, { key: stratum.key, block, base: stratum.base });
    case 'too-old':
      // Nothing to compare; stable's counts still tell its base rate.
      return withStratum(metric, learned(stratum, block, atMs));
    case 'ready':
      return compare(metric, stratum, block, atMs);
  }
}

/** Drops what is not evidence yet. */
export function closeRatioBlocks(metric: RatioMetric): RatioMetric {
  return {
    ...metric,
    strata: metric.strata.map((stratum) => ({ ...stratum, block: noBlock })),
    wide: noWideBlock,
  };
}

/** The block becomes evidence; the base rate learns from it afterwards (G4). */
function compare(
  metric: RatioMetric,
  stratum: RatioStratum,
  block: ArmBlock,
  atMs: number,
): RatioMetric {
  const logEvidences = logWorse(block, baseRatioAt(stratum.base, atMs));
  return {
    strata: replaced(metric.strata, learned(stratum, block, atMs)),
    base: metric.base,
    wide: metric.wide,
    comparedAtMs: atMs,
    worse: advance(metric.worse, alternativeWeights, atMs, logEvidences),
    margins: metric.margins,
  };
}

function widen(metric: RatioMetric, total: ArmPair, atMs: number): RatioMetric {
  const { base, margins } = metric;
  const baseRatio = metric.wide.sinceMs === null ? baseRatioAt(base, atMs) : metric.wide.baseRatio;
  const { candidate, stable, sinceMs } = extended(metric.wide, total, atMs);
  const wide = { candidate, stable, sinceMs, baseRatio };
  const readiness = wideReadinessOf(wide, atMs);
  const { strata, comparedAtMs, worse } = metric;
  // By names: a spread takes as long as everything else here.
  if (readiness === 'waiting') return { strata, base, wide, comparedAtMs, worse, margins };
  return {
    strata,
    base: addToBase(base, wide.stable, atMs),
    wide: noWideBlock,
    comparedAtMs,
    worse,
    margins:
      readiness === 'ready'
        ? margins.map((margin) => weigh(margin, wide, { baseRatio, atMs }))
        : margins,
  };
}

const noWideBlock: WideBlock = { ...noBlock, baseRatio: 0 };

function learned({ key, base }: RatioStratum, block: ArmBlock, atMs: number): RatioStratum {
  return { key, block: noBlock, base: addToBase(base, block.stable, atMs) };
}

/** By the key it is kept under; most metrics have one stratum only. */
function stratumOf(strata: readonly RatioStratum[], wantedKey: string, atMs: number): RatioStratum {
  const first = strata[0];
  if (first !== undefined && first.key === wantedKey) return first;
  const key = boundedKey(strata, wantedKey);
  return strata.find((each) => each.key === key) ?? { key, block: noBlock, base: noBase(atMs) };
}

function withStratum(metric: RatioMetric, stratum: RatioStratum): RatioMetric {
  const { base, wide, comparedAtMs, worse, margins } = metric;
  const strata = replaced(metric.strata, stratum);
  return { strata, base, wide, comparedAtMs, worse, margins };
}

function replaced(strata: readonly RatioStratum[], stratum: RatioStratum): readonly RatioStratum[] {
  if (strata.length === 1 && strata[0]?.key === stratum.key) return [stratum];
  const isKnown = strata.some((each) => each.key === stratum.key);
  return isKnown
    ? strata.map((each) => (each.key === stratum.key ? stratum : each))
    : [...strata, stratum];
}
