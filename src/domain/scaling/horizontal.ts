import {
  adviceOf,
  type InstanceUsage,
  type MetricAdvice,
  type MetricTarget,
  type Tolerance,
} from './metric-advice.ts';
import {
  allowed,
  type Change,
  memoryMs,
  type ScalingBehavior,
  stabilized,
  usualBehavior,
  type Wish,
} from './scaling-behavior.ts';

/** How a service's instances follow their load (HorizontalPodAutoscaler of autoscaling/v2). */
export interface HorizontalScaling {
  /** 1 to `max`. */
  readonly min: number;
  readonly max: number;
  /** At least one. */
  readonly targets: readonly MetricTarget[];
  readonly behavior: ScalingBehavior;
  readonly tolerance: Tolerance;
}

export const usualHorizontalScaling: HorizontalScaling = {
  min: 3,
  max: 10,
  targets: [
    { metric: 'cpu', perInstance: 0.7, setsUnreadyAside: true },
    { metric: 'memory', perInstance: 0.75, setsUnreadyAside: false },
    { metric: 'requestsPerSecond', perInstance: 1000, setsUnreadyAside: false },
  ],
  behavior: usualBehavior,
  tolerance: { up: 0.1, down: 0.1 },
};

/** What has to be remembered between two looks; bounded by the windows of the behaviour. */
export interface HorizontalState {
  readonly wishes: readonly Wish[];
  readonly changes: readonly Change[];
}

export const openHorizontal: HorizontalState = { wishes: [], changes: [] };

export interface HorizontalLook {
  readonly atMs: number;
  /** Instances there are or are being started. */
  readonly present: number;
  /** What is needed for another reason than these usages; absent: nothing is. */
  readonly atLeast?: number;
  /** By metric. */
  readonly usages: ReadonlyMap<string, readonly InstanceUsage[]>;
}

/** What was decided, and all it was decided from. */
export interface HorizontalDecision {
  readonly instances: number;
  readonly advice: readonly MetricAdvice[];
  /** Before windows, policies and bounds. */
  readonly wished: number;
  readonly limitedBy: 'nothing' | 'no metrics' | 'reserve' | 'window' | 'policy' | 'min' | 'max';
}

/** One look at the load: the new number of instances and the new state. */
export function scaleHorizontally(
  scaling: HorizontalScaling,
  state: HorizontalState,
  look: HorizontalLook,
): { readonly state: HorizontalState; readonly decision: HorizontalDecision } {
  const { atMs, present } = look;
  const { behavior, min, max } = scaling;
  const advice = scaling.targets.map((target) =>
    adviceOf(present, look.usages.get(target.metric) ?? [], target, scaling.tolerance),
  );
  const wished = wishOf(present, advice);
  const { atLeast = 0 } = look;
  if (wished === null && present >= atLeast) return blind(scaling, state, { present, advice });
  const wish = Math.min(Math.max(wished ?? present, min, atLeast), max);
  const kept = remembered(state, atMs - memoryMs(behavior));
  // Whoever begins to look may not know better than what there is.
  const first = state.wishes.length === 0 ? [{ atMs, instances: present }] : [];
  const wishes = [...first, ...kept.wishes, { atMs, instances: wish }];
  const steady = stabilized(present, wishes, behavior, atMs);
  const paced = allowed(present, steady, { behavior, changes: kept.changes, atMs });
  const instances = Math.min(Math.max(paced, min), max);
  const by = instances - present;
  const changes = by === 0 ? kept.changes : [...kept.changes, { atMs, by }];
  const isReserve = wish === atLeast && atLeast > Math.max(wished ?? present, min);
  const limitedBy = limitOf({ wished, wish, steady, paced, instances, isReserve });
  return {
    state: { wishes, changes },
    decision: { instances, advice, wished: wished ?? present, limitedBy },
  };
}

/** Nobody knows anything: that is no wish for the present number either, or it would begin every window anew. */
function blind(
  { min, max }: HorizontalScaling,
  state: HorizontalState,
  { present, advice }: Pick<HorizontalDecision, 'advice'> & { readonly present: number },
): { readonly state: HorizontalState; readonly decision: HorizontalDecision } {
  const instances = Math.min(Math.max(present, min), max);
  return { state, decision: { instances, advice, wished: present, limitedBy: 'no metrics' } };
}

/** The most that a metric asks for. While one is unknown, the others may ask for more and not for less; null: all are. */
function wishOf(present: number, advice: readonly MetricAdvice[]): number | null {
  const known = advice.filter(({ usageRatio }) => usageRatio !== null);
  if (known.length === 0) return null;
  const most = Math.max(...known.map(({ instances }) => instances));
  return known.length < advice.length ? Math.max(most, present) : most;
}

interface Stages {
  readonly wished: number | null;
  readonly wish: number;
  readonly steady: number;
  readonly paced: number;
  readonly instances: number;
  readonly isReserve: boolean;
}

/** The last thing that made the number another one than wished. */
function limitOf({
  wished,
  wish,
  steady,
  paced,
  instances,
  isReserve,
}: Stages): HorizontalDecision['limitedBy'] {
  if (wished === null) return 'no metrics';
  if (instances !== paced) return instances > paced ? 'min' : 'max';
  if (paced !== steady) return 'policy';
  if (steady !== wish) return 'window';
  if (isReserve) return 'reserve';
  if (wish !== wished) return wish > wished ? 'min' : 'max';
  return 'nothing';
}

function remembered({ wishes, changes }: HorizontalState, sinceMs: number): HorizontalState {
  return {
    wishes: wishes.filter(({ atMs }) => atMs > sinceMs),
    changes: changes.filter(({ atMs }) => atMs > sinceMs),
  };
}
