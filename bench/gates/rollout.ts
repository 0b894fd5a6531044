import { OurGate } from './our-gate.ts';
import type { RolloutCase } from './rollout-cases.ts';
import { openStream } from './stream.ts';

export interface RolloutEnd {
  readonly kind: 'promoted' | 'rolled back' | 'open';
  readonly atMs: number;
  readonly failedRequests: number;
}

/** Steps as the product does: a pass leads to the next weight at once, a pass of the last gate is the promotion. */
export function runRollout(
  rollout: RolloutCase,
  { run, tickMs }: { readonly run: number; readonly tickMs: number },
): RolloutEnd {
  const { stepsPercent, atLeastMs, settings } = rollout;
  let step = 0;
  let stepSinceMs = 0;
  let failedRequests = 0;
  const share = () => (stepsPercent[step] ?? 0) / 100;
  const scenario = { ...rollout.scenario, shareAt: share };
  const next = openStream(scenario, run, tickMs);
  const gate = new OurGate(settings, scenario.durationMs);
  const ticks = Math.round(scenario.durationMs / tickMs);
  for (let number = 1; number <= ticks; number += 1) {
    const tick = next(number);
    const { atMs } = tick;
    failedRequests += tick.candidateFailures;
    gate.take(tick);
    const isLastGate = step === stepsPercent.length - 1;
    const verdict = gate.judge({ atMs, stepSinceMs, weightPercent: 100 * share(), isLastGate });
    if (verdict === 'fail') return { kind: 'rolled back', atMs, failedRequests };
    if (verdict !== 'pass' || atMs - stepSinceMs < (atLeastMs[step] ?? 0)) continue;
    if (isLastGate) return { kind: 'promoted', atMs, failedRequests };
    step += 1;
    stepSinceMs = atMs;
    gate.closeBlock();
  }
  return { kind: 'open', atMs: scenario.durationMs, failedRequests };
}
