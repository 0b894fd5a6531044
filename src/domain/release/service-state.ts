import type { ShadowTotals } from './shadow.ts';
import type { ApprovalPolicy, RoleRule } from '../evidence/approval/approval.ts';
import type { GateState, Verdict } from '../gate/gate.ts';
import type { LoadNeed } from '../scaling/capacity-guard.ts';
import type { ArmCount } from '../traffic/samples/traffic-sample.ts';
import type { Effect, Traffic } from './effect.ts';
import type { Hand, RevisionInstances } from './event.ts';
import type { KeptTurns } from './flag-turns.ts';
import type { Plan, Revision, ServiceSpec } from './revision.ts';

/** A service as its events left it. Plain JSON; at most one rollout is active. */
export interface ServiceState {
  readonly name: string;
  /** Newest accepted release file entry; null before the first. */
  readonly spec: ServiceSpec | null;
  /** Revisions that were stable, oldest first; the last one is stable now. At most `stableHistoryMax`. */
  readonly stables: readonly Revision[];
  /**
   * Revisions whose stop was ordered last, oldest first, whether it is done or not: a crash may have come between. At most
   * `retiredMax`.
   */
  readonly retired: readonly Revision[];
  /** The newest rollout, active or final. */
  readonly rollout: Rollout | null;
  /** Summaries of final rollouts, oldest first. At most `rolloutHistoryMax`. */
  readonly history: readonly RolloutSummary[];
  readonly rolloutCount: number;
  readonly recordCount: number;
  readonly instances: readonly RevisionInstances[];
  /** The traffic last ordered; null before the first order. */
  readonly traffic: Traffic | null;
  readonly isDeleted: boolean;
  /** How many instances of scaled revisions were ordered last; absent: never another number than they began with. */
  readonly counts?: readonly {
    readonly revisionId: string;
    readonly instances: number;
    /** Of one that has no instance until somebody asks. */
    readonly asleepSinceMs?: number;
  }[];
  /** Flags of stable revisions as a rollout has turned them; absent: none has. */
  readonly keptTurns?: readonly KeptTurns[];
  /** The newest restart by hand, under way or over; absent: there was none. */
  readonly restart?: Restart;
}

/** See restart.ts. */
export interface Restart {
  /** Unique within the service, `<service>/<record number>`. */
  readonly id: string;
  readonly revision: Revision;
  /** How many instances are wanted while it goes on. */
  readonly count: number;
  /** Those yet to go, in their order. */
  readonly left: readonly string[];
  readonly done: readonly string[];
  readonly by: Hand;
  readonly startedAtMs: number;
  readonly phase: RestartPhase;
}

/** `waiting` for enough others to be ready; `stopping` one of them until the platform has done `effectKey`. */
export type RestartPhase =
  | { readonly kind: 'waiting'; readonly sinceMs: number }
  | { readonly kind: 'stopping'; readonly effectKey: string; readonly instanceId: string }
  | { readonly kind: 'done'; readonly atMs: number }
  | { readonly kind: 'given-up'; readonly atMs: number; readonly because: string };

export const stableHistoryMax = 20;
export const retiredMax = 20;
export const rolloutHistoryMax = 50;

export interface Rollout {
  /** `<service>-<number>`, number counting from 1 within the service. */
  readonly id: string;
  readonly kind: 'first' | 'canary' | 'blue-green' | 'rolling' | 'recreate' | 'undo';
  readonly candidate: Revision;
  /** Null in the first rollout of a service: there is nothing to compare with or go back to. */
  readonly stable: Revision | null;
  readonly plan: Plan;
  readonly startedAtMs: number;
  readonly startedBy: Hand;
  readonly phase: Phase;
  /** A person's pause: nothing goes forward, the gate still may go back. */
  readonly paused: { readonly atMs: number; readonly by: Hand } | null;
  readonly gate: GateState;
  /** Requests of both arms since the start, evidence or not. */
  readonly totals: ArmPair;
  /** Requests of both arms since the current step's weight is in force. */
  readonly stepTotals: ArmPair;
  readonly stepResults: readonly StepResult[];
  /** Restarts of stable's instances when the rollout began, so that only new ones count. */
  readonly stableRestartsAtStart: number;
  /** Since when no instance of the candidate was ready, after it once was; null: one is. */
  readonly unreadySinceMs: number | null;
  readonly lastVerdict: Verdict | null;
  readonly lastProgressAtMs: number;
  /** Whether the time limit of the current step has been recorded. */
  readonly isLimitRecorded: boolean;
  /** How often the candidate was parked; absent: never. */
  readonly parkingCount?: number;
  /** The one instance that was ordered to be replaced; absent: none was. */
  readonly replacement?: Replacement;
  /** How often the time limit of the step in force was extended; absent: never. */
  readonly extensionCount?: number;
  /** What is known of the samples themselves; absent: there was none. */
  readonly telemetry?: TelemetryWatch;
  /** What scaled arms have to carry, by the newest look; absent: nobody has looked. */
  readonly needs?: readonly { readonly revisionId: string; readonly needs: readonly LoadNeed[] }[];
  /** Of copies that the candidate got; absent: none. */
  readonly shadow?: ShadowTotals;
  /** How the checks of a standby stand; absent: none were ordered. */
  readonly standby?: StandbyWatch;
}

/** `passed`: the standby is as it should be; since then it is brought to its full number of instances. */
export type StandbyWatch =
  | {
      readonly phase: 'checking';
      readonly sinceMs: number;
      readonly effectKey: string;
      /** Counts from 1. */
      readonly attempt: number;
    }
  | { readonly phase: 'passed'; readonly sinceMs: number; readonly sentence: string };

/** `ordered`, then `replaced` when the platform has done it, then `ready` when the candidate has all its instances again. */
export interface Replacement {
  readonly instanceId: string;
  readonly atMs: number;
  readonly effectKey: string;
  readonly phase: 'ordered' | 'replaced' | 'ready';
}

/** Whether samples come as they should; see telemetry-watch.ts. */
export interface TelemetryWatch {
  /** Requests/s of both arms, forgotten over half a minute. */
  readonly requestsPerSecond: number;
  readonly sinceMs: number;
  /** When requests were last seen. */
  readonly seenAtMs: number;
  /** How many requests each arm should have had since its last one, by the requests of the other and the weights in force. */
  readonly missing: { readonly candidate: number; readonly stable: number };
  /** The newest sample that can't be; null: there was none. */
  readonly broken: { readonly atMs: number; readonly sentence: string } | null;
  readonly fault: {
    readonly kind: TelemetryFaultKind;
    readonly sinceMs: number;
    /** The sentence of the alert; null: none was raised yet. */
    readonly alert: string | null;
  } | null;
}

export type TelemetryFaultKind = 'silence' | 'arm-silent' | 'impossible';

export interface ArmPair {
  readonly candidate: ArmCount;
  readonly stable: ArmCount;
}

/** `shifting` and `reverting` wait for the router to have the ordered weights in force (`effectKey`). */
export type Phase =
  | { readonly kind: 'starting'; readonly sinceMs: number }
  | {
      readonly kind: 'shifting';
      readonly sinceMs: number;
      readonly stepIndex: number;
      readonly effectKey: string;
    }
  | { readonly kind: 'judging'; readonly sinceMs: number; readonly stepIndex: number }
  | {
      readonly kind: 'waiting';
      readonly sinceMs: number;
      /** Since when the step's weight is in force. */
      readonly stepSinceMs: number;
      readonly stepIndex: number;
      /** Null: for a person's approval. */
      readonly untilMs: number | null;
      /** How the signed approvals stand; absent: none is needed, or nobody has spoken. */
      readonly approvals?: ApprovalStanding;
    }
  | {
      /** Out of the users' way while it is found out whether it is the version that fails; see parking.ts. */
      readonly kind: 'parked';
      readonly sinceMs: number;
      readonly stepIndex: number;
      /** Ordered last: 0, or the share that probes need. */
      readonly weightPercent: number;
      /** The order that is not yet in force; null: it is. */
      readonly effectKey: string | null;
      /** Parked too often: it stays at 0 until a person decides. */
      readonly isHeld: boolean;
    }
  | {
      /** Instances of one revision go while those of the other come; see rolling.ts. */
      readonly kind: 'rolling';
      readonly sinceMs: number;
      /** When the last instance came or went. */
      readonly movedAtMs: number;
      /** How many were ordered last. */
      readonly wanted: { readonly candidate: number; readonly stable: number };
      /** How many each has when it has all places. */
      readonly desired: { readonly candidate: number; readonly stable: number };
      /** Most that were seen ready of those that come. */
      readonly readyMost: number;
      /** The order to stop the last of those that go, until it is done; null: none is under way. */
      readonly stopKey: string | null;
      /** Why stable comes back; null: the candidate comes. */
      readonly cause: Cause | null;
      /** Whether it has been recorded that the way back does not get on. */
      readonly isStuckRecorded: boolean;
    }
  | { readonly kind: 'baking'; readonly sinceMs: number; readonly untilMs: number }
  | {
      readonly kind: 'reverting';
      readonly sinceMs: number;
      readonly cause: Cause;
      readonly effectKey: string;
    }
  | { readonly kind: 'promoted'; readonly atMs: number }
  | { readonly kind: 'rolled-back'; readonly atMs: number; readonly cause: Cause };

/** What the ledger's entries say of the approvals that a step waits for. */
export type ApprovalStanding =
  | { readonly kind: 'open'; readonly missing: readonly RoleRule[] }
  | {
      readonly kind: 'met';
      readonly by: readonly {
        readonly person: string;
        readonly role: string;
        readonly index: number;
      }[];
      /** The first of them expires then. */
      readonly untilMs: number;
    }
  | {
      readonly kind: 'rejected';
      readonly person: string;
      readonly reason: string;
      readonly index: number;
    };

/** What people are asked to approve. They sign the digest of the whole entry's data, of which this is a part. */
export interface ApprovalRequest {
  /** Counts from 1. */
  readonly stepNumber: number;
  readonly policy: ApprovalPolicy;
  readonly policySha256: string;
  /** Who began the rollout, and so may not approve it. */
  readonly author: string;
  readonly candidateSha256: string;
  /** Null: the service has no stable revision yet. */
  readonly stableSha256: string | null;
}

/** Why a rollout went back. */
export interface Cause {
  readonly kind:
    | 'gate-failed'
    | 'bake-failed'
    | 'not-ready'
    | 'crash-loop'
    | 'platform-failed'
    | 'router-refused'
    | 'time-limit'
    | 'checks-failed'
    | 'aborted'
    | 'deleted';
  /** One sentence with numbers. */
  readonly sentence: string;
  /** When the decision fell. */
  readonly atMs: number;
}

export interface StepResult {
  readonly weightPercent: number;
  /** What really flowed, from the router's counts; null when nothing did. */
  readonly measuredSharePercent: number | null;
  readonly totals: ArmPair;
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly sentence: string;
}

export interface RolloutSummary {
  readonly id: string;
  readonly kind: Rollout['kind'];
  readonly fromRevisionId: string | null;
  readonly toRevisionId: string;
  readonly toVersion: string | null;
  readonly outcome: 'promoted' | 'rolled-back';
  readonly cause: Cause | null;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly startedBy: Hand;
  readonly totals: ArmPair;
}

/** What `decide` gives back. Nothing of `effects` may be done before `record` is durable. */
export interface Decision {
  readonly state: ServiceState;
  readonly record: ReleaseRecord | null;
  readonly effects: readonly Effect[];
}

/** An entry for the ledger, plain JSON. */
export interface ReleaseRecord {
  readonly type:
    | 'service-change'
    | 'release-plan'
    | 'decision'
    | 'gate-result'
    | 'deploy-outcome'
    | 'operator-action'
    | 'approval-request'
    | 'override'
    | 'instance-event';
  readonly decision: DecisionKind;
  readonly atMs: number;
  readonly service: string;
  readonly rolloutId: string | null;
  readonly fromRevisionId: string | null;
  readonly toRevisionId: string | null;
  readonly weightPercent: number | null;
  readonly by: Hand | null;
  /** One sentence with numbers: what and why. */
  readonly sentence: string;
  readonly verdict: Verdict | null;
  readonly plan: Plan | null;
  readonly effects: readonly string[];
  /** Of an approval request only. */
  readonly approval?: ApprovalRequest;
}

export type DecisionKind =
  | 'start'
  | 'advance'
  | 'progress'
  | 'hold'
  | 'wait'
  | 'bake'
  | 'promoted'
  /** The candidate gets nothing for a while; `probe`: a few requests; `unpark`: its step's share again. */
  | 'park'
  | 'probe'
  | 'unpark'
  /** Instances of one revision go and those of the other come. */
  | 'roll'
  /** A standby is to be checked, and may be switched to. */
  | 'check'
  /** One instance of the candidate is to be replaced. */
  | 'replace'
  /** What the plan wants at the time limit of a step. */
  | 'extend'
  | 'widen'
  /** Another number of instances, by their load. */
  | 'scale'
  /** Something is wrong with the telemetry, and it is well again. */
  | 'alert'
  | 'alert-over'
  | 'roll-back'
  | 'rolled-back'
  | 'pause'
  | 'resume'
  | 'refuse'
  | 'restart'
  | 'restarted'
  | 'restart-ended'
  | 'unchanged'
  | 'update'
  | 'delete'
  | 'recover';

export function emptyService(name: string): ServiceState {
  return {
    name,
    spec: null,
    stables: [],
    retired: [],
    rollout: null,
    history: [],
    rolloutCount: 0,
    recordCount: 0,
    instances: [],
    traffic: null,
    isDeleted: false,
  };
}

/** The revision users get when no rollout runs. */
export function stableOf(state: ServiceState): Revision | null {
  return state.stables.at(-1) ?? null;
}

export function isFinal(phase: Phase): boolean {
  return phase.kind === 'promoted' || phase.kind === 'rolled-back';
}

/** The rollout while it is under way, else null. */
export function activeRollout(state: ServiceState): Rollout | null {
  return state.rollout !== null && !isFinal(state.rollout.phase) ? state.rollout : null;
}

export const noRequests: ArmPair = {
  candidate: { requests: 0, failures: 0 },
  stable: { requests: 0, failures: 0 },
};

/** Share of the candidate in what really flowed; null when nothing did. */
export function measuredSharePercent(totals: ArmPair): number | null {
  const all = totals.candidate.requests + totals.stable.requests;
  return all === 0 ? null : (100 * totals.candidate.requests) / all;
}
