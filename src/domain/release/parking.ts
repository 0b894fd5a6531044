/**
 * Park and probe, as far as the release goes: the gate says that much of the candidate fails and that it can't tell yet
 * whether that is an incident of single instances (domain/gate/park.ts); here it is taken out of the users' way until it can.
 *
 *   judging --park--> parked at 0 --probe--> parked at a few requests --+--> unpark: the step's weight again, the step anew
 *                        ^                                              |
 *                        '------------------ park ----------------------+--> the gate fails: back
 *
 * P1  0 and the probes' share are never more than the step's share, and the way back to that leads through `shiftTo` only (R4).
 * P2  Each change of the weight closes the gate's blocks: nothing is compared across two tables.
 * P3  A parking is no part of its step: after it the soak and the time limit begin anew.
 * P4  Each parking costs users a few failed requests, so after `parkingsMax` of them the candidate stays at 0, and a person decides.
 * P5  While a person has paused the rollout, or the telemetry is faulty, or nothing of the candidate is ready, its share does not
 *     rise. It may always fall.
 */
import { closeBlock, type Verdict } from '../gate/gate.ts';
import type { ParkAdvice } from '../gate/park.ts';
import { nextKey, order, splitTraffic, unchanged } from './order.ts';
import { progress } from './progress.ts';
import { instancesOf } from './seeing/see.ts';
import { percentText, rateText, secondsText } from './wording/amount-text.ts';
import { choicesText, nameOf } from './wording/sentence.ts';
import type { Decision, DecisionKind, Phase, Rollout, ServiceState } from './service-state.ts';
import { leaveStep, shiftTo } from './shift.ts';
import { rateOf } from './seeing/telemetry-watch.ts';

/** A candidate whose incidents come more often than this is not to be told from one that fails now and then. */
export const parkingsMax = 8;

type Parked = Extract<Phase, { kind: 'parked' }>;

interface Moment {
  readonly verdict: Verdict;
  readonly atMs: number;
  readonly isFaulty: boolean;
}

/** From a gated step below 100 %, when the gate asks for it; null: it does not. */
export function parkAsAdvised(
  state: ServiceState,
  rollout: Rollout,
  moment: Moment & { readonly stepIndex: number },
): Decision | null {
  const { verdict, atMs, stepIndex } = moment;
  const advice = parkAdviceOf(verdict);
  const step = rollout.plan.steps[stepIndex];
  if (advice === null || step === undefined || !step.gated) return null;
  if (step.weightPercent <= 0 || step.weightPercent >= 100) return null;
  const parkingCount = (rollout.parkingCount ?? 0) + 1;
  const parked: Parked = {
    kind: 'parked',
    sinceMs: atMs,
    stepIndex,
    weightPercent: 0,
    effectKey: null,
    isHeld: false,
  };
  const left: Rollout = { ...leaveStep(rollout, atMs), parkingCount, lastProgressAtMs: atMs };
  const ofMany = `parking ${parkingCount} of ${parkingsMax} at most`;
  const share = percentText(step.weightPercent);
  return place(state, left, {
    parked,
    decision: 'park',
    verdict,
    atMs,
    sentence: `parking ${nameOf(rollout.candidate)}, 0 % instead of ${share} (${ofMany}): ${verdict.explanation.sentence}`,
  });
}

/** The parked candidate gets what the gate wants it to have: nothing, probes, or its step's share again. */
export function forwardParked(state: ServiceState, rollout: Rollout, moment: Moment): Decision {
  const { phase } = rollout;
  if (phase.kind !== 'parked') return unchanged(state);
  const advice = parkAdviceOf(moment.verdict);
  if (advice?.kind === 'park' && phase.weightPercent > 0) {
    return parkAgain(state, rollout, { ...moment, phase });
  }
  const mayRise =
    rollout.paused === null && !moment.isFaulty && !phase.isHeld && isAnyReady(state, rollout);
  if (advice?.kind === 'park' || !mayRise) return progress(state, rollout, moment);
  if (advice?.kind === 'probe' && phase.weightPercent > 0) return progress(state, rollout, moment);
  if (advice?.kind === 'probe') return probe(state, rollout, { ...moment, phase, advice });
  // Another instance is on its way; who would get the share back is just the one that fails.
  const isReplacing = moment.verdict.explanation.advice !== null || isWaitingForInstance(rollout);
  if (isReplacing) return progress(state, rollout, moment);
  return unpark(state, rollout, { ...moment, phase });
}

/** A new instance was ordered and is not ready yet. */
export function isWaitingForInstance({ replacement }: Rollout): boolean {
  return replacement !== undefined && replacement.phase !== 'ready';
}

function parkAgain(
  state: ServiceState,
  rollout: Rollout,
  moment: Moment & { readonly phase: Parked },
): Decision {
  const { verdict, atMs, phase } = moment;
  return place(state, closed(rollout), {
    parked: { ...phase, weightPercent: 0 },
    decision: 'park',
    verdict,
    atMs,
    sentence: `${probesText(rollout)}; 0 % again for the next window: ${verdict.explanation.sentence}`,
  });
}

function probe(
  state: ServiceState,
  rollout: Rollout,
  moment: Moment & {
    readonly phase: Parked;
    readonly advice: Extract<ParkAdvice, { kind: 'probe' }>;
  },
): Decision {
  const { verdict, atMs, phase, advice } = moment;
  const stepPercent = rollout.plan.steps[phase.stepIndex]?.weightPercent ?? 0;
  const perSecond = rollout.telemetry === undefined ? 0 : rateOf(rollout.telemetry);
  const weightPercent = Math.min(stepPercent, probePercent(rollout, advice, { perSecond, atMs }));
  const rate = rateText((perSecond * weightPercent) / 100);
  const each = `${advice.requestsPerInstance} requests for each instance until the window ends`;
  return place(state, closed(rollout), {
    parked: { ...phase, weightPercent },
    decision: 'probe',
    verdict,
    atMs,
    sentence: `probing ${nameOf(rollout.candidate)} with ${percentText(weightPercent)}, about ${rate} (${each})`,
  });
}

function unpark(
  state: ServiceState,
  rollout: Rollout,
  moment: Moment & { readonly phase: Parked },
): Decision {
  const { verdict, atMs, phase } = moment;
  const share = percentText(rollout.plan.steps[phase.stepIndex]?.weightPercent ?? 0);
  const forMs = secondsText(atMs - phase.sinceMs);
  if ((rollout.parkingCount ?? 0) >= parkingsMax) {
    const most = `it was parked ${parkingsMax} times, the most in a rollout`;
    return place(state, closed(rollout), {
      parked: { ...phase, weightPercent: 0, isHeld: true },
      decision: 'hold',
      verdict,
      atMs,
      sentence: `the last window was clean, but ${most}, so it stays at 0 %; ${choicesText(state, share)}`,
    });
  }
  return shiftTo(state, rollout, {
    stepIndex: phase.stepIndex,
    atMs,
    decision: 'unpark',
    sentence: `giving ${nameOf(rollout.candidate)} its ${share} back after ${forMs} parked: nothing failed in the last window; ${probesText(rollout)}`,
    verdict,
  });
}

/**
 * The smallest weight that carries the probes: at 800 requests/s, 2 instances, 2 requests each and 5 s left, 0.8 requests/s are
 * 0.1 %. It is rounded to what a route can carry, and is 0.1 % at least.
 */
function probePercent(
  { candidate }: Rollout,
  advice: Extract<ParkAdvice, { kind: 'probe' }>,
  { perSecond, atMs }: { readonly perSecond: number; readonly atMs: number },
): number {
  const seconds = Math.max(1, (advice.untilMs - atMs) / 1000);
  const wanted = (advice.requestsPerInstance * candidate.instances) / seconds;
  // Nothing is measured: the step's share then, by the caller's bound.
  if (perSecond <= 0) return 100;
  return Math.max(1, Math.round((1000 * wanted) / perSecond)) / 10;
}

function place(
  state: ServiceState,
  rollout: Rollout,
  to: {
    readonly parked: Parked;
    readonly decision: DecisionKind;
    readonly verdict: Verdict;
    readonly atMs: number;
    readonly sentence: string;
  },
): Decision {
  const { parked, decision, verdict, atMs, sentence } = to;
  const { match = null, matches } = rollout.plan.steps[parked.stepIndex] ?? {};
  const traffic = splitTraffic(
    state,
    rollout,
    {
      weightPercent: parked.weightPercent,
      match,
      ...(matches === undefined ? {} : { matches }),
    },
    parked.stepIndex,
  );
  if (traffic === null) return unchanged(state);
  const effectKey = `${nextKey(state)}/route`;
  return order(
    { ...state, rollout: { ...rollout, phase: { ...parked, effectKey } } },
    {
      atMs,
      type: 'decision',
      decision,
      sentence,
      verdict,
      effects: () => [{ kind: 'set-traffic', key: effectKey, traffic }],
    },
  );
}

function closed(rollout: Rollout): Rollout {
  const { telemetry } = rollout;
  const missing = { candidate: 0, stable: 0 };
  return {
    ...rollout,
    gate: closeBlock(rollout.gate),
    ...(telemetry === undefined ? {} : { telemetry: { ...telemetry, missing } }),
  };
}

function probesText({ stepTotals }: Rollout): string {
  const { requests, failures } = stepTotals.candidate;
  return requests === 0 ? 'no probe was answered' : `${failures} of ${requests} probes failed`;
}

function parkAdviceOf({ explanation }: Verdict): ParkAdvice | null {
  const { advice } = explanation;
  return advice?.kind === 'park' || advice?.kind === 'probe' ? advice : null;
}

function isAnyReady(state: ServiceState, { candidate }: Rollout): boolean {
  return (instancesOf(state, candidate.id)?.ready ?? 0) > 0;
}
