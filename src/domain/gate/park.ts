import type { ArmPair } from './arm-block.ts';
import { logLikelihoodRatio, pooled, sizesOf } from './e-variable.ts';
import { advance, evidenceOf, type OnsetMixture, openMixture } from './onset-mixture.ts';
import { cutUnits, isCandidateBarred, type UnitLane } from './unit-lane.ts';

/**
 * Park and probe: what users are spared while the unit lane takes its windows. Single requests show within a fraction of a
 * second that most of the candidate's requests fail; whether that is the version or an incident of the kind to
 * forgive they can't show. So this evidence never rolls back; it asks to park: weight 0, which is undone for nothing. Instances
 * that were bad are left out of the next window, so that one is waited for without traffic; in the one after it a few
 * requests for each instance show whether it still fails. A window of probes without failure ends the parking, and windows
 * of probes that fail are what the unit lane rolls back by.
 *
 * It asks only where much fails (alternatives of 40 % and 97 %): a candidate that fails 0.5 % costs users little and needs
 * its traffic to be told from stable, so it is not parked. Simulated with windows of 5 s, 800 requests/s and 2 of 40
 * instances at 5 %: a dead candidate costs 12 failed requests (p95 19) and 20 s, one that fails 0.5 % instead of 0.1 % is found
 * in 85 s (62 s by single requests, where there are no bursts). How many healthy ones go back is in the study's table of bursts.
 *
 * The process starts again after each parking. It bounds nothing that can't be undone.
 */
export interface Park {
  readonly severe: OnsetMixture;
  readonly parkedAtMs: number | null;
}

export type ParkAdvice =
  | { readonly kind: 'park' }
  | {
      readonly kind: 'probe';
      /** Requests each instance of the candidate should get until the window ends. */
      readonly requestsPerInstance: number;
      readonly untilMs: number;
    };

export function openPark(atMs: number, plannedMs: number): Park {
  return { severe: openMixture(severeWeights, atMs, plannedMs), parkedAtMs: null };
}

/** Takes an interval in, with stable's ratio as known before it. Gives back the lane, cut where the weight is to change. */
export function weighPark(
  { park, lane }: { readonly park: Park; readonly lane: UnitLane },
  pair: ArmPair,
  moment: { readonly atMs: number; readonly plannedMs: number; readonly stableRatio: number },
): { readonly park: Park; readonly lane: UnitLane } {
  const { atMs, plannedMs, stableRatio } = moment;
  if (park.parkedAtMs !== null) {
    const isOver = lane.lastWindow === 'clean' && lane.cutAtMs === null;
    if (!isOver) return { park, lane };
    return { park: openPark(atMs, plannedMs), lane: cutUnits(lane, atMs) };
  }
  if (Math.min(pair.candidate.requests, pair.stable.requests) === 0) return { park, lane };
  const sizes = sizesOf(pair);
  const logs = severeRatios.map((ratio) => {
    const alternative = { candidateRatio: Math.max(ratio, stableRatio), stableRatio };
    return logLikelihoodRatio(pair, alternative, pooled(sizes, alternative));
  });
  const severe = advance(park.severe, severeWeights, atMs, logs);
  if (evidenceOf(severe) < parkLimit) return { park: { ...park, severe }, lane };
  return { park: { severe, parkedAtMs: atMs }, lane: cutUnits(lane, atMs) };
}

/** What the one who sets weights should do now; null: nothing but what the plan says. */
export function parkAdvice({ parkedAtMs }: Park, lane: UnitLane): ParkAdvice | null {
  if (parkedAtMs === null) return null;
  if (lane.cutAtMs !== null || isCandidateBarred(lane)) return { kind: 'park' };
  const untilMs = (lane.sinceMs ?? parkedAtMs) + lane.windowMs;
  return { kind: 'probe', requestsPerInstance: probesPerInstance, untilMs };
}

const severeRatios = [0.4, 0.97] as const;
const severeWeights = [0.5, 0.5] as const;
const parkLimit = 1000;
const probesPerInstance = 2;
