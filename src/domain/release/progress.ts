import type { Verdict } from '../gate/gate.ts';
import { order, unchanged } from './order.ts';
import { holdText } from './wording/sentence.ts';
import type { Decision, Rollout, ServiceState } from './service-state.ts';

/** Progress entries come at first every 5 s, in a long step every 5 % of its age, so that none floods the ledger. */
const progressIntervalMsMin = 5_000;
const progressIntervalMsMax = 300_000;
const progressAgeRatio = 0.05;

/** Writes down how the gate stands: every few seconds, and once when the time limit holds a step. */
export function progress(
  state: ServiceState,
  rollout: Rollout,
  moment: { readonly verdict: Verdict; readonly atMs: number },
): Decision {
  const { verdict, atMs } = moment;
  const isLimit = verdict.explanation.heldBy === 'time-limit' && !rollout.isLimitRecorded;
  if (!isLimit && !isProgressDue(rollout, atMs)) return unchanged(state);
  const noted: Rollout = {
    ...rollout,
    lastProgressAtMs: atMs,
    isLimitRecorded: rollout.isLimitRecorded || isLimit,
  };
  return order(
    { ...state, rollout: noted },
    {
      atMs,
      type: 'gate-result',
      decision: isLimit ? 'hold' : 'progress',
      sentence: `${verdict.explanation.sentence}${holdText(state, rollout, atMs)}`,
      verdict,
    },
  );
}

function isProgressDue(rollout: Rollout, atMs: number): boolean {
  const ageMs = 'sinceMs' in rollout.phase ? atMs - rollout.phase.sinceMs : 0;
  const intervalMs = Math.max(progressIntervalMsMin, ageMs * progressAgeRatio);
  return atMs - rollout.lastProgressAtMs >= Math.min(progressIntervalMsMax, intervalMs);
}
