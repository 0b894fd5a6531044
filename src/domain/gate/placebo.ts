import type { Block } from './e-variable.ts';
import { logWorse } from './worse-alternatives.ts';
import { addToBase, type BaseRate, baseRatioAt, noBase } from './base-rate.ts';
import {
  advance,
  alternativeWeights,
  evidenceOf,
  type OnsetMixture,
  openMixture,
} from './onset-mixture.ts';
import {
  addWindow,
  type InstanceTally,
  openUnitLane,
  unitEvidence,
  type UnitLane,
} from './unit-lane.ts';
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

/** `window`: stable's units of a window that has just ended, where the file names incidents. */
export function weighPlacebo(
  placebo: Placebo,
  { stable }: ArmInstances,
  { atMs, window }: { readonly atMs: number; readonly window: readonly InstanceTally[] | null },
): Placebo {
  const instanceId = placebo.instanceId ?? stable[0]?.instanceId ?? null;
  const named = placebo.instanceId === instanceId ? placebo : { ...placebo, instanceId };
  if (placebo.byUnit !== null) {
    if (window === null) return named;
    const isChosen = (each: InstanceTally): boolean => each.instanceId === instanceId;
    const units = {
      candidate: window.filter(isChosen),
      stable: window.filter((each) => !isChosen(each)),
    };
    return { ...named, byUnit: addWindow(placebo.byUnit, units, atMs) };
  }
  const block = split(stable, instanceId);
  if (block.candidate.requests === 0 || block.stable.requests === 0) return named;
  const logs = logWorse(block, baseRatioAt(placebo.base, atMs));
  return {
    ...named,
    base: addToBase(placebo.base, block.stable, atMs),
    byRequest: advance(placebo.byRequest, alternativeWeights, atMs, logs),
  };
}

export function placeboEvidence({ byRequest, byUnit }: Placebo): number {
  return byUnit === null ? evidenceOf(byRequest) : unitEvidence(byUnit);
}

/** One instance's counts, and those of all others. */
function split(all: readonly InstanceObservation[], instanceId: string | null): Block {
  const candidate = { requests: 0, failures: 0 };
  const stable = { requests: 0, failures: 0 };
  for (let index = 0; index < all.length; index += 1) {
    const each = all[index];
    if (each === undefined) continue;
    const arm = each.instanceId === instanceId ? candidate : stable;
    arm.requests += each.requests;
    arm.failures += each.failures;
  }
  return { candidate, stable };
}
