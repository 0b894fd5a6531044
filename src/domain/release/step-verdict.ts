import { judge, type Verdict } from '../gate/gate.ts';
import type { Phase, Rollout } from './service-state.ts';

/** The gate's word on the step in force; in a bake and between steps, on the step that was last in force. */
export function verdictAt(rollout: Rollout, atMs: number): Verdict {
  const { phase, plan, extensionCount = 0 } = rollout;
  const stepIndex = 'stepIndex' in phase ? phase.stepIndex : plan.steps.length - 1;
  const lastGate = plan.steps.findLastIndex((each) => each.gated && each.weightPercent < 100);
  return judge(rollout.gate, {
    atMs,
    stepSinceMs: stepSinceMs(phase, atMs),
    weightPercent: plan.steps[stepIndex]?.weightPercent ?? 100,
    isLastGate: stepIndex >= lastGate,
    ...(extensionCount === 0 ? {} : { atMostMs: (1 + extensionCount) * plan.gate.atMostMs }),
  });
}

/**
 * Since when the weight is in force: a wait after the gate belongs to its step and does not soak again. A parking is no part of
 * its step: after it the soak and the time limit begin anew.
 */
export function stepSinceMs(phase: Phase, atMs: number): number {
  if (phase.kind === 'waiting') return phase.stepSinceMs;
  return 'sinceMs' in phase ? phase.sinceMs : atMs;
}
