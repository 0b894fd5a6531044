import type { Verdict } from '../gate/gate.ts';
import { approvalsText, isApproved, requestOf, waitSentence } from './approvals.ts';
import { candidateCount } from './strategies/blue-green.ts';
import { capacityHold } from './capacity-hold.ts';
import { order, unchanged } from './order.ts';
import { outOfMemoryText } from './wording/out-of-memory-text.ts';
import { forwardParked, isWaitingForInstance, parkAsAdvised } from './parking.ts';
import { progress } from './progress.ts';
import { promoted } from './promoted.ts';
import { followReplacement, replacedText } from './replacement.ts';
import { revert } from './revert.ts';
import type { Step } from './revision.ts';
import { followRolling } from './strategies/rolling.ts';
import { instancesOf, stableRestarts } from './seeing/see.ts';
import { percentText, secondsText, timesText } from './wording/amount-text.ts';
import { nameOf } from './wording/sentence.ts';
import { activeRollout, type Decision, type Rollout, type ServiceState } from './service-state.ts';
import { shiftTo } from './shift.ts';
import { followStandby, switchText } from './strategies/standby.ts';
import { verdictAt } from './step-verdict.ts';
import { alertText, faultNow } from './seeing/telemetry-watch.ts';
import { followTimeLimit } from './time-limit.ts';

/** New restarts of the candidate, beyond those of stable, that end a rollout. */
const restartsMax = 3;
/** On top of the start timeout of an instance: the platform's own start and the first probe. */
const startSlackMs = 5_000;

/** Moves the newest rollout as far as this moment allows: back, on, or nowhere. */
export function advance(
  state: ServiceState,
  atMs: number,
  isOthersHeard: boolean | null = null,
): Decision {
  const rollout = activeRollout(state);
  if (rollout === null || rollout.phase.kind === 'reverting') return unchanged(state);
  const isRollingBack = rollout.phase.kind === 'rolling' && rollout.phase.cause !== null;
  if (isRollingBack) return followRolling(state, rollout, atMs);
  const crash = crashSentence(state, rollout);
  if (crash !== null) return revert(state, rollout, { kind: 'crash-loop', sentence: crash, atMs });
  if (rollout.phase.kind === 'starting') return advanceStart(state, rollout, atMs);
  if (rollout.phase.kind === 'rolling') return followRolling(state, rollout, atMs);

  const unreadyMs = rollout.unreadySinceMs === null ? 0 : atMs - rollout.unreadySinceMs;
  if (unreadyMs > rollout.candidate.health.startTimeoutMs) {
    const sentence = `no instance of ${nameOf(rollout.candidate)} was ready for ${secondsText(unreadyMs)}${outOfMemoryText(state, rollout)}`;
    return revert(state, rollout, { kind: 'not-ready', sentence, atMs });
  }
  const verdict = verdictAt(rollout, atMs);
  if (verdict.kind === 'fail') return goBack(state, rollout, { verdict, atMs });
  const judged = withVerdict(state, rollout, verdict);
  return listen(judged.state, judged.rollout, { verdict, atMs, isOthersHeard });
}

function goBack(state: ServiceState, rollout: Rollout, { verdict, atMs }: Judged): Decision {
  const kind = rollout.phase.kind === 'baking' ? 'bake-failed' : 'gate-failed';
  const sentence = `${verdict.explanation.sentence}${replacedText(rollout)}${outOfMemoryText(state, rollout)}`;
  const judged: Rollout = { ...rollout, lastVerdict: verdict };
  return revert({ ...state, rollout: judged }, judged, { kind, sentence, atMs }, { verdict });
}

interface Judged {
  readonly verdict: Verdict;
  readonly atMs: number;
}

function withVerdict(
  state: ServiceState,
  rollout: Rollout,
  verdict: Verdict,
): { readonly state: ServiceState; readonly rollout: Rollout } {
  if (isSameVerdict(rollout.lastVerdict, verdict)) return { state, rollout };
  const judged: Rollout = { ...rollout, lastVerdict: verdict };
  return { state: { ...state, rollout: judged }, rollout: judged };
}

/** Faulty telemetry first holds, then is said aloud once, and again when it is over (telemetry-watch.ts). */
function listen(
  state: ServiceState,
  before: Rollout,
  moment: Judged & { readonly isOthersHeard: boolean | null },
): Decision {
  const { verdict, atMs, isOthersHeard } = moment;
  const { rollout, sentence, due } = faultNow(before, atMs);
  const heard = rollout === before ? state : { ...state, rollout };
  const known = before.telemetry?.fault ?? null;
  if (due === 'alert' && sentence !== null && known !== null && rollout.telemetry !== undefined) {
    const alert = alertText(rollout, { kind: known.kind, sentence, isOthersHeard });
    const telemetry = { ...rollout.telemetry, fault: { ...known, alert } };
    return order(
      { ...state, rollout: { ...rollout, telemetry } },
      { atMs, type: 'decision', decision: 'alert', sentence: `alert: ${alert}` },
    );
  }
  if (due === 'alert-over' && known !== null) {
    const lasted = secondsText(atMs - known.sinceMs);
    return order(heard, {
      atMs,
      type: 'decision',
      decision: 'alert-over',
      sentence: `the alert is over after ${lasted}; what was missing is evidence for nothing`,
    });
  }
  return forward(heard, rollout, { verdict, atMs, isFaulty: sentence !== null });
}

/** Keeps the state as it is while nothing new was said, so that idle ticks need not be kept for the replay. */
function isSameVerdict(before: Verdict | null, now: Verdict): boolean {
  return before?.kind === now.kind && before.explanation.sentence === now.explanation.sentence;
}

function advanceStart(state: ServiceState, rollout: Rollout, atMs: number): Decision {
  const { candidate, phase } = rollout;
  if (isCandidateReady(state, rollout)) {
    if (rollout.paused !== null || capacityHold(state, rollout, 0) !== null)
      return unchanged(state);
    const weight = percentText(rollout.plan.steps[0]?.weightPercent ?? 100);
    const count = candidateCount(rollout);
    const what = switchText(rollout, 0) ?? `giving it ${weight}`;
    const sentence = `${count} of ${count} instances of ${nameOf(candidate)} are ready; ${what}`;
    return shiftTo(state, rollout, { stepIndex: 0, atMs, sentence, verdict: null });
  }
  const waitedMs = phase.kind === 'starting' ? atMs - phase.sinceMs : 0;
  if (waitedMs <= candidate.health.startTimeoutMs + startSlackMs) return unchanged(state);
  const seen = instancesOf(state, candidate.id);
  const why = seen?.reason ?? 'the platform shows no instance';
  const sentence = `${seen?.ready ?? 0} of ${candidateCount(rollout)} instances of ${nameOf(candidate)} became ready in ${secondsText(waitedMs)}: ${why}`;
  return revert(state, rollout, { kind: 'not-ready', sentence, atMs });
}

interface Moment extends Judged {
  readonly isFaulty: boolean;
}

function forward(state: ServiceState, rollout: Rollout, moment: Moment): Decision {
  const { phase } = rollout;
  switch (phase.kind) {
    case 'judging': {
      const here = { ...moment, ...phase };
      return aside(state, rollout, here) ?? forwardJudging(state, rollout, here);
    }
    case 'waiting': {
      const here = { ...moment, ...phase };
      return aside(state, rollout, here) ?? forwardWaiting(state, rollout, here);
    }
    case 'parked':
      return (
        followReplacement(state, rollout, moment) ??
        followTimeLimit(state, rollout, { ...moment, ...phase }) ??
        forwardParked(state, rollout, moment)
      );
    case 'baking':
      if (rollout.paused === null && moment.atMs >= phase.untilMs && !isHeldByBefore(moment)) {
        return promoted(state, rollout, moment);
      }
      return progress(state, rollout, moment);
    case 'starting':
    case 'rolling':
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

/** What goes before the plan: an instance to be replaced, a candidate to be parked, a standby to be checked. */
function aside(
  state: ServiceState,
  rollout: Rollout,
  moment: Moment & { readonly stepIndex: number },
): Decision | null {
  return (
    followReplacement(state, rollout, moment) ??
    parkAsAdvised(state, rollout, moment) ??
    followStandby(state, rollout, moment)
  );
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
    moment.isFaulty ||
    isWaitingForInstance(rollout) ||
    !isCandidateReady(state, rollout) ||
    capacityHold(state, rollout, stepIndex + 1) !== null;
  if (isBlocked) {
    const limited = step.gated ? followTimeLimit(state, rollout, moment) : null;
    return limited ?? progress(state, rollout, moment);
  }
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
  const isOver = isApproved(rollout.phase, atMs) || (untilMs !== null && atMs >= untilMs);
  const mayPass = (!isGated || verdict.kind === 'pass') && !moment.isFaulty;
  const isWhole =
    isCandidateReady(state, rollout) &&
    !isWaitingForInstance(rollout) &&
    capacityHold(state, rollout, stepIndex + 1) === null;
  if (!isOver || !mayPass || rollout.paused !== null || !isWhole) {
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
  const approvals = approvalsText(rollout.phase);
  const switched = switchText(rollout, stepIndex);
  return shiftTo(state, rollout, {
    stepIndex,
    atMs: moment.atMs,
    sentence:
      switched === null
        ? `raising to ${weight}: ${[approvals, why].filter(isThere).join('; ')}`
        : [switched, approvals].filter(isThere).join('; '),
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
  const checked = rollout.standby?.phase === 'passed' ? rollout.standby.sentence : null;
  const passed = isGated ? verdict.explanation.sentence : (checked ?? 'the step has no gate');
  const sentence =
    untilMs === null
      ? waitSentence(rollout, stepIndex, passed)
      : `${passed}; pausing for ${secondsText(untilMs - atMs)} as the plan says`;
  const approval = requestOf(rollout, stepIndex);
  const { sinceMs: stepSinceMs } = moment;
  const phase = { kind: 'waiting', sinceMs: atMs, stepSinceMs, stepIndex, untilMs } as const;
  return order(
    { ...state, rollout: { ...rollout, phase } },
    approval === null
      ? { atMs, type: 'decision', decision: 'wait', sentence, verdict }
      : { atMs, type: 'approval-request', decision: 'wait', sentence, verdict, approval },
  );
}

function isThere(text: string | null): text is string {
  return text !== null;
}

function isCandidateReady(state: ServiceState, rollout: Rollout): boolean {
  const seen = instancesOf(state, rollout.candidate.id);
  return seen !== null && seen.ready >= candidateCount(rollout);
}

/** A crash loop that stable does not share; null when there is none. */
function crashSentence(state: ServiceState, rollout: Rollout): string | null {
  const seen = instancesOf(state, rollout.candidate.id);
  if (seen === null) return null;
  const ofStable = Math.max(0, stableRestarts(state) - rollout.stableRestartsAtStart);
  if (seen.restarts - ofStable < restartsMax) return null;
  const why = seen.reason === null ? '' : `: ${seen.reason}`;
  const beside = rollout.stable === null ? '' : `, those of stable ${timesText(ofStable)}`;
  const memory = outOfMemoryText(state, rollout, why);
  return `instances of ${nameOf(rollout.candidate)} restarted ${timesText(seen.restarts)} since the start${beside}${why}${memory}`;
}
