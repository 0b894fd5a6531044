import type { GateSettings, Objective } from '../release/revision.ts';
import type { ArmCount } from '../traffic/traffic-sample.ts';
import { clampRatio, logSumExp } from './e-variable.ts';
import type { MarginEvidence } from './non-inferiority.ts';
import { logEvidence, type OnsetMixture } from './onset-mixture.ts';

/** Everything a gate remembers: plain JSON of fixed size, no history. */
export interface GateState {
  readonly settings: GateSettings;
  readonly objectives: readonly Objective[];
  readonly openedAtMs: number;
  readonly plannedMs: number;
  /** Newest time seen; a clock set back does not bring it back. */
  readonly lastAtMs: number;
  /** Every request since the gate was opened, evidence or not. */
  readonly totals: ArmTotals;
  readonly pending: PendingBlock;
  /** Candidate's requests since stable's last one; how the end of the control arm is noticed. */
  readonly solo: PendingArm;
  /** False once stable has been silent long enough while the candidate was not: the candidate has it all (bake). */
  readonly hasControl: boolean;
  readonly base: BaseRate;
  /** When a block of both arms was last evidence; null before the first. */
  readonly comparedAtMs: number | null;
  /** Metric "errors": the candidate fails more often than stable. */
  readonly errors: OnsetMixture;
  /** Metric "bake": the candidate, alone at 100 %, fails more often than allowed; null before. */
  readonly bake: BakeEvidence | null;
  /** The success objective that can hold a step; null: none declared. */
  readonly objective: ObjectiveEvidence | null;
  /** Widest margin first. */
  readonly margins: readonly MarginEvidence[];
  /** Highest log W so far: Ville's inequality bounds the supremum, so a limit once reached stays reached. */
  readonly peakLogAgainst: number;
}

export interface ArmTotals {
  readonly candidate: ArmCount;
  readonly stable: ArmCount;
}

/** Requests that are not evidence yet. `sinceMs` is when the first of them was seen; null: there is none. */
export interface PendingBlock extends ArmTotals {
  readonly sinceMs: number | null;
}

/** Requests of each arm that complete a block: enough for the observed share to mean something. */
export const blockRequestsMin = 4;

export interface PendingArm {
  readonly count: ArmCount;
  readonly sinceMs: number | null;
}

/** Stable's counts with a half-life, up to and including the last block. */
export interface BaseRate {
  readonly requests: number;
  readonly failures: number;
  readonly atMs: number;
}

export interface BakeEvidence {
  /** The failure ratio that is still allowed; fixed when the bake began. */
  readonly allowedRatio: number;
  readonly count: ArmCount;
  readonly atMs: number;
  readonly mixture: OnsetMixture;
}

export interface ObjectiveEvidence {
  readonly name: string;
  readonly allowedRatio: number;
  readonly mixture: OnsetMixture;
}

/**
 * How the false rollbacks allowed are shared: W = sum of share x W of the metric, and an average of e-processes is one,
 * whatever their dependence. The shares sum to 1. A metric that hasn't begun stands at 1. Latency will take its share here.
 */
export const budgetShares = { errors: 0.7, bake: 0.3 } as const;

/** log W: the evidence that the candidate is worse, all metrics together. */
export function logAgainst(state: Pick<GateState, 'errors' | 'bake'>): number {
  return logSumExp([
    Math.log(budgetShares.errors) + logEvidence(state.errors),
    Math.log(budgetShares.bake) + (state.bake === null ? 0 : logEvidence(state.bake.mixture)),
  ]);
}

/**
 * Stable's failure ratio as known at `atMs`: recent counts (half-life 60 s) and a prior of 1 failure in 200. It chooses the
 * alternatives; a wrong value costs power, never validity, as long as it is taken before the block is seen.
 */
export function baseRatioAt(base: BaseRate, atMs: number): number {
  const { requests, failures } = faded(base, atMs);
  return clampRatio((priorFailures + failures) / (priorRequests + requests));
}

export function addToBase(base: BaseRate, stable: ArmCount, atMs: number): BaseRate {
  const { requests, failures } = faded(base, atMs);
  return { requests: requests + stable.requests, failures: failures + stable.failures, atMs };
}

const priorFailures = 1;
const priorRequests = 200;
const halfLifeMs = 60_000;

function faded(base: BaseRate, atMs: number): ArmCount {
  const kept = 0.5 ** (Math.max(0, atMs - base.atMs) / halfLifeMs);
  return { requests: base.requests * kept, failures: base.failures * kept };
}
