import type { ReleaseEvent } from './event.ts';
import { order, unchanged } from './order.ts';
import { promoted } from './promoted.ts';
import { revert, reverted } from './revert.ts';
import { nameOf, percentText, secondsText } from './sentence.ts';
import {
  activeRollout,
  type Decision,
  type Phase,
  type Rollout,
  type ServiceState,
} from './service-state.ts';

/** The world has done what was ordered. Only the order that the phase waits for moves it; others are history. */
export function seeEffectDone(
  state: ServiceState,
  event: Extract<ReleaseEvent, { kind: 'effect-done' }>,
): Decision {
  const rollout = activeRollout(state);
  const phase = rollout?.phase;
  if (rollout === null || phase === undefined || !('effectKey' in phase)) return unchanged(state);
  if (phase.effectKey !== event.key) return unchanged(state);
  if (phase.kind === 'reverting') {
    return reverted(state, rollout, { cause: phase.cause, atMs: event.atMs });
  }
  return inForce(state, rollout, { atMs: event.atMs, stepIndex: phase.stepIndex });
}

/** The world has refused for good: a rollout that can't go on goes back. */
export function seeEffectFailed(
  state: ServiceState,
  event: Extract<ReleaseEvent, { kind: 'effect-failed' }>,
): Decision {
  const { atMs, message } = event;
  const rollout = activeRollout(state);
  const isReverting = rollout?.phase.kind === 'reverting';
  const isStart = event.effect === 'ensure-instances';
  if (rollout !== null && !isReverting && isStart && event.revisionId === rollout.candidate.id) {
    return revert(state, rollout, { kind: 'platform-failed', sentence: message, atMs });
  }
  if (rollout !== null && !isReverting && event.effect === 'set-traffic') {
    return revert(state, rollout, { kind: 'router-refused', sentence: message, atMs });
  }
  return order(state, {
    atMs,
    type: 'deploy-outcome',
    decision: 'hold',
    sentence: `could not ${failedText(event)} (order ${event.key}): ${message}`,
  });
}

function failedText({
  effect,
  revisionId,
}: Extract<ReleaseEvent, { kind: 'effect-failed' }>): string {
  switch (effect) {
    case 'ensure-instances':
      return `start the instances of ${revisionId}`;
    case 'stop-instances':
      return `stop the instances of ${revisionId}`;
    case 'set-traffic':
      return 'change the route';
  }
}

/** A step's weight is in force: from now on its traffic is evidence. */
function inForce(
  state: ServiceState,
  rollout: Rollout,
  moment: { readonly atMs: number; readonly stepIndex: number },
): Decision {
  const { atMs, stepIndex } = moment;
  const weightPercent = rollout.plan.steps[stepIndex]?.weightPercent ?? 100;
  const isFull = weightPercent === 100;
  const { bakeMs } = rollout.plan;
  // A pause that came while the router was moving holds the promotion too: the bake then ends with the pause.
  if (isFull && bakeMs === 0 && rollout.paused === null) {
    return promoted(state, rollout, { atMs, verdict: null });
  }
  const phase: Phase = isFull
    ? { kind: 'baking', sinceMs: atMs, untilMs: atMs + bakeMs }
    : { kind: 'judging', sinceMs: atMs, stepIndex };
  return order(
    { ...state, rollout: { ...rollout, phase, lastProgressAtMs: atMs, lastVerdict: null } },
    {
      atMs,
      type: 'deploy-outcome',
      decision: isFull ? 'bake' : 'progress',
      sentence: isFull
        ? `100 % in force; ${rollout.stable === null ? 'it is watched' : `${nameOf(rollout.stable)} stays warm`} ${bakeMs === 0 ? 'until the rollout is resumed' : `for ${secondsText(bakeMs)}`}`
        : `step ${stepIndex + 1} of ${rollout.plan.steps.length}: ${percentText(weightPercent)} in force`,
    },
  );
}
