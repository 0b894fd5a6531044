import type { GateSettings, Objective } from '../release/revision.ts';
import type { ArmCount } from '../traffic/samples/traffic-sample.ts';
import type { BeforeAfter } from './before-after.ts';
import { type CustomMetric, customEvidence } from './custom-metrics.ts';
import type { DifferenceInterval } from './difference-interval.ts';
import type { IncidentLanes } from './incident-lanes.ts';
import type { LatencyMetric } from './latency-metric.ts';
import type { MetricAccount } from './metric-account.ts';
import type { ObjectiveEvidence } from './objective-evidence.ts';
import type { SetAsideCounts } from './metric-standing.ts';
import { evidenceOf } from './onset-mixture.ts';
import type { RatioMetric } from './ratio-metric.ts';
import type { Placebo } from './placebo.ts';
import type { Suspect } from './suspect.ts';
import type { TelemetryFault } from './telemetry-fault.ts';
import type { ShareEvidence } from './traffic-share.ts';
import { type InstanceTally, unitEvidence } from './unit-lane.ts';

/** Everything a gate remembers: plain JSON of bounded size, no history. */
export interface GateState {
  readonly settings: GateSettings;
  readonly objectives: readonly Objective[];
  readonly openedAtMs: number;
  readonly plannedMs: number;
  /** Newest time seen; a clock set back does not bring it back. */
  readonly lastAtMs: number;
  /** The candidate's first request, where its warm-up begins; null: it had none. */
  readonly candidateSinceMs: number | null;
  /** Every request since the gate was opened, evidence or not. */
  readonly totals: ArmTotals;
  /** Candidate's requests since stable's last one; how the end of the control arm is noticed. */
  readonly solo: PendingArm;
  /** False once stable has been silent long enough while the candidate was not: the candidate has it all (bake). */
  readonly hasControl: boolean;
  readonly errors: RatioMetric;
  readonly latency: LatencyMetric;
  readonly custom: readonly CustomMetric[];
  /** Null: no incidents are to be forgiven, single requests are the evidence. */
  readonly incidents: IncidentLanes | null;
  /** The success objective first; one of 99 % for the bake when none is declared. */
  readonly promises: readonly ObjectiveEvidence[];
  /** Whether the candidate gets its share; null: not known at this weight. */
  readonly share: ShareEvidence | null;
  readonly placebo: Placebo;
  readonly difference: DifferenceInterval;
  /** The candidate's counts by instance. */
  readonly instances: readonly InstanceTally[];
  /** The one instance that had all the errors, given time to be replaced; null: none, or there is no such time. */
  readonly suspect: Suspect | null;
  readonly telemetryFault: TelemetryFault | null;
  /** The candidate alone against stable before it. Absent in older states. */
  readonly beforeAfter?: BeforeAfter | undefined;
  /** What people are shown of latency and custom metrics. Absent in older states. */
  readonly accounts?: readonly MetricAccount[] | undefined;
  /** Highest log W so far: Ville's inequality bounds the supremum, so a limit once reached stays reached. */
  readonly peakLogAgainst: number;
  /** What brought most of the evidence at the peak. */
  readonly peakMetric: string;
  /** Requests that are no evidence; absent: there were none. */
  readonly setAside?: SetAsideCounts;
}

export interface ArmTotals {
  readonly candidate: ArmCount;
  readonly stable: ArmCount;
}

export interface PendingArm {
  readonly count: ArmCount;
  readonly sinceMs: number | null;
}

/**
 * How the false rollbacks allowed are shared: W = sum of share x W of the metric, and an average of e-processes is one,
 * whatever their dependence. The shares sum to 1. A metric that hasn't begun stands at 1. The bake's share is divided evenly
 * among the objectives; latency's goes to errors where latency is off.
 */
export const budgetShares = { errors: 0.6, latency: 0.25, bake: 0.15 } as const;

/** A metric's part of W. */
export interface MetricEvidence {
  readonly metric: string;
  readonly share: number;
  readonly evidence: number;
}

type Evidences = Pick<
  GateState,
  'settings' | 'errors' | 'latency' | 'incidents' | 'promises' | 'custom'
>;

function errorEvidence({ errors, incidents }: Evidences): number {
  return incidents === null ? evidenceOf(errors.worse) : unitEvidence(incidents.errors);
}

function latencyEvidence({ latency, incidents }: Evidences): number {
  return incidents === null ? evidenceOf(latency.slower) : unitEvidence(incidents.latency);
}

/**
 * The parts of the comparisons in W: errors, latency unless it is off, and custom metrics share what the bake leaves, by
 * weight.
 */
export function sharesOf({ settings, custom }: Pick<GateState, 'settings' | 'custom'>): {
  readonly errors: number;
  readonly latency: number;
  /** Of a custom metric of weight 1. */
  readonly perWeight: number;
} {
  const { errors, latency, bake } = budgetShares;
  const latencyWeight = settings.latency === 'off' ? 0 : latency;
  let weights = errors + latencyWeight;
  for (const { spec } of custom) weights += spec.weight;
  const perWeight = (1 - bake) / weights;
  return { errors: errors * perWeight, latency: latencyWeight * perWeight, perWeight };
}

/** What W is made of; `logAgainst` sums the same. */
export function partsOf(state: Evidences): readonly MetricEvidence[] {
  const { errors, latency, perWeight } = sharesOf(state);
  const parts = [
    { metric: 'errors', share: errors, evidence: errorEvidence(state) },
    ...state.promises.map(({ name, bake }) => ({
      metric: name,
      share: budgetShares.bake / state.promises.length,
      evidence: bake === null ? 1 : evidenceOf(bake.mixture),
    })),
    ...state.custom.map((custom) => ({
      metric: custom.spec.name,
      share: custom.spec.weight * perWeight,
      evidence: customEvidence(custom),
    })),
  ];
  if (latency === 0) return parts;
  return [...parts, { metric: 'latency', share: latency, evidence: latencyEvidence(state) }];
}

/** log W: the evidence that the candidate is worse, all metrics together. */
export function logAgainst(state: Evidences): number {
  const { errors, latency, perWeight } = sharesOf(state);
  let sum = errors * errorEvidence(state);
  if (latency > 0) sum += latency * latencyEvidence(state);
  const bakeShare = budgetShares.bake / state.promises.length;
  for (const { bake } of state.promises) {
    sum += bakeShare * (bake === null ? 1 : evidenceOf(bake.mixture));
  }
  for (const custom of state.custom) sum += custom.spec.weight * perWeight * customEvidence(custom);
  return Math.log(sum);
}

/** The metric with the largest part of W. */
export function leadingPart(parts: readonly MetricEvidence[]): MetricEvidence {
  let leading: MetricEvidence = { metric: 'errors', share: 0, evidence: 0 };
  for (const part of parts) {
    if (part.share * part.evidence > leading.share * leading.evidence) leading = part;
  }
  return leading;
}
