/**
 * What the plan wants when a gated step has no verdict in time. None of it touches the promises of the gate: its evidence may
 * be looked at as long as one likes, and a weight may be changed at any time.
 *
 * L1  Nothing passes by time. `widen` raises the share only to a step that has a gate itself, never to 100 %, and only where
 *     nothing but too little evidence keeps the step and hardly anything speaks against the candidate.
 * L2  `extend` is bounded: a step is judged `1 + extensionsMax` times `atMost` and then holds.
 * L3  A pause by a person stops all of it, but for the hold.
 */
import type { Verdict } from '../gate/gate.ts';
import { order } from './order.ts';
import { revert } from './revert.ts';
import { instancesOf } from './see.ts';
import { percentText, secondsText } from './amount-text.ts';
import type { Decision, Rollout, ServiceState } from './service-state.ts';
import { shiftTo } from './shift.ts';

/** Four times `atMost` in all: who has no verdict by then needs more traffic, not more patience. */
export const extensionsMax = 3;

/** Evidence against starts at 1 and holds a step at 20. */
const widenAgainstMax = 3;

interface Moment {
  readonly verdict: Verdict;
  readonly atMs: number;
  readonly isFaulty: boolean;
}

/** Null: the time is not over, or the step holds. */
export function followTimeLimit(
  state: ServiceState,
  rollout: Rollout,
  moment: Moment & { readonly stepIndex: number },
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

function extend(state: ServiceState, rollout: Rollout, moment: Moment): Decision | null {
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

function widen(
  state: ServiceState,
  rollout: Rollout,
  moment: Moment & { readonly stepIndex: number },
): Decision | null {
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

/** What can be done about a step that holds at its time limit, and why the plan's own choice was not followed. */
export function limitText(
  state: ServiceState,
  rollout: Rollout,
  moment: Moment & { readonly stepIndex: number },
): string {
  const { onTimeLimit } = rollout.plan.gate;
  const why = whyNotWiden(state, rollout, moment);
  const choice =
    onTimeLimit === 'extend'
      ? `; extended ${extensionsMax} times, the most`
      : onTimeLimit === 'widen' && why !== null
        ? `; not widened, as ${why}`
        : '';
  const goOn =
    rollout.phase.kind === 'parked' ? 'gives it its share back' : 'goes on without a verdict';
  return `${choice}; "tidegate rollout promote ${state.name}" ${goOn}, "tidegate rollout abort ${state.name}" goes back`;
}

/** Why a step whose plan says `widen` holds all the same; null: it does not. */
export function whyNotWiden(
  state: ServiceState,
  rollout: Rollout,
  moment: Moment & { readonly stepIndex: number },
): string | null {
  const { phase, plan, candidate } = rollout;
  const { explanation } = moment.verdict;
  const [step, next] = [plan.steps[moment.stepIndex], plan.steps[moment.stepIndex + 1]];
  if (phase.kind !== 'judging') return 'it is parked';
  if (next === undefined || next.weightPercent >= 100 || !next.gated)
    return 'no gate comes after this one';
  if (step === undefined || step.wait.kind !== 'none') return 'the step has a wait after its gate';
  if (moment.atMs - phase.sinceMs < step.atLeastMs) return 'the step is not over';
  if ((explanation.behindLimit ?? null) !== null) return `it is held by ${explanation.behindLimit}`;
  if (explanation.against > widenAgainstMax) return 'something speaks against the candidate';
  if (moment.isFaulty) return 'the telemetry is faulty';
  const ready = instancesOf(state, candidate.id)?.ready ?? 0;
  return ready < candidate.instances ? 'not all instances are ready' : null;
}
