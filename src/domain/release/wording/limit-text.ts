import type { Verdict } from '../../gate/gate.ts';
import { percentText } from './amount-text.ts';
import { capacityHold } from '../capacity-hold.ts';
import { instancesOf } from '../seeing/see.ts';
import type { Rollout, ServiceState } from '../service-state.ts';

export interface LimitMoment {
  readonly verdict: Verdict;
  readonly atMs: number;
  readonly isFaulty: boolean;
  readonly stepIndex: number;
}

/** Four times `atMost` in all: who has no verdict by then needs more traffic, not more patience. */
export const extensionsMax = 3;

/** Evidence against starts at 1 and holds a step at 20. */
const widenAgainstMax = 3;

/** What can be done about a step that holds at its time limit, and why the plan's own choice was not followed. */
export function limitText(state: ServiceState, rollout: Rollout, moment: LimitMoment): string {
  const { plan, phase } = rollout;
  const { onTimeLimit } = plan.gate;
  const why = onTimeLimit === 'widen' ? whyNotWiden(state, rollout, moment) : null;
  const spent = onTimeLimit === 'extend' ? `extended ${extensionsMax} times, the most; ` : '';
  const choice = why === null ? spent : `not widened, as ${why}; `;
  const next = percentText(plan.steps[moment.stepIndex + 1]?.weightPercent ?? 100);
  const goOn =
    phase.kind === 'parked' ? 'gives it its share back' : `goes to ${next} without a verdict`;
  return `; ${choice}wait on, or "tidegate rollout promote ${state.name}" ${goOn}, or "tidegate rollout abort ${state.name}" goes back`;
}

/** Why a step whose plan says `widen` holds all the same; null: it does not. */
export function whyNotWiden(
  state: ServiceState,
  rollout: Rollout,
  moment: LimitMoment,
): string | null {
  const { phase, plan, candidate } = rollout;
  const { explanation } = moment.verdict;
  const [step, next] = [plan.steps[moment.stepIndex], plan.steps[moment.stepIndex + 1]];
  if (phase.kind !== 'judging') return 'it is parked';
  if (next === undefined || next.weightPercent >= 100 || !next.gated)
    return 'no gate comes after this one';
  if (step === undefined || step.wait.kind !== 'none') return 'the step has a wait after its gate';
  if (moment.atMs - phase.sinceMs < step.atLeastMs) return 'the step is not over';
  if ((explanation.behindLimit ?? null) !== null) return blockerText(explanation.behindLimit ?? '');
  if (explanation.against > widenAgainstMax) return 'something speaks against the candidate';
  if (moment.isFaulty) return 'the telemetry is faulty';
  const ready = instancesOf(state, candidate.id)?.ready ?? 0;
  if (ready < candidate.instances) return 'not all instances are ready';
  return capacityHold(state, rollout, moment.stepIndex + 1);
}

/** What the gate names in one word, for people; what it does not know is an objective's name. */
function blockerText(name: string): string {
  return blockerTexts.get(name) ?? `it is held by ${name}`;
}

const blockerTexts: ReadonlyMap<string, string> = new Map([
  ['no-data', 'too little was compared yet'],
  ['traffic-share', 'the candidate does not get its share'],
  ['evidence-against', 'something speaks against the candidate'],
  ['one-instance', 'all errors are on one instance'],
  ['parked', 'much of the candidate failed'],
]);
