import { latencyBucketLowerUs } from '../traffic/samples/latency-buckets.ts';
import {
  type ArmCount,
  addCounts,
  countOf,
  type TrafficSample,
} from '../traffic/samples/traffic-sample.ts';
import type { Rollout } from './service-state.ts';

/**
 * How the candidate answered copies of requests. For people to look at; the gate never does: nobody asked for these answers, and
 * a copy finds caches and rows as its request has left them.
 */
export interface ShadowTotals extends ArmCount {
  /** Not made: the body was too large, or too many were under way. */
  readonly dropped: number;
  /** As in InstanceCount, ascending; at most `latencyBucketCount` pairs. */
  readonly latency: readonly (readonly [bucket: number, count: number])[];
}

/** The rollout with what a sample says of its candidate's copies. */
export function withShadow(rollout: Rollout, { apart = [] }: TrafficSample): Rollout {
  const own = apart.filter(
    ({ revisionId, kind }) => revisionId === rollout.candidate.id && kind !== 'fault',
  );
  const { shadow = noCopies } = rollout;
  let { requests, failures, dropped } = shadow;
  const latency = new Map(shadow.latency);
  for (const count of own) {
    const ended = countOf(count);
    if (count.kind === 'mirror') {
      ({ requests, failures } = addCounts({ requests, failures }, ended));
      for (const [bucket, grown] of count.latency) {
        latency.set(bucket, (latency.get(bucket) ?? 0) + grown);
      }
    } else dropped += ended.requests;
  }
  if (own.length === 0) return rollout;
  const sorted = [...latency].toSorted(([a], [b]) => a - b);
  return { ...rollout, shadow: { requests, failures, dropped, latency: sorted } };
}

/** In ms, to the bucket; null: no copy was answered. */
export function shadowP95Ms({ latency }: ShadowTotals): number | null {
  const total = latency.reduce((sum, [, count]) => sum + count, 0);
  let below = 0;
  for (const [bucket, count] of latency) {
    below += count;
    if (below >= 0.95 * total) return latencyBucketLowerUs(bucket) / 1000;
  }
  return null;
}

const noCopies: ShadowTotals = { requests: 0, failures: 0, dropped: 0, latency: [] };
