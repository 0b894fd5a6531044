import { noteStable, observe, observeMetrics, setAside } from '../../gate/gate.ts';
import type { MetricInterval } from '../../traffic/samples/metric-interval.ts';
import { setAsideIn, strataIn } from './sample-parts.ts';
import { withShadow } from '../shadow.ts';
import { metricsIn } from './see-metrics.ts';
import {
  addCounts,
  totalCount,
  type TrafficSample,
  weightedCount,
  weightedInstances,
  weightedLatency,
} from '../../traffic/samples/traffic-sample.ts';
import {
  activeRollout,
  type ArmPair,
  type Phase,
  type Rollout,
  type ServiceState,
  stableOf,
  type TelemetryWatch,
} from '../service-state.ts';
import { watchBroken, watchCatchUp, watchRequests } from './telemetry-watch.ts';

/**
 * Counts a sample. It is evidence only while one step's weight is in force: what ends while the router moves from one
 * weight to the next, or was sent by a header match, would compare different times or different callers. What instances
 * counted themselves is evidence only when the whole interval had one weight.
 */
export function seeSample(state: ServiceState, sample: TrafficSample, atMs: number): ServiceState {
  const active = activeRollout(state);
  if (active === null) return state;
  const rollout = withShadow(active, sample);
  if (sample.metrics !== undefined) return seeMetrics(state, rollout, sample.metrics, sample.atMs);
  const all = pairOf(rollout, sample, totalCount);
  const totals = addPair(rollout.totals, all);
  if (sample.isCatchUp) {
    const requests = all.candidate.requests + all.stable.requests;
    const heard = watched(rollout, watchCatchUp(rollout.telemetry, { requests, atMs }));
    return { ...state, rollout: { ...heard, totals } };
  }
  if (!isInForce(rollout.phase)) {
    const heard = watched(
      rollout,
      watchRequests(rollout.telemetry, all, { atMs, shareRatio: null }),
    );
    const isAlone = rollout.phase.kind === 'starting' && rollout.stable !== null;
    const gate = isAlone ? stableAlone(rollout, sample) : rollout.gate;
    return { ...state, rollout: { ...heard, totals, gate } };
  }
  const pair = pairOf(rollout, sample, weightedCount);
  const seen = watched(
    rollout,
    watchRequests(rollout.telemetry, pair, { atMs, shareRatio: shareRatio(rollout) }),
  );
  const excluded = setAsideIn(rollout, sample);
  const before = excluded === null ? rollout.gate : setAside(rollout.gate, excluded);
  const gate = observe(before, {
    atMs: sample.atMs,
    ...pair,
    ...wantedShare(rollout),
    latency: {
      candidate: weightedLatency(sample, rollout.candidate.id),
      stable: rollout.stable === null ? [] : weightedLatency(sample, rollout.stable.id),
    },
    instances: {
      candidate: busyInstances(sample, rollout.candidate.id),
      stable: rollout.stable === null ? [] : busyInstances(sample, rollout.stable.id),
    },
    ...strataIn(rollout, sample),
  });
  const fault = gate.telemetryFault;
  if (fault !== null && fault !== rollout.gate.telemetryFault) {
    // Its counts can't be, so they are in no total either.
    const broken = watchBroken(seen.telemetry, { atMs, sentence: fault.sentence });
    return { ...state, rollout: { ...rollout, gate, telemetry: broken } };
  }
  const stepTotals = addPair(rollout.stepTotals, pair);
  return { ...state, rollout: { ...seen, totals, stepTotals, gate } };
}

/** What instances counted themselves. Probes of a parked candidate come and go within an interval: no evidence. */
function seeMetrics(
  state: ServiceState,
  rollout: Rollout,
  metrics: MetricInterval,
  atMs: number,
): ServiceState {
  const { phase } = rollout;
  const isSteady = isInForce(phase) && phase.kind !== 'parked';
  if (!isSteady || metrics.sinceMs < sinceOf(phase)) return state;
  const gate = observeMetrics(rollout.gate, metricsIn(rollout, metrics, atMs));
  return { ...state, rollout: { ...rollout, gate } };
}

function sinceOf(phase: Phase): number {
  return 'sinceMs' in phase ? phase.sinceMs : Infinity;
}

/** Before the first step stable has all traffic: what a bake without a control arm is compared with. */
function stableAlone({ gate, stable }: Rollout, sample: TrafficSample): Rollout['gate'] {
  const id = stable?.id ?? '';
  const seen = { count: weightedCount(sample, id), latency: weightedLatency(sample, id) };
  return noteStable(gate, seen, sample.atMs);
}

/** An instance without a request has not shown that it is well. */
function busyInstances(
  sample: TrafficSample,
  revisionId: string,
): ReturnType<typeof weightedInstances> {
  return weightedInstances(sample, revisionId).filter(({ requests }) => requests !== 0);
}

/** Whether the weights last ordered are known to be in force, so that requests compare the arms under one table. */
function isInForce(phase: Phase): boolean {
  const { kind } = phase;
  if (kind === 'parked') return phase.effectKey === null;
  return kind === 'judging' || kind === 'waiting' || kind === 'baking';
}

function watched(rollout: Rollout, telemetry: TelemetryWatch | undefined): Rollout {
  return telemetry === undefined ? rollout : { ...rollout, telemetry };
}

/** What the weight in force wants of the candidate; null in a bake, where there is no other arm, and where it gets nothing. */
function shareRatio({ phase, plan }: Rollout): number | null {
  if (phase.kind !== 'judging' && phase.kind !== 'waiting' && phase.kind !== 'parked') return null;
  const weightPercent =
    phase.kind === 'parked'
      ? phase.weightPercent
      : (plan.steps[phase.stepIndex]?.weightPercent ?? 100);
  return weightPercent > 0 && weightPercent < 100 ? weightPercent / 100 : null;
}

function wantedShare(rollout: Rollout): { readonly wantedShareRatio?: number } {
  const ratio = shareRatio(rollout);
  return ratio === null ? {} : { wantedShareRatio: ratio };
}

/** The platform's view of one revision; null: it has no instance. */
export function instancesOf(
  state: ServiceState,
  revisionId: string,
): ServiceState['instances'][number] | null {
  return state.instances.find((each) => each.revisionId === revisionId) ?? null;
}

/** Restarts of the stable revision's instances as last seen. */
export function stableRestarts(state: ServiceState): number {
  const stable = stableOf(state);
  return stable === null ? 0 : (instancesOf(state, stable.id)?.restarts ?? 0);
}

function pairOf(rollout: Rollout, sample: TrafficSample, count: typeof totalCount): ArmPair {
  return {
    candidate: count(sample, rollout.candidate.id),
    stable: rollout.stable === null ? noCount : count(sample, rollout.stable.id),
  };
}

const noCount = { requests: 0, failures: 0 };

function addPair(a: ArmPair, b: ArmPair): ArmPair {
  return {
    candidate: addCounts(a.candidate, b.candidate),
    stable: addCounts(a.stable, b.stable),
  };
}
