import { advance } from './advance.ts';
import { stepShareText } from './strategies/blue-green.ts';
import type { ReleaseEvent } from './event.ts';
import { order, unchanged } from './order.ts';
import { promoted } from './promoted.ts';
import { activeRestart, endRestart, restartDone } from './restart.ts';
import { replaced } from './replacement.ts';
import { revert, reverted } from './revert.ts';
import { rolledOut } from './strategies/rolling.ts';
import { rolledBy } from './strategies/rolling-arms.ts';
import { percentText, secondsText } from './wording/amount-text.ts';
import { nameOf } from './wording/sentence.ts';
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
  const restarted = restartDone(state, event);
  if (restarted !== null) return restarted;
  const active = activeRollout(state);
  const newer =
    active === null ? null : (replaced(active, event.key) ?? rolledOut(active, event.key));
  if (newer !== null) return advance({ ...state, rollout: newer }, event.atMs);
  const rollout = active;
  const phase = rollout?.phase;
  if (rollout === null || phase === undefined || !('effectKey' in phase)) return unchanged(state);
  if (phase.effectKey !== event.key) return unchanged(state);
  if (phase.kind === 'reverting') {
    return reverted(state, rollout, { cause: phase.cause, atMs: event.atMs });
  }
  if (phase.kind === 'parked') return parkedInForce(state, rollout, event.atMs);
  return inForce(state, rollout, { atMs: event.atMs, stepIndex: phase.stepIndex });
}

/** From now on its probes, or that it has none, are what the gate sees. */
function parkedInForce(state: ServiceState, rollout: Rollout, atMs: number): Decision {
  const { phase } = rollout;
  if (phase.kind !== 'parked') return unchanged(state);
  const what = phase.weightPercent === 0 ? 'parked' : 'probing';
  return order(
    { ...state, rollout: { ...rollout, phase: { ...phase, effectKey: null } } },
    {
      atMs,
      type: 'deploy-outcome',
      decision: 'progress',
      sentence: `${what} at step ${phase.stepIndex + 1} of ${rollout.plan.steps.length}: ${percentText(phase.weightPercent)} in force`,
    },
  );
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
  const isReplacement = event.effect === 'replace-instance';
  if (rollout !== null && !isReverting && isReplacement && isOfCandidate(rollout, event)) {
    return revert(state, rollout, { kind: 'platform-failed', sentence: message, atMs });
  }
  if (rollout !== null && !isReverting && event.effect === 'set-traffic') {
    return revert(state, rollout, { kind: 'router-refused', sentence: message, atMs });
  }
  const restart = activeRestart(state);
  if (restart !== null && event.revisionId === restart.revision.id) {
    return endRestart(state, restart, { because: message, atMs });
  }
  return order(state, {
    atMs,
    type: 'deploy-outcome',
    decision: 'hold',
    sentence: `could not ${failedText(event)} (order ${event.key}): ${message}`,
  });
}

function isOfCandidate(
  rollout: Rollout,
  event: Extract<ReleaseEvent, { kind: 'effect-failed' }>,
): boolean {
  return event.revisionId === rollout.candidate.id && rollout.replacement?.phase === 'ordered';
}

function failedText({
  effect,
  revisionId,
}: Extract<ReleaseEvent, { kind: 'effect-failed' }>): string {
  switch (effect) {
    case 'ensure-instances':
      return `start the instances of ${revisionId}`;
    case 'replace-instance':
      return `replace an instance of ${revisionId}`;
    case 'stop-instances':
      return `stop the instances of ${revisionId}`;
    case 'set-traffic':
      return 'change the route';
    case 'check-standby':
      return `check the standby ${revisionId}`;
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
        ? `100 % in force; ${warmText(rollout)} ${bakeMs === 0 ? 'until the rollout is resumed' : `for ${secondsText(bakeMs)}`}`
        : `step ${stepIndex + 1} of ${rollout.plan.steps.length}: ${stepShareText(rollout, stepIndex)} in force`,
    },
  );
}

/** What a bake has to go back to. */
function warmText(rollout: Rollout): string {
  const { stable } = rollout;
  if (stable === null) return 'it is watched';
  const name = nameOf(stable);
  return rolledBy(rollout) === null ? `${name} stays warm` : `${name} is gone; it is watched`;
}
