import { closeBlock, type Verdict } from '../gate/gate.ts';
import type { Hand } from './event.ts';
import { turnedBackText } from './flag-turns.ts';
import { nextKey, order, stableTraffic } from './order.ts';
import { rollBack } from './strategies/rolling.ts';
import { rolledBy } from './strategies/rolling-arms.ts';
import { withSummary } from './promoted.ts';
import { secondsText } from './wording/amount-text.ts';
import { nameOf } from './wording/sentence.ts';
import type { Cause, Decision, Rollout, ServiceState } from './service-state.ts';

/** Goes back: all traffic to stable first; the candidate is stopped when the router has confirmed it (R5, R6). */
export function revert(
  state: ServiceState,
  rollout: Rollout,
  cause: Cause,
  said: {
    readonly verdict?: Verdict;
    readonly by?: Hand;
    /** When the way back is ordered once more; not set: it is ordered now, for the first time. */
    readonly againAtMs?: number;
  } = {},
): Decision {
  const { againAtMs, ...who } = said;
  // Stable's instances are not all there: they come back as the candidate's go.
  if (rolledBy(rollout) !== null && rollout.phase.kind !== 'reverting') {
    return rollBack(state, rollout, cause, who);
  }
  const effectKey = `${nextKey(state)}/route`;
  const wayBack =
    rollout.stable === null
      ? `giving up ${nameOf(rollout.candidate)}, there is none to go back to`
      : `going back to ${nameOf(rollout.stable)}`;
  const reverting: Rollout = {
    ...rollout,
    paused: null,
    gate: closeBlock(rollout.gate),
    phase: { kind: 'reverting', sinceMs: cause.atMs, cause, effectKey },
  };
  return order(
    { ...state, rollout: reverting },
    {
      atMs: againAtMs ?? cause.atMs,
      type: said.by === undefined ? 'decision' : 'operator-action',
      decision: 'roll-back',
      sentence: `${wayBack}${turnedBackText(state, rollout)}${againAtMs === undefined ? '' : ', ordered again'}: ${cause.sentence}`,
      ...who,
      effects: () => [{ kind: 'set-traffic', key: effectKey, traffic: stableTraffic(state) }],
    },
  );
}

/** The router has confirmed that nothing is sent to the candidate any more. */
export function reverted(
  state: ServiceState,
  rollout: Rollout,
  moment: { readonly cause: Cause; readonly atMs: number },
): Decision {
  const { cause, atMs } = moment;
  const final: Rollout = { ...rollout, phase: { kind: 'rolled-back', atMs, cause } };
  return order(
    { ...state, rollout: final, history: withSummary(state, final, atMs) },
    {
      atMs,
      type: 'deploy-outcome',
      decision: 'rolled-back',
      sentence: `nothing is sent to ${nameOf(rollout.candidate)} any more, ${secondsText(atMs - cause.atMs)} after the decision`,
      effects: (key) => [
        { kind: 'stop-instances', key: `${key}/stop`, revision: rollout.candidate },
      ],
    },
  );
}
