import type { Hand } from './event.ts';
import type { Revision } from './revision.ts';
import {
  type ArmPair,
  measuredSharePercent,
  type Rollout,
  type ServiceState,
  stableOf,
} from './service-state.ts';

/** One sentence: where the service's rollout is and why, with numbers. */
export function describeService(state: ServiceState, atMs: number): string {
  if (state.isDeleted) return 'deleted';
  const { rollout } = state;
  if (rollout === null) return stableOf(state) === null ? 'nothing applied yet' : 'stable';
  const sentence = describePhase(state, rollout, atMs);
  if (rollout.paused === null) return sentence;
  return `paused by ${handText(rollout.paused.by)} for ${secondsText(atMs - rollout.paused.atMs)}; ${sentence}`;
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

export function percentText(percent: number): string {
  return `${Number(percent.toFixed(2))} %`;
}

/** `850 ms`, `12.3 s`, `4 min 10 s`, `2 h 5 min`. */
export function secondsText(durationMs: number): string {
  if (durationMs < 1000) return `${Math.round(durationMs)} ms`;
  if (durationMs < 60_000) return `${Number((durationMs / 1000).toFixed(1))} s`;
  const minutes = Math.floor(durationMs / 60_000);
  if (minutes < 60) {
    const seconds = Math.floor((durationMs % 60_000) / 1000);
    return seconds === 0 ? `${minutes} min` : `${minutes} min ${seconds} s`;
  }
  return minutes % 60 === 0
    ? `${Math.floor(minutes / 60)} h`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Digits in groups of three: 11160 is `11,160`. The same on every machine, unlike toLocaleString. */
export function countText(count: number): string {
  return String(Math.round(count)).replaceAll(/\B(?=(\d{3})+$)/g, ',');
}

/** `once`, `3 times`. */
export function timesText(count: number): string {
  return count === 1 ? 'once' : `${countText(count)} times`;
}

export function handText(hand: Hand): string {
  return hand.why === null ? hand.who : `${hand.who} ("${hand.why}")`;
}

/** What keeps a step besides its gate, after a semicolon; empty: nothing does. */
export function holdText(state: ServiceState, rollout: Rollout, atMs: number): string {
  const { phase, candidate, plan } = rollout;
  if (phase.kind !== 'judging' && phase.kind !== 'waiting') return '';
  const seen = state.instances.find((each) => each.revisionId === candidate.id);
  if ((seen?.ready ?? 0) < candidate.instances) {
    const reason = seen?.reason === null || seen === undefined ? '' : ` (${seen.reason})`;
    return `; held by readiness: ${seen?.ready ?? 0} of ${candidate.instances} candidate instances are ready${reason}`;
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
      return `starting ${nameOf(candidate)}, ${seen?.ready ?? 0} of ${candidate.instances} instances ready after ${secondsText(atMs - phase.sinceMs)}${reason}`;
    }
    case 'shifting': {
      const weight = percentText(plan.steps[phase.stepIndex]?.weightPercent ?? 100);
      return `step ${phase.stepIndex + 1} of ${steps}: moving to ${weight}, the router has not confirmed for ${secondsText(atMs - phase.sinceMs)}`;
    }
    case 'judging': {
      const measured = measuredText(rollout);
      const weight = percentText(plan.steps[phase.stepIndex]?.weightPercent ?? 100);
      const why = rollout.lastVerdict?.explanation.sentence ?? 'no request yet';
      const hold = holdText(state, rollout, atMs);
      return `step ${phase.stepIndex + 1} of ${steps} at ${weight}${measured}: ${why}${hold}`;
    }
    case 'waiting': {
      const weight = percentText(plan.steps[phase.stepIndex]?.weightPercent ?? 100);
      const what =
        phase.untilMs === null
          ? `waiting for approval for ${secondsText(atMs - phase.sinceMs)}: "tidegate rollout promote ${state.name}"`
          : `pausing for another ${secondsText(Math.max(0, phase.untilMs - atMs))}`;
      const hold = holdText(state, rollout, atMs);
      return `step ${phase.stepIndex + 1} of ${steps} at ${weight}${measuredText(rollout)}: ${what}${hold}`;
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
      return `baking at 100 %${measuredText(rollout)}, the old revision stays warm ${left}: ${rollout.lastVerdict?.explanation.sentence ?? 'no request yet'}`;
    }
    case 'reverting':
      return `${rollout.stable === null ? `giving up ${nameOf(candidate)}` : `going back to ${nameOf(rollout.stable)}`}, the router has not confirmed for ${secondsText(atMs - phase.sinceMs)}: ${phase.cause.sentence}`;
    case 'promoted':
      return `promoted ${nameOf(candidate)}: ${sharesText(rollout.totals)}`;
    case 'rolled-back':
      return `${rollout.stable === null ? 'gave up' : 'rolled back'} ${nameOf(candidate)}: ${phase.cause.sentence}`;
  }
}

function measuredText(rollout: Rollout): string {
  const measured = measuredSharePercent(rollout.stepTotals);
  return measured === null ? '' : ` (measured ${percentText(measured)})`;
}
