import { explainBeforeAfter, failsByBefore } from './explain-metrics.ts';
import { type Blocker, type Findings, isSuspectThere, parkingOf } from './findings.ts';
import { type GateState, partsOf } from './gate-state.ts';
import {
  bakeOf,
  brokenText,
  failSentence,
  latencyText,
  parkingText,
  standing,
  suspectText,
  timeLimitSentence,
} from './judge-sentences.ts';
import { blindMetric } from './metric-standing.ts';
import { logMarginEvidence, requirementOf } from './non-inferiority.ts';
import type { ObjectiveEvidence } from './objective-evidence.ts';
import { logEvidence } from './onset-mixture.ts';
import { faultHoldMs } from './telemetry-fault.ts';
import { isShareOff } from './traffic-share.ts';
import type { GateQuestion, Verdict } from './verdict.ts';
import { explained } from './verdict-explanation.ts';
import { durationText, evidenceText, percentText } from './wording.ts';

/**
 * The verdict of a step. Fail: the evidence against has reached 1 / alpha at any time. Pass: not worse by the step's margin
 * is shown, nothing speaks against, the soak is over, no objective holds, and there is fresh evidence from this very step.
 * At the last gate that includes "not slower" where the plan asks for it; each of the two has to be shown by itself, so
 * neither costs the other anything (intersection-union).
 * Else undecided. A pass after `atMostMs` is as good as one before: looking longer costs nothing, only the wait is limited.
 */
export function judge(state: GateState, question: GateQuestion): Verdict {
  const findings = find(state, question);
  if (state.peakLogAgainst >= -Math.log(state.settings.falseRollbackRatio)) {
    return explained('fail', findings, null, failSentence(findings));
  }
  if (isSuspectLate(state)) {
    return explained('fail', findings, null, `${standing(findings)}; ${suspectText(state)}`);
  }
  const test = failsByBefore(state);
  if (test !== null) {
    const why = explainBeforeAfter(state)?.sentence ?? '';
    return explained('fail', findings, null, `${standing(findings)}; ${why}`);
  }
  const blocker = blockerOf(findings);
  if (blocker === null) return explained('pass', findings, null, standing(findings));
  const atMostMs = question.atMostMs ?? state.settings.atMostMs;
  if (question.atMs - question.stepSinceMs >= atMostMs && !findings.isBake) {
    const limited = explained(
      'undecided',
      findings,
      'time-limit',
      timeLimitSentence(findings, blocker, atMostMs),
    );
    return { ...limited, explanation: { ...limited.explanation, behindLimit: blocker.heldBy } };
  }
  return explained('undecided', findings, blocker.heldBy, blocker.sentence);
}

function find(state: GateState, question: GateQuestion): Findings {
  const { marginRatio, forLimit } = requirementOf(state.settings, question);
  const margin = state.errors.margins.find((each) => each.marginRatio === marginRatio);
  const parts = partsOf(state);
  return {
    state,
    question,
    isBake: question.weightPercent >= 100,
    parts,
    logAgainst: Math.log(parts.reduce((sum, { share, evidence }) => sum + share * evidence, 0)),
    logFor: margin === undefined ? 0 : logMarginEvidence(margin),
    forLimit,
    marginRatio,
  };
}

/** The first thing that keeps a step from passing, in the order in which it is worth saying; null: nothing does. */
function blockerOf(findings: Findings): Blocker | null {
  const { state, question, isBake } = findings;
  const now = standing(findings);
  // First these two: what they take the requests from can't be compared afresh.
  const parking = isBake ? null : parkingOf(state);
  if (parking !== null) {
    return { heldBy: 'parked', sentence: `${now}; ${parkingText(parking)}` };
  }
  if (state.suspect !== null && isSuspectThere(state)) {
    return { heldBy: 'one-instance', sentence: `${now}; ${suspectText(state)}` };
  }
  const unseen = unseenOf(findings, now);
  if (unseen !== null) return unseen;
  if (!isBake && isShareOff(state.share)) {
    const wanted = percentText(state.share?.wantedRatio ?? 0);
    const sentence = `${now}; the candidate does not get its ${wanted} of the requests`;
    return { heldBy: 'traffic-share', sentence };
  }
  if (findings.logAgainst >= Math.log(suspicionLimit)) {
    const against = evidenceText(Math.exp(findings.logAgainst));
    const limits = `${suspicionLimit} holds, ${evidenceText(1 / state.settings.falseRollbackRatio)} rolls back`;
    const sentence = `${now}; evidence that the candidate is worse: ${against} (${limits})`;
    return { heldBy: 'evidence-against', sentence };
  }
  const broken = isBake ? undefined : state.promises.find(isBroken);
  if (broken !== undefined) {
    const sentence = `${now}; held by objective ${broken.name}: ${brokenText(broken)}`;
    return { heldBy: broken.name, sentence };
  }
  if (!isBake && findings.logFor < Math.log(findings.forLimit)) {
    return { heldBy: null, sentence: now };
  }
  if (!isBake && asksForLatency(findings)) {
    const notSlower = logEvidence(state.latency.notSlower);
    if (notSlower < Math.log(findings.forLimit)) {
      const shown = `${evidenceText(Math.exp(notSlower))} of ${evidenceText(findings.forLimit)}`;
      const sentence = `${now}; ${latencyText(state)}; not slower: evidence ${shown}`;
      return { heldBy: null, sentence };
    }
  }
  const before = isBake && state.settings.beforeAfter === 'hold' ? explainBeforeAfter(state) : null;
  if (before?.isWarning === true) {
    return { heldBy: 'before-after', sentence: `${now}; ${before.sentence}` };
  }
  const { soakMs } = state.settings;
  const inStepMs = Math.max(0, question.atMs - question.stepSinceMs);
  if (inStepMs >= soakMs) return null;
  const soaked = `${durationText(inStepMs)} of ${durationText(soakMs)}`;
  return { heldBy: 'soak', sentence: `${now}; ${isBake ? 'at 100 % for' : 'soaking'} ${soaked}` };
}

/** What isn't known: nothing was compared, or not lately, or what came can't be. Null: all is. */
function unseenOf({ state, question, isBake }: Findings, now: string): Blocker | null {
  const evidenceAtMs = isBake ? (bakeOf(state)?.atMs ?? null) : state.errors.comparedAtMs;
  const nothing = isBake ? 'no request was judged' : 'nothing was compared';
  if (evidenceAtMs === null || evidenceAtMs < question.stepSinceMs) {
    const inStepMs = Math.max(0, question.atMs - question.stepSinceMs);
    const begun = `since this step began ${durationText(inStepMs)} ago`;
    // Of a bake without a request that is where it stands.
    const isSaid = isBake && evidenceAtMs === null;
    const since = isSaid ? `${now} ${begun}` : `${now}; ${nothing} ${begun}`;
    return { heldBy: 'no-data', sentence: since };
  }
  const silentMs = question.atMs - evidenceAtMs;
  if (silentMs > freshMs) {
    const sentence = `${now}; ${nothing} for ${durationText(silentMs)}`;
    return { heldBy: 'no-data', sentence };
  }
  const fault = state.telemetryFault;
  if (fault !== null && question.atMs - fault.atMs < faultHoldMs) {
    return { heldBy: 'telemetry', sentence: `${now}; telemetry is faulty: ${fault.sentence}` };
  }
  // The sentence's notes say which metric, and why.
  const blind = isBake ? null : blindMetric(state.custom, question.atMs);
  return blind === null ? null : { heldBy: 'telemetry', sentence: now };
}

/** Only the gate before 100 % asks; at smaller shares it would cost far more time than it saves users. */
function asksForLatency({ state, question }: Findings): boolean {
  const { latency = 'auto' } = state.settings;
  if (!question.isLastGate || latency === 'off') return false;
  return latency === 'on' || state.promises.some(({ signal }) => signal.kind === 'latency');
}

/** By the samples' clock alone, which the server's may be ahead of. */
function isSuspectLate(state: GateState): boolean {
  const { suspect, settings, lastAtMs } = state;
  if (suspect === null || !isSuspectThere(state)) return false;
  return lastAtMs - suspect.sinceMs >= (settings.replaceWithinMs ?? 0);
}

function isBroken({ hold }: ObjectiveEvidence): boolean {
  return logEvidence(hold) >= Math.log(objectiveLimit);
}

/** From here on a step does not pass, though it isn't rolled back yet. */
const suspicionLimit = 20;
/** Evidence at which an objective holds. */
const objectiveLimit = 20;
/** Evidence older than this shows that the candidate was good, not that it is. Twice the age at which a block ends. */
const freshMs = 60_000;
