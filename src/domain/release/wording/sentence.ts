import { countText, percentText, secondsText } from './amount-text.ts';
import { standingText } from '../approvals.ts';
import { candidateCount, standbyText, stepShareText } from '../strategies/blue-green.ts';
import type { Hand } from '../event.ts';
import { capacityHold } from '../capacity-hold.ts';
import { limitText } from './limit-text.ts';
import type { Revision } from '../revision.ts';
import { rolledBy, rollingText } from '../strategies/rolling-arms.ts';
import {
  type ArmPair,
  isFinal,
  measuredSharePercent,
  type Rollout,
  type ServiceState,
  stableOf,
} from '../service-state.ts';
import { telemetryFaultNow } from '../seeing/telemetry-watch.ts';

/** One sentence: where the service's rollout is and why, with numbers. */
export function describeService(state: ServiceState, atMs: number): string {
  if (state.isDeleted) return 'deleted';
  const { rollout } = state;
  if (rollout === null) return stableOf(state) === null ? 'nothing applied yet' : 'stable';
  const alert = alertOf(rollout);
  const phase = describePhase(state, rollout, atMs);
  const sentence =
    alert === null
      ? phase
      : `alert ${secondsText(atMs - alert.sinceMs)} ago: ${alert.sentence}; ${phase}`;
  if (rollout.paused === null) return sentence;
  return `paused by ${handText(rollout.paused.by)} for ${secondsText(atMs - rollout.paused.atMs)}; ${sentence}`;
}

/** What an operator should look after now; null: nothing. An alert ends with its rollout. */
export function alertOf(
  rollout: Rollout,
): { readonly sinceMs: number; readonly sentence: string } | null {
  const fault = rollout.telemetry?.fault ?? null;
  if (fault === null || fault.alert === null || isFinal(rollout.phase)) return null;
  return { sinceMs: fault.sinceMs, sentence: fault.alert };
}

/** What people call a revision: its version when it has one, with enough of its id to find it. */
export function nameOf(revision: Revision): string {
  const short = revision.id.slice(revision.service.length + 1);
  return revision.version === null
    ? revision.id
    : `${revision.service} ${revision.version} (${short})`;
}

/** `0 of 1,240 candidate requests failed, stable 3 of 11,160`. */
export function sharesText(totals: ArmPair): string {
  const { candidate, stable } = totals;
  if (candidate.requests === 0) return 'it had no request';
  const text = `${countText(candidate.failures)} of ${countText(candidate.requests)} candidate requests failed`;
  if (stable.requests === 0) return text;
  return `${text}, stable ${countText(stable.failures)} of ${countText(stable.requests)}`;
}

export function handText(hand: Hand): string {
  return hand.why === null ? hand.who : `${hand.who} ("${hand.why}")`;
}

/** What keeps a step besides its gate, after a semicolon; empty: nothing does. */
export function holdText(state: ServiceState, rollout: Rollout, atMs: number): string {
  const { phase } = rollout;
  if (phase.kind !== 'judging' && phase.kind !== 'waiting' && phase.kind !== 'parked') return '';
  const fault = telemetryFaultNow(rollout, atMs);
  const telemetry = fault === null ? '' : `; held by telemetry: ${fault.sentence}`;
  const verdict = rollout.lastVerdict;
  const isLimited = verdict?.explanation.heldBy === 'time-limit';
  const moment = { atMs, isFaulty: fault !== null, stepIndex: phase.stepIndex };
  const limit = isLimited ? limitText(state, rollout, { ...moment, verdict }) : '';
  const capacity =
    phase.kind === 'parked' ? null : capacityHold(state, rollout, phase.stepIndex + 1);
  const room = capacity === null ? '' : `; held by capacity: ${capacity}`;
  return `${telemetry}${instancesText(state, rollout, atMs)}${room}${limit}`;
}

function instancesText(state: ServiceState, rollout: Rollout, atMs: number): string {
  const { phase, candidate, plan, replacement } = rollout;
  if (phase.kind !== 'judging' && phase.kind !== 'waiting') return '';
  const count = candidateCount(rollout);
  const seen = state.instances.find((each) => each.revisionId === candidate.id);
  if (replacement !== undefined && replacement.phase !== 'ready') {
    const ready = `${seen?.ready ?? 0} of ${candidate.instances} instances are ready`;
    return `; held until instance ${replacement.instanceId} is replaced: ${ready} after ${secondsText(atMs - replacement.atMs)}`;
  }
  if ((seen?.ready ?? 0) < count) {
    const reason = seen?.reason === null || seen === undefined ? '' : ` (${seen.reason})`;
    return `; held by readiness: ${seen?.ready ?? 0} of ${count} candidate instances are ready${reason}`;
  }
  const atLeastMs = plan.steps[phase.stepIndex]?.atLeastMs ?? 0;
  if (phase.kind === 'waiting' || atMs - phase.sinceMs >= atLeastMs) return '';
  return `; the step lasts at least ${secondsText(atLeastMs)}, ${secondsText(atMs - phase.sinceMs)} so far`;
}

function describePhase(state: ServiceState, rollout: Rollout, atMs: number): string {
  const { phase, plan, candidate } = rollout;
  const steps = plan.steps.length;
  switch (phase.kind) {
    case 'starting': {
      const seen = state.instances.find((each) => each.revisionId === candidate.id);
      const reason = seen?.reason === null || seen === undefined ? '' : `: ${seen.reason}`;
      return `starting ${nameOf(candidate)}, ${seen?.ready ?? 0} of ${candidateCount(rollout)} instances ready after ${secondsText(atMs - phase.sinceMs)}${reason}${startText(state, rollout)}`;
    }
    case 'rolling':
      return rollingText(state, rollout, atMs) ?? 'rolling';
    case 'shifting': {
      const weight = stepShareText(rollout, phase.stepIndex);
      return `step ${phase.stepIndex + 1} of ${steps}: moving to ${weight}, the router has not confirmed for ${secondsText(atMs - phase.sinceMs)}`;
    }
    case 'judging': {
      const measured = measuredText(rollout);
      const weight = percentText(plan.steps[phase.stepIndex]?.weightPercent ?? 100);
      const why = rollout.lastVerdict?.explanation.sentence ?? 'no request yet';
      const hold = holdText(state, rollout, atMs);
      const standby = standbyText(state, rollout, atMs);
      if (standby !== null) return `step ${phase.stepIndex + 1} of ${steps}: ${standby}${hold}`;
      return `step ${phase.stepIndex + 1} of ${steps} at ${weight}${measured}: ${why}${hold}`;
    }
    case 'waiting': {
      const weight = percentText(plan.steps[phase.stepIndex]?.weightPercent ?? 100);
      const what =
        standingText(rollout, atMs) ??
        (phase.untilMs === null
          ? `waiting for approval for ${secondsText(atMs - phase.sinceMs)}: "tidegate rollout promote ${state.name}"`
          : `pausing for another ${secondsText(Math.max(0, phase.untilMs - atMs))}`);
      const hold = holdText(state, rollout, atMs);
      return `step ${phase.stepIndex + 1} of ${steps} at ${weight}${measuredText(rollout)}: ${what}${hold}`;
    }
    case 'parked': {
      const share = percentText(plan.steps[phase.stepIndex]?.weightPercent ?? 100);
      const what =
        phase.weightPercent === 0
          ? 'parked at 0 %'
          : `parked, probing with ${percentText(phase.weightPercent)}`;
      const why = rollout.lastVerdict?.explanation.sentence ?? 'much of it failed';
      const till = phase.isHeld ? `parked too often, ${choicesText(state, share)}` : why;
      return `step ${phase.stepIndex + 1} of ${steps}: ${what} instead of ${share} for ${secondsText(atMs - phase.sinceMs)}: ${till}${holdText(state, rollout, atMs)}`;
    }
    case 'baking': {
      const isOver = rollout.paused !== null && atMs >= phase.untilMs;
      const isHeld =
        atMs >= phase.untilMs && rollout.lastVerdict?.explanation.heldBy === 'before-after';
      const left = isOver
        ? 'until it is resumed'
        : isHeld
          ? `until a person decides: "tidegate rollout promote ${state.name}" or abort`
          : `for another ${secondsText(Math.max(0, phase.untilMs - atMs))}`;
      const warm = rolledBy(rollout) === null ? 'the old revision stays warm' : 'watched';
      return `baking at 100 %${measuredText(rollout)}, ${warm} ${left}: ${rollout.lastVerdict?.explanation.sentence ?? 'no request yet'}`;
    }
    case 'reverting':
      return `${rollout.stable === null ? `giving up ${nameOf(candidate)}` : `going back to ${nameOf(rollout.stable)}`}, the router has not confirmed for ${secondsText(atMs - phase.sinceMs)}: ${phase.cause.sentence}`;
    case 'promoted':
      return `promoted ${nameOf(candidate)}: ${sharesText(rollout.totals)}`;
    case 'rolled-back':
      return `${rollout.stable === null ? 'gave up' : 'rolled back'} ${nameOf(candidate)}: ${phase.cause.sentence}`;
  }
}

/** What the first step waits for once the candidate is ready. */
function startText(state: ServiceState, rollout: Rollout): string {
  const seen = state.instances.find((each) => each.revisionId === rollout.candidate.id);
  if ((seen?.ready ?? 0) < rollout.candidate.instances) return '';
  const capacity = capacityHold(state, rollout, 0);
  return capacity === null ? '' : `; held by capacity: ${capacity}`;
}

/** What a person can do about a candidate that is held at 0. */
export function choicesText(state: ServiceState, share: string): string {
  return `"tidegate rollout promote ${state.name}" gives it its ${share} back, "tidegate rollout abort ${state.name}" goes back`;
}

function measuredText(rollout: Rollout): string {
  const measured = measuredSharePercent(rollout.stepTotals);
  return measured === null ? '' : ` (measured ${percentText(measured)})`;
}
