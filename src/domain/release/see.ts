import { noteStable, observe } from '../gate/gate.ts';
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
 * weight to the next, or was sent by a header match, would compare different times or different callers.
 */
export function seeSample(state: ServiceState, sample: TrafficSample): ServiceState {
  const rollout = activeRollout(state);
  if (rollout === null) return state;
  const totals = addPair(rollout.totals, pairOf(rollout, sample, totalCount));
  const phase = rollout.phase.kind;
  const isSteady = phase === 'judging' || phase === 'waiting' || phase === 'baking';
  if (phase === 'starting' && !sample.isCatchUp && rollout.stable !== null) {
    return { ...state, rollout: { ...rollout, totals, gate: stableAlone(rollout, sample) } };
  }
  if (!isSteady || sample.isCatchUp) return { ...state, rollout: { ...rollout, totals } };

  const pair = pairOf(rollout, sample, weightedCount);
  const gate = observe(rollout.gate, {
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
  });
  const stepTotals = addPair(rollout.stepTotals, pair);
  return { ...state, rollout: { ...rollout, totals, stepTotals, gate } };
}

/** Before the first step stable has all traffic: what a bake without a control arm is compared with. */
function stableAlone({ gate, stable }: Rollout, sample: TrafficSample): Rollout['gate'] {
  const id = stable?.id ?? '';
  const seen = { count: weightedCount(sample, id), latency: weightedLatency(sample, id) };
  return noteStable(gate, seen, sample.atMs);
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
