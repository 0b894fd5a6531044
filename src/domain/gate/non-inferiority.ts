import type { GateSettings } from '../release/revision.ts';
import {
  type Block,
  clampRatio,
  logLikelihoodRatio,
  logSumExp,
  onMargin,
  sizesOf,
} from './e-variable.ts';

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
  /** log mass of each alternative. Finite. */
  readonly logMasses: readonly number[];
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
export function openMargins(settings: GateSettings): readonly MarginEvidence[] {
  const declared = settings.worseByRatio;
  const coarse = evidenceRamp.map((row) => row.marginRatio).filter((ratio) => ratio > declared);
  return [...coarse, declared].map((marginRatio) => ({
    marginRatio,
    logMasses: alternativeWeights.map((weight) => Math.log(weight)),
  }));
}

/** Multiplies by the block's e-variables. `baseRatio`: stable's failure ratio as known before the block. */
export function weigh(evidence: MarginEvidence, block: Block, baseRatio: number): MarginEvidence {
  const { marginRatio } = evidence;
  const sizes = sizesOf(block);
  const candidates = healthyRatios(baseRatio, marginRatio);
  const logMasses = evidence.logMasses.map((mass, index) => {
    const candidateRatio = candidates[index] ?? baseRatio;
    const alternative = { candidateRatio, stableRatio: baseRatio };
    const nearest = onMargin(sizes, alternative, marginRatio);
    return mass + logLikelihoodRatio(block, alternative, nearest);
  });
  return { marginRatio, logMasses };
}

export function logMarginEvidence(evidence: MarginEvidence): number {
  return logSumExp(evidence.logMasses);
}

/** The same as stable, somewhat worse within the margin, better. All are outside the null. */
function healthyRatios(baseRatio: number, marginRatio: number): readonly number[] {
  return [baseRatio, clampRatio(baseRatio + 0.4 * marginRatio), 0.5 * baseRatio];
}

const alternativeWeights = [0.6, 0.2, 0.2] as const;
