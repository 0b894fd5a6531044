import type { ArmCount } from '../traffic/samples/traffic-sample.ts';
import type { CustomObservation } from './custom-metrics.ts';
import type { BeforeAfterExplanation, MetricExplanation } from './explain-metrics.ts';
import type { MetricEvidence } from './gate-state.ts';
import type { SparseHistogram } from './latency-scale.ts';
import type { MetricTrouble, SetAsideCounts } from './metric-standing.ts';
import type { ParkAdvice } from './park.ts';

/** One interval in which both arms had the same surroundings. */
export interface GateObservation {
  readonly atMs: number;
  readonly candidate: ArmCount;
  /** All zero when there is no control arm (after 100 %). */
  readonly stable: ArmCount;
  /** Latencies of the same requests, as far as known. */
  readonly latency?: ArmHistograms;
  /** The same requests by instance; the counts sum to those above. */
  readonly instances?: ArmInstances;
  /** Of the metrics in the settings. */
  readonly metrics?: readonly CustomObservation[];
  /** The candidate's share of the requests that the weight in force asks for, in (0, 1); absent: not known. */
  readonly wantedShareRatio?: number;
  /** The same requests by route, region or the like; the counts sum to those above. */
  readonly strata?: readonly StratumObservation[];
}

/** What the instances counted themselves, in an interval of its own in which both arms had the same surroundings. */
export interface MetricObservation {
  readonly atMs: number;
  /** Of the metrics in the settings. */
  readonly metrics: readonly CustomObservation[];
  readonly troubles: readonly (MetricTrouble & { readonly metric: string })[];
}

/** By the buckets of latency-buckets.ts; a bucket may be there several times. */
export interface ArmHistograms {
  readonly candidate: SparseHistogram;
  readonly stable: SparseHistogram;
}

export interface ArmInstances {
  readonly candidate: readonly InstanceObservation[];
  readonly stable: readonly InstanceObservation[];
}

export interface InstanceObservation {
  readonly instanceId: string;
  readonly requests: number;
  readonly failures: number;
  readonly latency?: SparseHistogram;
}

export interface StratumObservation {
  readonly key: string;
  readonly candidate: ArmCount;
  readonly stable: ArmCount;
  readonly latency?: ArmHistograms;
}

/** What the rollout asks at a step. */
export interface GateQuestion {
  readonly atMs: number;
  /** When the step's weight came into force. */
  readonly stepSinceMs: number;
  readonly weightPercent: number;
  /** Whether passing leads to 100 %: the declared margin and beta count, else the coarse ones of the evidence ramp. */
  readonly isLastGate: boolean;
  /** Instead of the settings' time limit, where it was extended. */
  readonly atMostMs?: number;
}

/** `undecided` covers too little evidence, a hold by an objective, and no data; the explanation says which. */
export interface Verdict {
  readonly kind: 'pass' | 'fail' | 'undecided';
  readonly explanation: GateExplanation;
}

export type GateAdvice =
  | ParkAdvice
  /** All errors come from this one of several instances: a new one in its place tells whether it is the version. */
  | { readonly kind: 'replace-instance'; readonly instanceId: string };

export interface GateExplanation {
  /** Requests since the gate was opened, evidence or not. */
  readonly candidate: ArmCount;
  readonly stable: ArmCount;
  /**
   * Evidence that the candidate is worse; rolls back at `againstLimit` = 1 / alpha. Starts at 1. After a failure it is
   * the highest value reached: a gate that has failed stays failed.
   */
  readonly against: number;
  readonly againstLimit: number;
  /** Evidence that the candidate is not worse than stable by `marginRatio`; passes at `forLimit`. Starts at 1. */
  readonly for: number;
  readonly forLimit: number;
  readonly marginRatio: number;
  /** What has most of the evidence against, or decided: `errors`, `latency`, a custom metric, or in a bake the name of an objective. */
  readonly metric: string;
  /** The parts of `against`: share of the budget x evidence, summing to it (before a failure). */
  readonly parts: readonly MetricEvidence[];
  /** Each metric in full: counts, interval, evidence, limit, budget. Absent in older records. */
  readonly metrics?: readonly MetricExplanation[];
  /** The candidate at 100 % against stable before it, weaker than the rest; null: nothing to compare. Absent in older records. */
  readonly beforeAfter?: BeforeAfterExplanation | null;
  /** p95 of the last minutes, to within a place of the scale (26 %); null: no latencies are known. */
  readonly p95: { readonly candidateMs: number; readonly stableMs: number } | null;
  /**
   * The difference of the failure ratios, candidate less stable, with an interval that has it with a chance of 95 % at all times
   * together (difference-interval.ts), and the same in words.
   */
  readonly difference: {
    readonly lowRatio: number;
    readonly highRatio: number;
    readonly sentence: string;
  };
  /** The gate's own comparison of one stable instance with the others; from 1000 on its assumptions are broken. */
  readonly placeboAgainst: number;
  /** What would help besides waiting; it changes nothing by itself. */
  readonly advice: GateAdvice | null;
  /** Requests of this rollout that are no evidence; absent: there were none. */
  readonly setAside?: SetAsideCounts;
  /**
   * What keeps the step, besides evidence it still lacks: an objective's name, 'soak', 'no-data' (nothing compared in this step, or not
   * lately), 'telemetry' (samples that can't be, or a metric of the service that can't be read), 'one-instance' (all errors are on an instance
   * that should be replaced), 'traffic-share' (the candidate doesn't get its share), 'parked' (much fails, and whether it is an incident takes windows to tell), 'before-after' (worse than stable before the switch, and the file says to hold), 'evidence-against' (some evidence that the candidate is worse, too little to roll back), 'time-limit' (no
   * verdict in time, for whatever reason); null: nothing but too little evidence.
   */
  readonly heldBy: string | null;
  /** With 'time-limit': what kept the step besides; null: nothing but too little evidence. Else absent. */
  readonly behindLimit?: string | null;
  /** One sentence with numbers, without a full stop at its end. */
  readonly sentence: string;
}
