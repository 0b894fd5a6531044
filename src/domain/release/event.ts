import type { LoadNeed } from '../scaling/capacity-guard.ts';
import type { StableWindow } from '../gate/before-after.ts';
import type { TrafficSample } from '../traffic/samples/traffic-sample.ts';
import type { Effect } from './effect.ts';
import type { ServiceSpec } from './revision.ts';
import type { ApprovalStanding } from './service-state.ts';
import type { StandbyReport } from './strategies/strategy.ts';

/**
 * Everything that can happen to a service. `atMs` is when; it never goes back within one service. The events of a
 * service, in order, are its whole history: replaying them through `decide` gives the same state and records.
 */
export type ReleaseEvent =
  | {
      readonly kind: 'apply';
      readonly atMs: number;
      readonly spec: ServiceSpec;
      readonly by: Hand;
      /** What stable did while no rollout ran; absent: nothing is known. */
      readonly before?: StableWindow;
    }
  | {
      readonly kind: 'operate';
      readonly atMs: number;
      readonly action: Action;
      readonly by: Hand;
      /** As for `apply`, where the action begins a rollout. */
      readonly before?: StableWindow;
    }
  | { readonly kind: 'sample'; readonly atMs: number; readonly sample: TrafficSample }
  /** What the platform shows, sent when it changed. Revisions without instances are left out. */
  | {
      readonly kind: 'instances';
      readonly atMs: number;
      readonly revisions: readonly RevisionInstances[];
    }
  | {
      readonly kind: 'tick';
      readonly atMs: number;
      /** Whether other services have had samples lately; absent: not known. */
      readonly isOthersHeard?: boolean;
    }
  | { readonly kind: 'effect-done'; readonly atMs: number; readonly key: string }
  /** The world refused for good; what may succeed later is tried again by the loop and never comes here. */
  | {
      readonly kind: 'effect-failed';
      readonly atMs: number;
      readonly key: string;
      readonly effect: Effect['kind'];
      /** Whose instances; null for traffic. */
      readonly revisionId: string | null;
      readonly message: string;
    }
  /** What the checks of a standby saw; `key` is of the order to make them. */
  | {
      readonly kind: 'standby-checked';
      readonly atMs: number;
      readonly key: string;
      readonly report: StandbyReport;
    }
  /** What the recorded approvals of a waiting step come to, sent when one was recorded and after a start. */
  | {
      readonly kind: 'approvals';
      readonly atMs: number;
      readonly rolloutId: string;
      readonly stepIndex: number;
      readonly standing: ApprovalStanding;
    }
  /** A look at the load of services that follow it; at rest only one that wants another number of instances. */
  | { readonly kind: 'scale'; readonly atMs: number; readonly arms: readonly ArmScaling[] }
  /** The control loop was away and is back: effects under way are unknown and are issued again. */
  | { readonly kind: 'recovered'; readonly atMs: number };

/** What a look at the load says of one revision that is scaled. */
export interface ArmScaling {
  readonly revisionId: string;
  readonly instances: number;
  /** Why so many: metric, value, target. */
  readonly sentence: string;
  /** Null: what there is to carry is not known. */
  readonly needs: readonly LoadNeed[] | null;
}

/** Who did something by hand, and why. */
export interface Hand {
  readonly who: string;
  readonly why: string | null;
}

export type Action =
  /**
   * Leave this step now, or answer an approval. Never past a failed gate: that one has already gone back. Past signed approvals
   * only as an `override`, with a reason.
   */
  | { readonly kind: 'promote'; readonly override?: boolean }
  /** Straight to 100 %. */
  | { readonly kind: 'promote-full'; readonly override?: boolean }
  | { readonly kind: 'pause' }
  | { readonly kind: 'resume' }
  | { readonly kind: 'abort' }
  /** A new rollout of the candidate that was rolled back. */
  | { readonly kind: 'retry' }
  /** Back to an earlier stable revision (null: the one before) in one step, watched by the bake. */
  | { readonly kind: 'undo'; readonly toRevisionId: string | null }
  /** Replaces stable's instances, these and in this order, one at a time. */
  | { readonly kind: 'restart'; readonly instanceIds: readonly string[] }
  /** Takes the service away: no route, no instance. */
  | { readonly kind: 'delete' };

export interface RevisionInstances {
  readonly revisionId: string;
  readonly ready: number;
  readonly total: number;
  /** Sum over the instances that exist now. */
  readonly restarts: number;
  /** Their names, while a restart is under way; absent: nobody asks. */
  readonly readyIds?: readonly string[];
  /** Why the least healthy one isn't ready; null: nothing to say. */
  readonly reason: string | null;
  /** How often those that exist now were ended at their limit of memory; absent: never. */
  readonly outOfMemory?: number;
}
