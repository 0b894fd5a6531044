import type { MetricInterval } from './metric-interval.ts';

/**
 * What the router saw of one service since the sample before: disjoint intervals, each request counted once, in the
 * interval in which it ended. Produced about every 100 ms; intervals without a request may be left out.
 */
export interface TrafficSample {
  readonly atMs: number;
  readonly service: string;
  readonly counts: readonly InstanceCount[];
  /**
   * True for the first sample after the observer was away (server restart, gateway restart). It may span several
   * weights, so it counts in totals and never as evidence.
   */
  readonly isCatchUp: boolean;
  /** What the instances themselves counted; absent: nobody asked them. Such a sample has no requests. */
  readonly metrics?: MetricInterval;
  /** Absent: nothing. */
  readonly apart?: readonly ApartCount[];
}

/** Requests of one instance in one interval. All counts are integers >= 0. */
export interface InstanceCount {
  readonly revisionId: string;
  /** Sent there by a header match: the callers chose, so it counts in totals and never as evidence. */
  readonly isMatched: boolean;
  /** Empty string: the router found no instance to send to (503) for this revision. */
  readonly instanceId: string;
  /** Index 0..4: answers 1xx..5xx. Index 5: no answer (refused, reset, timed out; the caller got 502/503/504). */
  readonly byStatusClass: readonly number[];
  /** Sparse latency histogram: [bucket index, count]; see latency-buckets.ts. */
  readonly latency: readonly (readonly [bucket: number, count: number])[];
  /** Name of the stratum these requests belong to, `other` for none; absent: the route has no strata. */
  readonly stratum?: string;
  /** Why these requests count in totals and never as evidence; absent: no reason but `isMatched`. */
  readonly setAside?: SetAside;
  /** Times the router ejected the instance for its failures, and let it in again; absent: neither. */
  readonly ejections?: number;
  readonly readmissions?: number;
}

/**
 * Decided when a request begins, so never by how it ends; such a request has no stratum.
 *
 * - `retry`: another attempt at what has failed or hung already, see request-class.ts. Counting it would count one trouble
 *   twice, and more often for the arm that fails.
 * - `same-client`: its client has had its vote in this window.
 * - `too-many-clients`: the router can't keep more clients apart, so it doesn't know whether this one has.
 */
export type SetAside = (typeof setAsides)[number];
export const setAsides = ['retry', 'same-client', 'too-many-clients'] as const;

/**
 * What a router did beside serving its callers; never part of `counts`, so neither evidence nor in totals.
 *
 * - `mirror`: copies that were sent to the revision, and how it answered.
 * - `mirror-too-large`, `mirror-overflow`: copies that were not made, because of the body, or as too many were under way (or
 *   no instance was there). Counted as no answer.
 * - `fault`: requests of users that a fault was injected into, and what FaultTurns sets aside beside them; with what the caller
 *   got.
 */
export type CountedApart = (typeof countedApart)[number];
export const countedApart = ['mirror', 'mirror-too-large', 'mirror-overflow', 'fault'] as const;

export function isApart(
  reason: SetAside | CountedApart | null | undefined,
): reason is CountedApart {
  return countedApart.some((each) => each === reason);
}

export interface ApartCount extends Pick<
  InstanceCount,
  'revisionId' | 'instanceId' | 'byStatusClass' | 'latency'
> {
  readonly kind: CountedApart;
}

/** Requests and failures (5xx and no answer) of one arm. */
export interface ArmCount {
  readonly requests: number;
  readonly failures: number;
}

/** Whether these requests were assigned by weight and not set aside. */
export function isEvidence({ isMatched, setAside }: InstanceCount): boolean {
  return !isMatched && setAside === undefined;
}

/** One revision's requests that are evidence. */
export function weightedCount(sample: TrafficSample, revisionId: string): ArmCount {
  return sumCounts(sample, (count) => count.revisionId === revisionId && isEvidence(count));
}

/** All of one revision's requests, evidence or not. */
export function totalCount(sample: TrafficSample, revisionId: string): ArmCount {
  return sumCounts(sample, (count) => count.revisionId === revisionId);
}

/** Latencies of the requests that `weightedCount` counts; a bucket may be there once for each instance. */
export function weightedLatency(
  sample: TrafficSample,
  revisionId: string,
): readonly (readonly [bucket: number, count: number])[] {
  return sample.counts.flatMap((count) =>
    count.revisionId === revisionId && isEvidence(count) ? count.latency : [],
  );
}

/** What `weightedCount` sums, by instance: each is there once. */
export function weightedInstances(
  sample: TrafficSample,
  revisionId: string,
): readonly (ArmCount & Pick<InstanceCount, 'instanceId' | 'latency'>)[] {
  const merged = new Map<string, ArmCount & Pick<InstanceCount, 'instanceId' | 'latency'>>();
  for (const count of sample.counts) {
    if (count.revisionId !== revisionId || !isEvidence(count)) continue;
    const { instanceId, latency } = count;
    const known = merged.get(instanceId);
    merged.set(instanceId, {
      instanceId,
      latency: known === undefined ? latency : [...known.latency, ...latency],
      ...(known === undefined ? countOf(count) : addCounts(known, countOf(count))),
    });
  }
  return [...merged.values()];
}

export function addCounts(a: ArmCount, b: ArmCount): ArmCount {
  return { requests: a.requests + b.requests, failures: a.failures + b.failures };
}

export function countOf({ byStatusClass }: Pick<InstanceCount, 'byStatusClass'>): ArmCount {
  let requests = 0;
  let failures = 0;
  for (const [statusClass, ended] of byStatusClass.entries()) {
    requests += ended;
    if (statusClass >= 4) failures += ended;
  }
  return { requests, failures };
}

function sumCounts(sample: TrafficSample, isWanted: (count: InstanceCount) => boolean): ArmCount {
  let sum: ArmCount = { requests: 0, failures: 0 };
  for (const count of sample.counts) if (isWanted(count)) sum = addCounts(sum, countOf(count));
  return sum;
}
