import { observe, observeMetrics, setAside } from '../gate/gate.ts';
import { metricsIn } from './see-metrics.ts';
import { setAsideIn, strataIn } from './sample-parts.ts';
import {
  addCounts,
  totalCount,
  type TrafficSample,
  weightedCount,
  weightedInstances,
  weightedLatency,
} from '../traffic/traffic-sample.ts';
import {
  activeRollout,
  type ArmPair,
  type Rollout,
  type ServiceState,
  stableOf,
} from './service-state.ts';

/**
 * Counts a sample. It is evidence only while one step's weight is in force: what ends while the router moves from one
 * weight to the next, or was sent by a header match, would compare different times or different callers. What instances
 * counted themselves is evidence only when the whole interval had one weight.
 */
export function seeSample(state: ServiceState, sample: TrafficSample): ServiceState {
  const rollout = activeRollout(state);
  if (rollout === null) return state;
  const { phase } = rollout;
  const isSteady = phase.kind === 'judging' || phase.kind === 'waiting' || phase.kind === 'baking';
  const isEvidence = isSteady && !sample.isCatchUp;
  const { metrics } = sample;
  if (metrics !== undefined) {
    if (!isEvidence || metrics.sinceMs < phase.sinceMs) return state;
    const gate = observeMetrics(rollout.gate, metricsIn(rollout, metrics, sample.atMs));
    return { ...state, rollout: { ...rollout, gate } };
  }
  const totals = addPair(rollout.totals, pairOf(rollout, sample, totalCount));
  if (!isEvidence) return { ...state, rollout: { ...rollout, totals } };

  const pair = pairOf(rollout, sample, weightedCount);
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
      candidate: weightedInstances(sample, rollout.candidate.id),
      stable: rollout.stable === null ? [] : weightedInstances(sample, rollout.stable.id),
    },
    ...strataIn(rollout, sample),
  });
  const stepTotals = addPair(rollout.stepTotals, pair);
  return { ...state, rollout: { ...rollout, totals, stepTotals, gate } };
}

/** What the step in force wants of the candidate; nothing in a bake, where there is no other arm. */
function wantedShare({ phase, plan }: Rollout): { readonly wantedShareRatio?: number } {
  if (phase.kind !== 'judging' && phase.kind !== 'waiting') return {};
  const weightPercent = plan.steps[phase.stepIndex]?.weightPercent ?? 100;
  return weightPercent > 0 && weightPercent < 100 ? { wantedShareRatio: weightPercent / 100 } : {};
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
