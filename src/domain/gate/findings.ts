import type { GateState, MetricEvidence } from './gate-state.ts';
import { type ParkAdvice, parkAdvice } from './park.ts';
import type { GateAdvice, GateQuestion } from './verdict.ts';

/** Everything that a verdict rests on. */
export interface Findings {
  readonly state: GateState;
  readonly question: GateQuestion;
  readonly isBake: boolean;
  readonly parts: readonly MetricEvidence[];
  readonly logAgainst: number;
  readonly logFor: number;
  readonly forLimit: number;
  readonly marginRatio: number;
}

export interface Blocker {
  readonly heldBy: string | null;
  readonly sentence: string;
}

export function parkingOf({ incidents }: GateState): ParkAdvice | null {
  return incidents === null ? null : parkAdvice(incidents.park, incidents.errors);
}

/** Whether the suspect had requests lately: it is not replaced yet. */
export function isSuspectThere({ suspect, lastAtMs }: GateState): boolean {
  return suspect !== null && lastAtMs - suspect.seenAtMs < suspectGoneMs;
}

const suspectGoneMs = 5000;

/** What would help now, without the words of a verdict. */
export function adviceOf(state: GateState): GateAdvice | null {
  if (state.suspect !== null && isSuspectThere(state)) {
    return { kind: 'replace-instance', instanceId: state.suspect.instanceId };
  }
  return parkingOf(state);
}
