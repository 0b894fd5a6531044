import { closeBlock, judge, type Verdict } from '../gate/gate.ts';
import { order, splitTraffic, unchanged } from './order.ts';
import { promoted } from './promoted.ts';
import { revert } from './revert.ts';
import type { Step } from './revision.ts';
import { instancesOf, stableRestarts } from './see.ts';
import { holdText, nameOf, percentText, secondsText, timesText } from './sentence.ts';
import {
  activeRollout,
  type Decision,
  measuredSharePercent,
  noRequests,
  type Phase,
  type Rollout,
  type ServiceState,
} from './service-state.ts';

/** Progress entries come at first every 5 s, in a long step every 5 % of its age, so that none floods the ledger. */
const progressIntervalMsMin = 5_000;
const progressIntervalMsMax = 60_000;
const progressAgeRatio = 0.05;
/** New restarts of the candidate, beyond those of stable, that end a rollout. */
const restartsMax = 3;
/** On top of the start timeout of an instance: the platform's own start and the first probe. */
const startSlackMs = 5_000;

/** Moves the newest rollout as far as this moment allows: back, on, or nowhere. */
export function advance(state: ServiceState, atMs: number): Decision {
  const rollout = activeRollout(state);
  if (rollout === null || rollout.phase.kind === 'reverting') return unchanged(state);
  const crash = crashSentence(state, rollout);
  if (crash !== null) return revert(state, rollout, { kind: 'crash-loop', sentence: crash, atMs });
  if (rollout.phase.kind === 'starting') return advanceStart(state, rollout, atMs);

  const unreadyMs = rollout.unreadySinceMs === null ? 0 : atMs - rollout.unreadySinceMs;
  if (unreadyMs > rollout.candidate.health.startTimeoutMs) {
    const sentence = `no instance of ${nameOf(rollout.candidate)} was ready for ${secondsText(unreadyMs)}`;
    return revert(state, rollout, { kind: 'not-ready', sentence, atMs });
  }
  const verdict = verdictAt(rollout, atMs);
  if (verdict.kind === 'fail') {
    const kind = rollout.phase.kind === 'baking' ? 'bake-failed' : 'gate-failed';
    const { sentence } = verdict.explanation;
    const judged: Rollout = { ...rollout, lastVerdict: verdict };
    return revert({ ...state, rollout: judged }, judged, { kind, sentence, atMs }, { verdict });
  }
  if (isSameVerdict(rollout.lastVerdict, verdict))
    return forward(state, rollout, { verdict, atMs });
  const judged: Rollout = { ...rollout, lastVerdict: verdict };
  return forward({ ...state, rollout: judged }, judged, { verdict, atMs });
}

/** Keeps the state as it is while nothing new was said, so that idle ticks need not be kept for the replay. */
function isSameVerdict(before: Verdict | null, now: Verdict): boolean {
  return before?.kind === now.kind && before.explanation.sentence === now.explanation.sentence;
}

/** Orders the weight of a step. The only way to a higher weight; nobody comes here from a failed gate (R4). */
export function shiftTo(
  state: ServiceState,
  rollout: Rollout,
  to: {
    readonly stepIndex: number;
    readonly atMs: number;
    readonly sentence: string;
    readonly verdict: Verdict | null;
    readonly by?: Rollout['startedBy'];
  },
): Decision {
  const step = rollout.plan.steps[to.stepIndex];
  if (step === undefined) return unchanged(state);
  const traffic = splitTraffic(state, rollout, step);
  if (traffic === null) return unchanged(state);
  const left = leaveStep(rollout, to.atMs);
  const place = (key: string): ServiceState => ({
    ...state,
    rollout: {
      ...left,
      paused: null,
      phase: {
        kind: 'shifting',
        sinceMs: to.atMs,
        stepIndex: to.stepIndex,
        effectKey: `${key}/route`,
      },
    },
  });
  const key = `${state.name}/${state.recordCount + 1}`;
  return order(place(key), {
    atMs: to.atMs,
    type: to.by === undefined ? 'decision' : 'operator-action',
    decision: 'advance',
    sentence: to.sentence,
    verdict: to.verdict,
    ...(to.by === undefined ? {} : { by: to.by }),
    effects: (prefix) => [{ kind: 'set-traffic', key: `${prefix}/route`, traffic }],
  });
}

/** The gate's word on the step in force; in a bake and between steps, on the step that was last in force. */
export function verdictAt(rollout: Rollout, atMs: number): Verdict {
  const { phase, plan } = rollout;
  const stepIndex = 'stepIndex' in phase ? phase.stepIndex : plan.steps.length - 1;
  const lastGate = plan.steps.findLastIndex((each) => each.gated && each.weightPercent < 100);
  return judge(rollout.gate, {
    atMs,
    stepSinceMs: stepSinceMs(phase, atMs),
    weightPercent: plan.steps[stepIndex]?.weightPercent ?? 100,
    isLastGate: stepIndex >= lastGate,
  });
}

/** Since when the weight is in force: a wait after the gate belongs to its step and does not soak again. */
function stepSinceMs(phase: Phase, atMs: number): number {
  if (phase.kind === 'waiting') return phase.stepSinceMs;
  return 'sinceMs' in phase ? phase.sinceMs : atMs;
}

function advanceStart(state: ServiceState, rollout: Rollout, atMs: number): Decision {
  const { candidate, phase } = rollout;
  if (isCandidateReady(state, rollout)) {
    if (rollout.paused !== null) return unchanged(state);
    const weight = percentText(rollout.plan.steps[0]?.weightPercent ?? 100);
    const sentence = `${candidate.instances} of ${candidate.instances} instances of ${nameOf(candidate)} are ready; giving it ${weight}`;
    return shiftTo(state, rollout, { stepIndex: 0, atMs, sentence, verdict: null });
  }
  const waitedMs = phase.kind === 'starting' ? atMs - phase.sinceMs : 0;
  if (waitedMs <= candidate.health.startTimeoutMs + startSlackMs) return unchanged(state);
  const seen = instancesOf(state, candidate.id);
  const why = seen?.reason ?? 'the platform shows no instance';
  const sentence = `${seen?.ready ?? 0} of ${candidate.instances} instances of ${nameOf(candidate)} became ready in ${secondsText(waitedMs)}: ${why}`;
  return revert(state, rollout, { kind: 'not-ready', sentence, atMs });
}

interface Moment {
  readonly verdict: Verdict;
  readonly atMs: number;
}

function forward(state: ServiceState, rollout: Rollout, moment: Moment): Decision {
  const { phase } = rollout;
  switch (phase.kind) {
    case 'judging':
      return forwardJudging(state, rollout, { ...moment, ...phase });
    case 'waiting':
      return forwardWaiting(state, rollout, { ...moment, ...phase });
    case 'baking':
      if (rollout.paused === null && moment.atMs >= phase.untilMs && !isHeldByBefore(moment)) {
        return promoted(state, rollout, moment);
      }
      return progress(state, rollout, moment);
    case 'starting':
    case 'shifting':
    case 'reverting':
    case 'promoted':
    case 'rolled-back':
      return unchanged(state);
  }
}

/** Where the file asks for it, a bake that looks worse than stable before it ends by a person's word only. */
function isHeldByBefore({ verdict }: Moment): boolean {
  return verdict.explanation.heldBy === 'before-after';
}

function forwardJudging(
  state: ServiceState,
  rollout: Rollout,
  moment: Moment & { readonly stepIndex: number; readonly sinceMs: number },
): Decision {
  const { verdict, atMs, stepIndex, sinceMs } = moment;
  const step = rollout.plan.steps[stepIndex];
  if (step === undefined) return unchanged(state);
  const isBlocked =
    rollout.paused !== null ||
    (step.gated && verdict.kind !== 'pass') ||
    atMs - sinceMs < step.atLeastMs ||
    !isCandidateReady(state, rollout);
  if (isBlocked) return progress(state, rollout, moment);
  if (step.wait.kind === 'none') return next(state, rollout, moment);
  return beginWait(state, rollout, { ...moment, wait: step.wait });
}

function forwardWaiting(
  state: ServiceState,
  rollout: Rollout,
  moment: Moment & { readonly stepIndex: number; readonly untilMs: number | null },
): Decision {
  const { untilMs, atMs, verdict, stepIndex } = moment;
  const isGated = rollout.plan.steps[stepIndex]?.gated ?? true;
  const isOver = untilMs !== null && atMs >= untilMs;
  const mayPass = !isGated || verdict.kind === 'pass';
  if (!isOver || !mayPass || rollout.paused !== null || !isCandidateReady(state, rollout)) {
    return progress(state, rollout, moment);
  }
  return next(state, rollout, moment);
}

function next(
  state: ServiceState,
  rollout: Rollout,
  moment: Moment & { readonly stepIndex: number },
): Decision {
  const stepIndex = moment.stepIndex + 1;
  const weight = percentText(rollout.plan.steps[stepIndex]?.weightPercent ?? 100);
  const isGated = rollout.plan.steps[moment.stepIndex]?.gated ?? false;
  const why = isGated ? moment.verdict.explanation.sentence : 'the step before has no gate';
  return shiftTo(state, rollout, {
    stepIndex,
    atMs: moment.atMs,
    sentence: `raising to ${weight}: ${why}`,
    verdict: moment.verdict,
  });
}

function beginWait(
  state: ServiceState,
  rollout: Rollout,
  moment: Moment & {
    readonly stepIndex: number;
    readonly sinceMs: number;
    readonly wait: Step['wait'];
  },
): Decision {
  const { wait, atMs, stepIndex, verdict } = moment;
  const untilMs = wait.kind === 'pause' ? atMs + wait.durationMs : null;
  const isGated = rollout.plan.steps[stepIndex]?.gated ?? false;
  const passed = isGated ? verdict.explanation.sentence : 'the step has no gate';
  const sentence =
    untilMs === null
      ? `${passed}; waiting for approval: "tidegate rollout promote ${state.name}"`
      : `${passed}; pausing for ${secondsText(untilMs - atMs)} as the plan says`;
  const { sinceMs: stepSinceMs } = moment;
  const phase = { kind: 'waiting', sinceMs: atMs, stepSinceMs, stepIndex, untilMs } as const;
  return order(
    { ...state, rollout: { ...rollout, phase } },
    { atMs, type: 'decision', decision: 'wait', sentence, verdict },
  );
}

/** Writes down how the gate stands: every few seconds, and once when the time limit holds a step. */
function progress(state: ServiceState, rollout: Rollout, moment: Moment): Decision {
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

/** Closes the books of the step in force, if one is. */
function leaveStep(rollout: Rollout, atMs: number): Rollout {
  const { phase } = rollout;
  const closed: Rollout = {
    ...rollout,
    gate: closeBlock(rollout.gate),
    stepTotals: noRequests,
    isLimitRecorded: false,
  };
  if (phase.kind !== 'judging' && phase.kind !== 'waiting') return closed;
  const weightPercent = rollout.plan.steps[phase.stepIndex]?.weightPercent ?? 0;
  const result = {
    weightPercent,
    measuredSharePercent: measuredSharePercent(rollout.stepTotals),
    totals: rollout.stepTotals,
    sinceMs: stepSinceMs(phase, atMs),
    untilMs: atMs,
    sentence: rollout.lastVerdict?.explanation.sentence ?? '',
  };
  return { ...closed, stepResults: [...rollout.stepResults, result] };
}

function isCandidateReady(state: ServiceState, rollout: Rollout): boolean {
  const seen = instancesOf(state, rollout.candidate.id);
  return seen !== null && seen.ready >= rollout.candidate.instances;
}

/** A crash loop that stable does not share; null when there is none. */
function crashSentence(state: ServiceState, rollout: Rollout): string | null {
  const seen = instancesOf(state, rollout.candidate.id);
  if (seen === null) return null;
  const ofStable = Math.max(0, stableRestarts(state) - rollout.stableRestartsAtStart);
  if (seen.restarts - ofStable < restartsMax) return null;
  const why = seen.reason === null ? '' : `: ${seen.reason}`;
  const beside = rollout.stable === null ? '' : `, those of stable ${timesText(ofStable)}`;
  return `instances of ${nameOf(rollout.candidate)} restarted ${timesText(seen.restarts)} since the start${beside}${why}`;
}
