import type { GateSettings } from '../release/revision.ts';
import { openingHealthyLog } from './expected-requests.ts';
import type { GateState } from './gate-state.ts';
import { marginRatiosOf } from './non-inferiority.ts';
import { alternativeWeights } from './onset-mixture.ts';

/** What a gate has gathered, as far as it shortens what is still to come. */
export interface GateKnowledge {
  readonly margins: readonly MarginKnowledge[];
  /** log of the mass of "like stable" in the comparison of latencies. */
  readonly notSlowerLog: number;
  /** Stable's requests so far: its base rate is known from them. */
  readonly stableRequests: number;
  /** log of each alternative's mass against the candidate; null: as at the beginning. */
  readonly worseLogs: readonly number[] | null;
}

export interface MarginKnowledge {
  readonly marginRatio: number;
  readonly logMass: number;
}

export function openingKnowledge(settings: GateSettings): GateKnowledge {
  return {
    margins: marginRatiosOf(settings).map((marginRatio) => {
      return { marginRatio, logMass: openingHealthyLog };
    }),
    notSlowerLog: openingHealthyLog,
    stableRequests: 0,
    worseLogs: null,
  };
}

export function knowledgeOf({ errors, latency, totals }: GateState): GateKnowledge {
  return {
    margins: errors.margins.map(({ marginRatio, mixture }) => {
      return { marginRatio, logMass: logOrFresh(mixture.masses[0], 1) };
    }),
    notSlowerLog: logOrFresh(latency.notSlower.masses[0], 1),
    stableRequests: totals.stable.requests,
    worseLogs: errors.worse.masses.map((mass, index) =>
      logOrFresh(mass, alternativeWeights[index] ?? 0),
    ),
  };
}

/** What an outage or a long good time has taken away is replaced by the parts put into play later (onset-mixture.ts). */
function logOrFresh(mass: number | undefined, weight: number): number {
  return Math.log(Math.max(mass ?? 0, freshPart * weight));
}

const freshPart = 0.02;
