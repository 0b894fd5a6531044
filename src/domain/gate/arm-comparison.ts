import type { GateSettings } from '../release/revision.ts';
import type { ArmCount } from '../traffic/samples/traffic-sample.ts';
import { baseRatioAt } from './base-rate.ts';
import type { GateState } from './gate-state.ts';
import { addToLanes } from './incident-lanes.ts';
import { addToLatencyMetric, type LatencyMetric, learnStable } from './latency-metric.ts';
import { addToRatioMetric } from './ratio-metric.ts';
import type { GateObservation, InstanceObservation } from './verdict.ts';

/**
 * What a gate compares while both arms have requests, and what its evidence against the candidate grows from: errors and latency,
 * by single requests or by instance and window. It needs nothing else of the gate's state.
 */
export type ArmComparison = Pick<GateState, 'errors' | 'latency' | 'incidents'>;

/** When an interval is compared. */
export interface ComparedAt {
  readonly atMs: number;
  /** Whether the candidate's warm-up is over. */
  readonly isWarm: boolean;
}

/** Takes an interval of both arms in; whatever completes a block or a window is evidence. */
export function compareArms(
  known: ArmComparison & Pick<GateState, 'settings' | 'plannedMs'>,
  observation: GateObservation,
  { atMs, isWarm }: ComparedAt,
): ArmComparison {
  const { strata = noStrata } = observation;
  const isOff = known.settings.latency === 'off';
  return {
    errors: addToRatioMetric(known.errors, { total: observation, strata }, atMs),
    latency: isOff ? known.latency : addLatency(known.latency, observation, { atMs, isWarm }),
    incidents: known.incidents === null ? null : addIncidents(known, observation, { atMs, isWarm }),
  };
}

const noStrata: readonly never[] = [];

/** Without counts by instance each arm is one: valid still, and slow. */
function addIncidents(
  { incidents, settings, errors, latency, plannedMs }: Parameters<typeof compareArms>[0],
  { candidate, stable, instances }: GateObservation,
  { atMs, isWarm }: ComparedAt,
): GateState['incidents'] {
  if (incidents === null) return null;
  const whole = (count: ArmCount): readonly InstanceObservation[] =>
    count.requests === 0 ? [] : [{ instanceId: '', ...count }];
  const interval = {
    pair: { candidate, stable },
    candidate: instances?.candidate ?? whole(candidate),
    stable: instances?.stable ?? whole(stable),
    latency: isWarm && settings.latency !== 'off' ? latency : null,
  };
  const stableRatio = baseRatioAt(errors.base, atMs);
  return addToLanes(incidents, interval, { atMs, plannedMs, stableRatio });
}

function addLatency(
  metric: LatencyMetric,
  { latency, strata = noStrata }: GateObservation,
  { atMs, isWarm }: ComparedAt,
): LatencyMetric {
  if (latency === undefined) return metric;
  const add = isWarm ? addToLatencyMetric : learnStable;
  const { candidate, stable } = latency;
  if (strata.length === 0 || !strata.some((each) => each.latency !== undefined)) {
    return add(metric, { candidate, stable, key: '' }, atMs);
  }
  let next = metric;
  for (const { key, latency: own } of strata) {
    next = add(next, { candidate: [], stable: [], ...own, key }, atMs);
  }
  return next;
}

/** Whether the candidate has been there for its warm-up; null: it had no request yet. */
export function isWarmAt(
  { warmUpMs = warmUpUsualMs }: GateSettings,
  candidateSinceMs: number | null,
  atMs: number,
): boolean {
  return warmUpMs === 0 || (candidateSinceMs !== null && atMs - candidateSinceMs >= warmUpMs);
}

/** A fresh process compiles and connects before it is as fast as it will be. */
const warmUpUsualMs = 10_000;
