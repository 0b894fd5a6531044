import type { SeriesSelector } from '../traffic/samples/metric-selection.ts';

/** What one instance used of a metric, in the metric's own unit; CPU and memory as a ratio of what was requested. */
export interface InstanceUsage {
  readonly instanceId: string;
  /** Null: nobody knows. */
  readonly value: number | null;
  /** False: it is starting, or its newest value is from before it was ready. */
  readonly isReady: boolean;
}

/** What an instance should use on average. */
export interface MetricTarget {
  /** `cpu`, `memory`, `requestsPerSecond`, or a metric of the service's own. */
  readonly metric: string;
  /** Above 0; the unit of the usages. */
  readonly perInstance: number;
  /** What an instance uses while it starts says nothing of the load: true for CPU. */
  readonly setsUnreadyAside: boolean;
  /** Of a metric of the service's own: where an instance publishes it, as a value of now. */
  readonly gauge?: { readonly path: string; readonly series: SeriesSelector };
}

/** What one metric would do, with what it is made of. */
export interface MetricAdvice {
  readonly metric: string;
  readonly instances: number;
  /** Mean over those whose usage counts; null: of none it is known, and `instances` is the present number. */
  readonly perInstance: number | null;
  /** Of usage to target, with the assumptions; within the tolerance of 1 nothing is changed. */
  readonly usageRatio: number | null;
  /** Instances whose usage had to be assumed: all of the target when there would be fewer instances, none when more. */
  readonly assumed: number;
}

/** Ratios by which usage may be above and below its target without a change. */
export interface Tolerance {
  readonly up: number;
  readonly down: number;
}

/**
 * How many instances one metric asks for: ceil(instances * usage / target), as the autoscaling/v2 documentation has it
 * (kubernetes.io, Horizontal Pod Autoscaling, algorithm details). Instances of unknown usage never make a change larger: they are
 * assumed to use nothing when there would be more, and all of the target when there would be fewer; those that start are assumed
 * to use nothing when there would be more. If the change then turns around or is within the tolerance, nothing is changed.
 * Example: 3 instances at 0.9, 0.8 and 1.0 of their CPU with a target of 0.7 give 4.
 */
export function adviceOf(
  present: number,
  usages: readonly InstanceUsage[],
  target: MetricTarget,
  tolerance: Tolerance,
): MetricAdvice {
  const { metric, setsUnreadyAside } = target;
  const missing = usages.filter(({ value }) => value === null).length;
  const unready = usages.filter((usage) => isAside(usage, setsUnreadyAside)).length;
  const known = usages.flatMap((usage) =>
    usage.value === null || isAside(usage, setsUnreadyAside) ? [] : [usage.value],
  );
  if (known.length === 0) {
    const assumed = missing + unready;
    return { metric, instances: present, perInstance: null, usageRatio: null, assumed };
  }
  const total = known.reduce((sum, value) => sum + value, 0);
  const firstRatio = total / known.length / target.perInstance;
  const assumption = assumedFor(firstRatio, { missing, unready }, target.perInstance);
  const count = known.length + assumption.assumed;
  const usageRatio = (total + assumption.value) / count / target.perInstance;
  const instances = bounded({ present, firstRatio, usageRatio, count }, tolerance);
  return {
    metric,
    instances,
    perInstance: total / known.length,
    usageRatio,
    assumed: assumption.assumed,
  };
}

function isAside({ value, isReady }: InstanceUsage, setsUnreadyAside: boolean): boolean {
  return value !== null && !isReady && setsUnreadyAside;
}

/** What those of unknown usage are taken to use together. */
function assumedFor(
  firstRatio: number,
  { missing, unready }: { readonly missing: number; readonly unready: number },
  perInstance: number,
): { readonly assumed: number; readonly value: number } {
  if (firstRatio > 1) return { assumed: missing + unready, value: 0 };
  return { assumed: missing, value: firstRatio < 1 ? missing * perInstance : 0 };
}

interface Ratios {
  readonly present: number;
  readonly firstRatio: number;
  readonly usageRatio: number;
  readonly count: number;
}

function bounded({ present, firstRatio, usageRatio, count }: Ratios, tolerance: Tolerance): number {
  if (isWithin(firstRatio, tolerance) || isWithin(usageRatio, tolerance)) return present;
  if (firstRatio > 1 !== usageRatio > 1) return present;
  const instances = Math.ceil(roundedOff(usageRatio * count));
  // Among many of unknown usage the few known ones may ask for less than there are already.
  const isTurned = usageRatio > 1 ? instances < present : instances > present;
  return isTurned ? present : instances;
}

function isWithin(usageRatio: number, { up, down }: Tolerance): boolean {
  return usageRatio <= roundedOff(1 + up) && usageRatio >= roundedOff(1 - down);
}

/** Without the last bits of a sum of thirds, which would make 3 of 3.0000000000000004. */
function roundedOff(value: number): number {
  return Number(value.toPrecision(12));
}
