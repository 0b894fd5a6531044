/** At most so many instances, or so many percent of them, may come or go in any period of `periodMs`. */
export interface ScalingPolicy {
  readonly kind: 'instances' | 'percent';
  /** Above 0. */
  readonly value: number;
  readonly periodMs: number;
}

/** How fast one direction may go (HPAScalingRules of autoscaling/v2). */
export interface ScalingRules {
  /** Of the wishes of so long, the most careful counts: the least when going up, the most when going down. */
  readonly stabilizationWindowMs: number;
  /** Which of the policies holds: the one that allows most, or least; disabled: this direction is not gone. */
  readonly selectPolicy: 'max' | 'min' | 'disabled';
  readonly policies: readonly ScalingPolicy[];
}

export interface ScalingBehavior {
  readonly scaleUp: ScalingRules;
  readonly scaleDown: ScalingRules;
}

/** The defaults of autoscaling/v2: up at once, doubled or by four each 15 s; down after five calm minutes. */
export const usualBehavior: ScalingBehavior = {
  scaleUp: {
    stabilizationWindowMs: 0,
    selectPolicy: 'max',
    policies: [
      { kind: 'percent', value: 100, periodMs: 15_000 },
      { kind: 'instances', value: 4, periodMs: 15_000 },
    ],
  },
  scaleDown: {
    stabilizationWindowMs: 300_000,
    selectPolicy: 'max',
    policies: [{ kind: 'percent', value: 100, periodMs: 15_000 }],
  },
};

/** A number of instances that was wished for. */
export interface Wish {
  readonly atMs: number;
  readonly instances: number;
}

/** Instances that came (above 0) or went (below 0). */
export interface Change {
  readonly atMs: number;
  readonly by: number;
}

/** The present number, unless all wishes of a direction's window are beyond it. The newest wish is the last. */
export function stabilized(
  present: number,
  wishes: readonly Wish[],
  { scaleUp, scaleDown }: ScalingBehavior,
  atMs: number,
): number {
  const newest = wishes.at(-1)?.instances ?? present;
  const within = (windowMs: number) =>
    wishes.filter((wish) => atMs - wish.atMs < windowMs).map(({ instances }) => instances);
  const least = Math.min(newest, ...within(scaleUp.stabilizationWindowMs));
  const most = Math.max(newest, ...within(scaleDown.stabilizationWindowMs));
  return Math.min(Math.max(present, least), most);
}

/** As near to `wanted` as the policies allow from what came and went in their periods. */
export function allowed(
  present: number,
  wanted: number,
  { behavior, changes, atMs }: AllowedAt,
): number {
  const before = ({ periodMs }: ScalingPolicy) => present - changed(changes, atMs - periodMs);
  if (wanted > present) {
    const bound = boundOf(behavior.scaleUp, (policy) => upFrom(before(policy), policy));
    return bound === null ? present : Math.min(wanted, Math.max(present, bound));
  }
  if (wanted < present) {
    const depth = boundOf(behavior.scaleDown, (policy) => -downFrom(before(policy), policy));
    return depth === null ? present : Math.max(wanted, Math.min(present, -depth));
  }
  return present;
}

export interface AllowedAt {
  readonly behavior: ScalingBehavior;
  readonly changes: readonly Change[];
  readonly atMs: number;
}

/** For how long changes and wishes have to be kept. */
export function memoryMs({ scaleUp, scaleDown }: ScalingBehavior): number {
  const windows = [scaleUp, scaleDown].flatMap((rules) => [
    rules.stabilizationWindowMs,
    ...rules.policies.map(({ periodMs }) => periodMs),
  ]);
  return Math.max(...windows);
}

function boundOf(
  { selectPolicy, policies }: ScalingRules,
  boundBy: (policy: ScalingPolicy) => number,
): number | null {
  if (selectPolicy === 'disabled') return null;
  const bounds = policies.map(boundBy);
  return selectPolicy === 'max' ? Math.max(...bounds) : Math.min(...bounds);
}

function upFrom(before: number, { kind, value }: ScalingPolicy): number {
  return kind === 'instances' ? before + value : Math.ceil(before * (1 + value / 100));
}

function downFrom(before: number, { kind, value }: ScalingPolicy): number {
  return kind === 'instances' ? before - value : Math.floor(before * (1 - value / 100));
}

function changed(changes: readonly Change[], sinceMs: number): number {
  return changes.reduce((sum, { atMs, by }) => (atMs > sinceMs ? sum + by : sum), 0);
}
