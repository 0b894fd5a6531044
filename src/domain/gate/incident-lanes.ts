import type { ArmPair } from './arm-block.ts';
import { type LatencyMetric, slowTally } from './latency-metric.ts';
import { openPark, type Park, weighPark } from './park.ts';
import {
  addToUnits,
  cutUnits,
  type InstanceTally,
  openUnitLane,
  type UnitLane,
} from './unit-lane.ts';
import type { InstanceObservation } from './verdict.ts';

/** What stands in for the evidence of single requests where the file names incidents to forgive. */
export interface IncidentLanes {
  readonly errors: UnitLane;
  /** The same for requests slower than stable's p95. */
  readonly latency: UnitLane;
  readonly park: Park;
}

export function openIncidentLanes(
  incidentMs: number,
  atMs: number,
  plannedMs: number,
): IncidentLanes {
  return {
    errors: openUnitLane(incidentMs, atMs, plannedMs),
    latency: openUnitLane(incidentMs, atMs, plannedMs),
    park: openPark(atMs, plannedMs),
  };
}

export function addToLanes(
  lanes: IncidentLanes,
  interval: {
    readonly pair: ArmPair;
    readonly candidate: readonly InstanceObservation[];
    readonly stable: readonly InstanceObservation[];
    /** Null: latency is not compared now. */
    readonly latency: LatencyMetric | null;
  },
  moment: { readonly atMs: number; readonly plannedMs: number; readonly stableRatio: number },
): IncidentLanes {
  const { pair, candidate, stable, latency } = interval;
  const counted = addToUnits(lanes.errors, { candidate, stable }, moment.atMs);
  const { park, lane } = weighPark({ park: lanes.park, lane: counted }, pair, moment);
  const hasChanged = park.parkedAtMs !== lanes.park.parkedAtMs;
  const slow =
    latency === null
      ? lanes.latency
      : addToUnits(
          lanes.latency,
          {
            candidate: slowOf(latency, candidate, 'candidate'),
            stable: slowOf(latency, stable, 'stable'),
          },
          moment.atMs,
        );
  return { errors: lane, park, latency: hasChanged ? cutUnits(slow, moment.atMs) : slow };
}

export function cutLanes(lanes: IncidentLanes, atMs: number): IncidentLanes {
  return {
    ...lanes,
    errors: cutUnits(lanes.errors, atMs),
    latency: cutUnits(lanes.latency, atMs),
  };
}

/** The slow requests of each instance of which latencies are known. */
function slowOf(
  metric: LatencyMetric,
  instances: readonly InstanceObservation[],
  arm: 'candidate' | 'stable',
): readonly InstanceTally[] {
  const tallies: InstanceTally[] = [];
  for (const { instanceId, latency } of instances) {
    if (latency === undefined || latency.length === 0) continue;
    const tally = slowTally(metric, latency, arm);
    if (tally !== null) tallies.push({ instanceId, ...tally });
  }
  return tallies;
}
