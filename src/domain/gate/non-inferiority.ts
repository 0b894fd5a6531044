import type { GateSettings } from '../release/revision.ts';
import { type Block, clampRatio, logLikelihoodRatio, onMargin, sizesOf } from './e-variable.ts';
import { advance, logEvidence, type OnsetMixture, openMixture } from './onset-mixture.ts';

/**
 * Evidence that the candidate is not worse than stable by a margin: what a promotion rests on. The null is "worse by at
 * least the margin, all the time"; it is rejected when W reaches 1 / beta, so a candidate exactly at the margin passes
 * with a chance of beta at most, however often one looks. Promotion needs every required metric to pass
 * (intersection-union), so several metrics cost no further beta.
 *
 * Starting small saves users and going wide saves time, so the margin narrows as the share grows (the evidence ramp). All
 * margins are tracked from the first request on: what a step has shown counts for the steps after it.
 */
export interface MarginEvidence {
  readonly marginRatio: number;
  /**
   * Over alternatives and over when the evidence begins to count: an outage of both arms can cost hundreds of nats while the
   * base rate lags behind it, and the parts put into play after it don't carry that debt.
   */
  readonly mixture: OnsetMixture;
}

/** Margin of a step that isn't the last gate, by its weight; above the last row the declared margin holds. */
const evidenceRamp = [
  { weightPercentMax: 1, marginRatio: 0.2 },
  { weightPercentMax: 10, marginRatio: 0.03 },
  { weightPercentMax: 25, marginRatio: 0.01 },
] as const;

/** A step that isn't the last gate passes at 1 / this. */
const coarseFalsePassRatio = 0.05;

/** What a step asks: the margin, and the evidence at which it passes. Never finer than the declared margin. */
export function requirementOf(
  settings: GateSettings,
  step: { readonly weightPercent: number; readonly isLastGate: boolean },
): { readonly marginRatio: number; readonly forLimit: number } {
  if (step.isLastGate) {
    return { marginRatio: settings.worseByRatio, forLimit: 1 / settings.falsePromotionRatio };
  }
  const row = evidenceRamp.find((each) => step.weightPercent <= each.weightPercentMax);
  const marginRatio = Math.max(settings.worseByRatio, row?.marginRatio ?? 0);
  return { marginRatio, forLimit: 1 / coarseFalsePassRatio };
}

/** All margins that some step may ask for, widest first. */
export function marginRatiosOf(settings: GateSettings): readonly number[] {
  const declared = settings.worseByRatio;
  const coarse = evidenceRamp.map((row) => row.marginRatio).filter((ratio) => ratio > declared);
  return [...coarse, declared];
}

export function openMargins(
  settings: GateSettings,
  atMs: number,
  plannedMs: number,
): readonly MarginEvidence[] {
  return marginRatiosOf(settings).map((marginRatio) => ({
    marginRatio,
    mixture: openMixture(healthyWeights, atMs, plannedMs),
  }));
}

/** Multiplies by the block's e-variables. `baseRatio`: stable's failure ratio as known before the block. */
export function weigh(
  { marginRatio, mixture }: MarginEvidence,
  block: Block,
  { baseRatio, atMs }: { readonly baseRatio: number; readonly atMs: number },
): MarginEvidence {
  const logEvidences = logMarginEvidences(block, baseRatio, marginRatio);
  return { marginRatio, mixture: advance(mixture, healthyWeights, atMs, logEvidences) };
}

/** log E of each healthy alternative. */
export function logMarginEvidences(
  block: Block,
  baseRatio: number,
  marginRatio: number,
): readonly number[] {
  const sizes = sizesOf(block);
  return healthyRatios(baseRatio, marginRatio).map((candidateRatio) => {
    const alternative = { candidateRatio, stableRatio: baseRatio };
    return logLikelihoodRatio(block, alternative, onMargin(sizes, alternative, marginRatio));
  });
}

export function logMarginEvidence(evidence: MarginEvidence): number {
  return logEvidence(evidence.mixture);
}

/** The same as stable, somewhat worse within the margin, better. All are outside the null. */
function healthyRatios(baseRatio: number, marginRatio: number): readonly number[] {
  return [baseRatio, clampRatio(baseRatio + 0.4 * marginRatio), 0.5 * baseRatio];
}

/** In the order of `healthyRatios`; sums to 1. */
export const healthyWeights = [0.6, 0.2, 0.2] as const;
