import type { GateSettings, Objective } from '../release/revision.ts';
import type { ArmCount } from '../traffic/traffic-sample.ts';

/** Placeholder replaced by the gate's own file: the shape the decider builds on. */
export interface GateState {
  readonly settings: GateSettings;
  readonly objectives: readonly Objective[];
}

/** One interval in which both arms had the same surroundings. */
export interface GateObservation {
  readonly atMs: number;
  readonly candidate: ArmCount;
  /** All zero when there is no control arm (after 100 %). */
  readonly stable: ArmCount;
}

/** What the rollout asks at a step. */
export interface GateQuestion {
  readonly atMs: number;
  /** When the step's weight came into force. */
  readonly stepSinceMs: number;
  readonly weightPercent: number;
  /** Whether passing leads to 100 %: the declared margin and beta count, else the coarse ones of the evidence ramp. */
  readonly isLastGate: boolean;
}

/** `undecided` covers too little evidence, a hold by an objective, and no data; the explanation says which. */
export interface Verdict {
  readonly kind: 'pass' | 'fail' | 'undecided';
  readonly explanation: GateExplanation;
}

export interface GateExplanation {
  readonly candidate: ArmCount;
  readonly stable: ArmCount;
  /** Evidence that the candidate is worse; rolls back at `againstLimit` = 1 / alpha. Starts at 1. */
  readonly against: number;
  readonly againstLimit: number;
  /** Evidence that the candidate is not worse than stable by `marginRatio`; passes at `forLimit`. Starts at 1. */
  readonly for: number;
  readonly forLimit: number;
  readonly marginRatio: number;
  /** What keeps an otherwise passing step: an objective's name, 'soak', 'no-data', 'time-limit'; null: nothing. */
  readonly heldBy: string | null;
  /** One sentence with numbers, without a full stop at its end. */
  readonly sentence: string;
}
export declare function openGate(
  settings: GateSettings,
  objectives: readonly Objective[],
  atMs: number,
  plannedMs: number,
): GateState;
export declare function observe(state: GateState, observation: GateObservation): GateState;
export declare function closeBlock(state: GateState): GateState;
export declare function judge(state: GateState, question: GateQuestion): Verdict;
