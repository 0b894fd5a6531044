/**
 * What the plan wants when a gated step has no verdict in time. None of it touches the promises of the gate: its evidence may
 * be looked at as long as one likes, and a weight may be changed at any time.
 *
 * L1  Nothing passes by time. `widen` raises the share only to a step that has a gate itself, never to 100 %, and only where
 *     nothing but too little evidence keeps the step and hardly anything speaks against the candidate.
 * L2  `extend` is bounded: a step is judged `1 + extensionsMax` times `atMost` and then holds.
 * L3  A pause by a person stops all of it, but for the hold.
 */
import { order } from './order.ts';
import { extensionsMax, type LimitMoment, whyNotWiden } from './wording/limit-text.ts';
import { revert } from './revert.ts';
import { percentText, secondsText } from './wording/amount-text.ts';
import type { Decision, Rollout, ServiceState } from './service-state.ts';
import { shiftTo } from './shift.ts';

/** Null: the time is not over, or the step holds. */
export function followTimeLimit(
  state: ServiceState,
  rollout: Rollout,
  moment: LimitMoment,
): Decision | null {
  const { verdict, atMs } = moment;
  if (verdict.explanation.heldBy !== 'time-limit' || rollout.paused !== null) return null;
  switch (rollout.plan.gate.onTimeLimit ?? 'hold') {
    case 'hold':
      return null;
    case 'extend':
      return extend(state, rollout, moment);
    case 'widen':
      return widen(state, rollout, moment);
    case 'roll-back': {
      const sentence = `${verdict.explanation.sentence}; the plan goes back at the time limit`;
      return revert(state, rollout, { kind: 'time-limit', sentence, atMs }, { verdict });
    }
  }
}

function extend(state: ServiceState, rollout: Rollout, moment: LimitMoment): Decision | null {
  const extensionCount = (rollout.extensionCount ?? 0) + 1;
  if (extensionCount > extensionsMax) return null;
  const { verdict, atMs } = moment;
  const more = secondsText(rollout.plan.gate.atMostMs);
  return order(
    { ...state, rollout: { ...rollout, extensionCount, isLimitRecorded: false } },
    {
      atMs,
      type: 'decision',
      decision: 'extend',
      sentence: `judging on for ${more} (extension ${extensionCount} of ${extensionsMax} at most): ${verdict.explanation.sentence}`,
      verdict,
    },
  );
}

function widen(state: ServiceState, rollout: Rollout, moment: LimitMoment): Decision | null {
  const { verdict, atMs, stepIndex } = moment;
  if (whyNotWiden(state, rollout, moment) !== null) return null;
  const weight = percentText(rollout.plan.steps[stepIndex + 1]?.weightPercent ?? 100);
  return shiftTo(state, rollout, {
    stepIndex: stepIndex + 1,
    atMs,
    decision: 'widen',
    sentence: `widening to ${weight} without a verdict, as the plan says, for more evidence: ${verdict.explanation.sentence}`,
    verdict,
  });
}
