import type { StratumObservation } from '../../gate/verdict.ts';
import type { SetAsideCounts } from '../../gate/metric-standing.ts';
import { otherStratum } from '../../traffic/samples/request-class.ts';
import {
  countOf,
  type TrafficSample,
  weightedCount,
  weightedLatency,
} from '../../traffic/samples/traffic-sample.ts';
import type { Rollout } from '../service-state.ts';

/** The evidence of a sample by stratum, in the order of their names; nothing when the router knows no strata. */
export function strataIn(
  { candidate, stable }: Rollout,
  sample: TrafficSample,
): { readonly strata?: readonly StratumObservation[] } {
  const names = new Set<string>();
  for (const { stratum } of sample.counts) if (stratum !== undefined) names.add(stratum);
  if (names.size === 0) return {};
  // Counted before the strata came into force, in the same interval.
  for (const count of sample.counts) if (count.stratum === undefined) names.add(otherStratum);
  const strata = [...names].toSorted().map((key): StratumObservation => {
    const own = {
      ...sample,
      counts: sample.counts.filter(({ stratum = otherStratum }) => stratum === key),
    };
    return {
      key,
      candidate: weightedCount(own, candidate.id),
      stable: stable === null ? noCount : weightedCount(own, stable.id),
      latency: {
        candidate: weightedLatency(own, candidate.id),
        stable: stable === null ? [] : weightedLatency(own, stable.id),
      },
    };
  });
  return { strata: strata.filter((each) => each.candidate.requests + each.stable.requests > 0) };
}

/** Requests of both arms that were set aside; null: none. */
export function setAsideIn(
  { candidate, stable }: Rollout,
  sample: TrafficSample,
): SetAsideCounts | null {
  const sums = { retry: 0, 'same-client': 0, 'too-many-clients': 0 };
  let isAny = false;
  for (const count of sample.counts) {
    const isOfArm = count.revisionId === candidate.id || count.revisionId === stable?.id;
    if (!isOfArm || count.setAside === undefined) continue;
    sums[count.setAside] += countOf(count).requests;
    isAny = true;
  }
  return isAny ? sums : null;
}

const noCount = { requests: 0, failures: 0 };
