import { logWorse } from './worse-alternatives.ts';
import { addToBase, type BaseRate, baseRatioAt, noBase } from './base-rate.ts';
import {
  advance,
  alternativeWeights,
  evidenceOf,
  type OnsetMixture,
  openMixture,
} from './onset-mixture.ts';
import { addToUnits, cutUnits, openUnitLane, unitEvidence, type UnitLane } from './unit-lane.ts';
import type { ArmInstances, InstanceObservation } from './verdict.ts';

/**
 * The same comparison on what must come out even: one instance of stable against the others. Where that finds a difference,
 * failures of one instance belong together more than the gate assumes, and its error bound does not hold: the remedy is a
 * declared incident, or a longer one. A warning only.
 */
export interface Placebo {
  /** The instance that plays the candidate; null: not chosen yet. */
  readonly instanceId: string | null;
  readonly base: BaseRate;
  readonly byRequest: OnsetMixture;
  /** Where the file names incidents, it is tested with the same windows. */
  readonly byUnit: UnitLane | null;
}

export const placeboLimit = 1000;

export function openPlacebo(incidentMs: number, atMs: number, plannedMs: number): Placebo {
  return {
    instanceId: null,
    base: noBase(atMs),
    byRequest: openMixture(alternativeWeights, atMs, plannedMs),
    byUnit: incidentMs > 0 ? openUnitLane(incidentMs, atMs, plannedMs) : null,
  };
}

export function weighPlacebo(placebo: Placebo, { stable }: ArmInstances, atMs: number): Placebo {
  const instanceId = placebo.instanceId ?? stable[0]?.instanceId ?? null;
  const chosen = stable.filter((each) => each.instanceId === instanceId);
  const others = stable.filter((each) => each.instanceId !== instanceId);
  if (placebo.byUnit !== null) {
    const byUnit = addToUnits(placebo.byUnit, { candidate: chosen, stable: others }, atMs);
    return { ...placebo, instanceId, byUnit };
  }
  const block = { candidate: summed(chosen), stable: summed(others) };
  if (block.candidate.requests === 0 || block.stable.requests === 0) {
    return { ...placebo, instanceId };
  }
  const logs = logWorse(block, baseRatioAt(placebo.base, atMs));
  return {
    ...placebo,
    instanceId,
    base: addToBase(placebo.base, block.stable, atMs),
    byRequest: advance(placebo.byRequest, alternativeWeights, atMs, logs),
  };
}

export function cutPlacebo(placebo: Placebo, atMs: number): Placebo {
  return placebo.byUnit === null ? placebo : { ...placebo, byUnit: cutUnits(placebo.byUnit, atMs) };
}

export function placeboEvidence({ byRequest, byUnit }: Placebo): number {
  return byUnit === null ? evidenceOf(byRequest) : unitEvidence(byUnit);
}

function summed(all: readonly InstanceObservation[]): { requests: number; failures: number } {
  let requests = 0;
  let failures = 0;
  for (const each of all) {
    requests += each.requests;
    failures += each.failures;
  }
  return { requests, failures };
}
