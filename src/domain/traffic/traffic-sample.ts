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
}

/** Requests and failures (5xx and no answer) of one arm. */
export interface ArmCount {
  readonly requests: number;
  readonly failures: number;
}

/** One revision's requests that were assigned by weight: the only ones that are evidence. */
export function weightedCount(sample: TrafficSample, revisionId: string): ArmCount {
  return sumCounts(sample, (count) => count.revisionId === revisionId && !count.isMatched);
}

/** All of one revision's requests, also those sent there by a header match. */
export function totalCount(sample: TrafficSample, revisionId: string): ArmCount {
  return sumCounts(sample, (count) => count.revisionId === revisionId);
}

/** Latencies of the requests that `weightedCount` counts; a bucket may be there once for each instance. */
export function weightedLatency(
  sample: TrafficSample,
  revisionId: string,
): readonly (readonly [bucket: number, count: number])[] {
  return sample.counts.flatMap((count) =>
    count.revisionId === revisionId && !count.isMatched ? count.latency : [],
  );
}

/** What `weightedCount` sums, by instance. */
export function weightedInstances(
  sample: TrafficSample,
  revisionId: string,
): readonly (ArmCount & Pick<InstanceCount, 'instanceId' | 'latency'>)[] {
  return sample.counts
    .filter((count) => count.revisionId === revisionId && !count.isMatched)
    .map((count) => ({
      instanceId: count.instanceId,
      latency: count.latency,
      ...sumCounts({ ...sample, counts: [count] }, () => true),
    }));
}

export function addCounts(a: ArmCount, b: ArmCount): ArmCount {
  return { requests: a.requests + b.requests, failures: a.failures + b.failures };
}

function sumCounts(sample: TrafficSample, isWanted: (count: InstanceCount) => boolean): ArmCount {
  let requests = 0;
  let failures = 0;
  for (const count of sample.counts) {
    if (!isWanted(count)) continue;
    for (const [statusClass, ended] of count.byStatusClass.entries()) {
      requests += ended;
      if (statusClass >= 4) failures += ended;
    }
  }
  return { requests, failures };
}
