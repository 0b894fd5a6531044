import { baseRatioAt } from './base-rate.ts';
import { type GateState, leadingPart, type MetricEvidence, partsOf } from './gate-state.ts';
import { differenceBounds } from './difference-interval.ts';
import { explainBeforeAfter, failsByBefore, nothingJudgedText } from './explain-metrics.ts';
import { latencyP95 } from './latency-metric.ts';
import { blindMetric, notesText, seenText } from './metric-standing.ts';
import { logMarginEvidence, requirementOf } from './non-inferiority.ts';
import type { ObjectiveEvidence } from './objective-evidence.ts';
import { logEvidence } from './onset-mixture.ts';
import { type ParkAdvice, parkAdvice } from './park.ts';
import { natsFor } from './required-requests.ts';
import { placeboEvidence, placeboLimit } from './placebo.ts';
import { loneCulprit } from './suspect.ts';
import { faultHoldMs } from './telemetry-fault.ts';
import { isShareOff } from './traffic-share.ts';
import type { GateAdvice, GateExplanation, GateQuestion, Verdict } from './verdict.ts';
import {
  armsText,
  countText,
  durationText,
  evidenceText,
  failedText,
  marginText,
  millisecondsText,
  percentText,
} from './wording.ts';

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
    return verdict('fail', findings, null, failSentence(findings));
  }
  if (isSuspectLate(state)) {
    return verdict('fail', findings, null, `${standing(findings)}; ${suspectText(state)}`);
  }
  const test = failsByBefore(state);
  if (test !== null) {
    const why = explainBeforeAfter(state)?.sentence ?? '';
    return verdict('fail', findings, null, `${standing(findings)}; ${why}`);
  }
  const blocker = blockerOf(findings);
  if (blocker === null) return verdict('pass', findings, null, standing(findings));
  const atMostMs = question.atMostMs ?? state.settings.atMostMs;
  if (question.atMs - question.stepSinceMs >= atMostMs && !findings.isBake) {
    const limited = verdict(
      'undecided',
      findings,
      'time-limit',
      timeLimitSentence(findings, blocker, atMostMs),
    );
    return { ...limited, explanation: { ...limited.explanation, behindLimit: blocker.heldBy } };
  }
  return verdict('undecided', findings, blocker.heldBy, blocker.sentence);
}

/** Everything that a verdict rests on. */
interface Findings {
  readonly state: GateState;
  readonly question: GateQuestion;
  readonly isBake: boolean;
  readonly parts: readonly MetricEvidence[];
  readonly logAgainst: number;
  readonly logFor: number;
  readonly forLimit: number;
  readonly marginRatio: number;
}

interface Blocker {
  readonly heldBy: string | null;
  readonly sentence: string;
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
    const what =
      parking.kind === 'park'
        ? 'park the candidate at weight 0'
        : `send ${parking.requestsPerInstance} requests to each of its instances`;
    const why = `much of it fails, for longer than an incident if it still does in the next window`;
    return { heldBy: 'parked', sentence: `${now}; ${what}: ${why}` };
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
  const soak = `soaking ${durationText(inStepMs)} of ${durationText(soakMs)}`;
  return { heldBy: 'soak', sentence: `${now}; ${soak}` };
}

/** What isn't known: nothing was compared, or not lately, or what came can't be. Null: all is. */
function unseenOf({ state, question, isBake }: Findings, now: string): Blocker | null {
  const evidenceAtMs = isBake ? (bakeOf(state)?.atMs ?? null) : state.errors.comparedAtMs;
  if (evidenceAtMs === null || evidenceAtMs < question.stepSinceMs) {
    const inStepMs = Math.max(0, question.atMs - question.stepSinceMs);
    const since = `nothing to judge since this step began ${durationText(inStepMs)} ago`;
    return { heldBy: 'no-data', sentence: `${now}; ${since}` };
  }
  const silentMs = question.atMs - evidenceAtMs;
  if (silentMs > freshMs) {
    const sentence = `${now}; nothing to judge for ${durationText(silentMs)}`;
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

function parkingOf({ incidents }: GateState): ParkAdvice | null {
  return incidents === null ? null : parkAdvice(incidents.park, incidents.errors);
}

/** Whether the suspect had requests lately: it is not replaced yet. */
function isSuspectThere({ suspect, lastAtMs }: GateState): boolean {
  return suspect !== null && lastAtMs - suspect.seenAtMs < suspectGoneMs;
}

const suspectGoneMs = 5000;

/** By the samples' clock alone, which the server's may be ahead of. */
function isSuspectLate(state: GateState): boolean {
  const { suspect, settings, lastAtMs } = state;
  if (suspect === null || !isSuspectThere(state)) return false;
  return lastAtMs - suspect.sinceMs >= (settings.replaceWithinMs ?? 0);
}

function suspectText({ suspect, settings }: GateState): string {
  const within = durationText(settings.replaceWithinMs ?? 0);
  return `all errors were on instance ${suspect?.instanceId}, to be replaced within ${within}`;
}

/** What would help now, without the words of a verdict. */
export function adviceOf(state: GateState): GateAdvice | null {
  if (state.suspect !== null && isSuspectThere(state)) {
    return { kind: 'replace-instance', instanceId: state.suspect.instanceId };
  }
  return parkingOf(state);
}

function isBroken({ hold }: ObjectiveEvidence): boolean {
  return logEvidence(hold) >= Math.log(objectiveLimit);
}

function brokenText({ signal, allowedRatio }: ObjectiveEvidence): string {
  const many = `more than ${percentText(allowedRatio)} of the candidate's requests`;
  if (signal.kind === 'success') return `${many} fail`;
  return `${many} take longer than ${millisecondsText(signal.limitMs)}`;
}

/** The objective that the bake is about: the broken one, else success. */
function bakeOf(state: GateState): { name: string; atMs: number; text: string } | null {
  const promise = state.promises.find(({ name }) => name === state.peakMetric) ?? state.promises[0];
  if (promise === undefined || promise.bake === null) return null;
  const { bake, name, signal } = promise;
  const what =
    signal.kind === 'success'
      ? 'requests failed at 100 %'
      : `requests took longer than ${millisecondsText(signal.limitMs)} at 100 %`;
  const text = `${failedText(bake.count, what)}, ${percentText(bake.allowedRatio)} allowed`;
  return { name, atMs: bake.atMs, text };
}

/** From here on a step does not pass, though it isn't rolled back yet. */
const suspicionLimit = 20;
/** Evidence at which an objective holds. */
const objectiveLimit = 20;
/** Evidence older than this shows that the candidate was good, not that it is. Twice the age at which a block ends. */
const freshMs = 60_000;

/** Where the judgement stands, in numbers. */
function standing(findings: Findings): string {
  const { state, isBake, marginRatio, logFor, forLimit } = findings;
  const { candidate, stable } = state.totals;
  if (isBake) {
    const bake = bakeOf(state);
    if (bake === null) return 'the candidate has all traffic and no request has been judged';
    const limit = evidenceText(1 / state.settings.falseRollbackRatio);
    const against = evidenceText(Math.exp(findings.logAgainst));
    const nothing = nothingJudgedText(state);
    const note = nothing === null ? '' : `; ${nothing}`;
    return `${bake.text}: evidence against ${against} of ${limit}${note}`;
  }
  const evidence = `evidence ${evidenceText(Math.exp(logFor))} of ${evidenceText(forLimit)}`;
  return `${armsText(candidate, stable)}; not worse than ${marginText(marginRatio)}: ${evidence}`;
}

function failSentence({ state }: Findings): string {
  const { candidate, stable } = state.totals;
  const evidence = evidenceText(Math.exp(state.peakLogAgainst));
  const limit = evidenceText(1 / state.settings.falseRollbackRatio);
  const worse = state.peakMetric === 'latency' ? 'slower' : 'worse';
  const proof = `evidence that the candidate is ${worse}: ${evidence} (limit ${limit})`;
  if (state.peakMetric === 'latency') return `${latencyText(state)}; ${proof}`;
  const custom = state.custom.find(({ spec }) => spec.name === state.peakMetric);
  if (custom !== undefined) {
    const seen = custom.seen === undefined ? '' : `${seenText(custom)}; `;
    return `by metric ${state.peakMetric}: ${seen}${proof}`;
  }
  const bake = bakeOf(state);
  if (bake !== null && bake.name === state.peakMetric) return `${bake.text}; ${proof}`;
  return `${armsText(candidate, stable)}; ${proof}`;
}

/** `p95 of the candidate about 340 ms, stable 210 ms`. */
function latencyText({ latency }: GateState): string {
  const { candidateMs, stableMs } = latencyP95(latency);
  if (candidateMs === null || stableMs === null) return 'no latency is known';
  const stable = `stable ${millisecondsText(stableMs)}`;
  return `p95 of the candidate about ${millisecondsText(candidateMs)}, ${stable}`;
}

/** What is known, what is missing, what can be done. */
function timeLimitSentence(findings: Findings, blocker: Blocker, atMostMs: number): string {
  const { state, question } = findings;
  const limit = `no verdict within ${durationText(atMostMs)}`;
  const isShort = blocker.heldBy === null && findings.logFor < Math.log(findings.forLimit);
  const excluded = state.errors.margins.findLast(
    (margin) => logMarginEvidence(margin) >= Math.log(findings.forLimit),
  );
  const known =
    excluded === undefined
      ? 'no margin is excluded yet'
      : `worse than ${marginText(excluded.marginRatio)} is excluded`;
  const missing = isShort && question.weightPercent > 0 ? `; ${missingText(findings)}` : '';
  return `${limit}: ${blocker.sentence}; ${known}${missing}`;
}

/** `+0.25 pp needs about 88,000 more requests in all: 15 min at 98 requests/s`. */
function missingText({ state, question, marginRatio, logFor, forLimit }: Findings): string {
  const shareRatio = Math.min(0.99, question.weightPercent / 100);
  const stableRatio = baseRatioAt(state.errors.base, question.atMs);
  const nats = Math.max(0, Math.log(forLimit) - logFor);
  const requests = nats / natsFor({ shareRatio, stableRatio }, marginRatio);
  const { candidate, stable } = state.totals;
  const seconds = (state.lastAtMs - state.openedAtMs) / 1000;
  const rate = seconds > 0 ? (candidate.requests + stable.requests) / seconds : 0;
  const time =
    rate > 0 ? `: ${durationText((1000 * requests) / rate)} at ${countText(rate)} requests/s` : '';
  const target = `${marginText(marginRatio)} needs about ${roundedText(requests)} more requests`;
  return `${target} in all at ${question.weightPercent} %${time}`;
}

/** An estimate is shown with two figures. */
function roundedText(count: number): string {
  return countText(Number(Math.ceil(count).toPrecision(2)));
}

function verdict(
  kind: Verdict['kind'],
  findings: Findings,
  heldBy: string | null,
  sentence: string,
): Verdict {
  const { state, forLimit, marginRatio } = findings;
  const beforeAfter = explainBeforeAfter(state);
  const logShown = kind === 'fail' ? state.peakLogAgainst : findings.logAgainst;
  const explanation: GateExplanation = {
    candidate: state.totals.candidate,
    stable: state.totals.stable,
    against: finiteExp(logShown),
    againstLimit: 1 / state.settings.falseRollbackRatio,
    for: finiteExp(findings.logFor),
    forLimit,
    marginRatio,
    metric: kind === 'fail' ? state.peakMetric : leadingPart(findings.parts).metric,
    parts: findings.parts.map((part) => ({ ...part, evidence: Math.min(part.evidence, 1e300) })),
    p95: p95Of(state),
    difference: differenceOf(state),
    placeboAgainst: Math.min(placeboEvidence(state.placebo), 1e300),
    advice: kind === 'fail' ? culpritAdvice(state) : adviceOf(state),
    heldBy,
    beforeAfter,
    ...(state.setAside === undefined ? {} : { setAside: state.setAside }),
    sentence: `${sentence}${notesText(state.setAside, state.custom)}${kind === 'fail' ? '' : warningOf(beforeAfter, sentence)}${placeboWarning(state)}`,
  };
  return { kind, explanation };
}

/** The weaker comparison speaks up by itself, unless the sentence has said it already. */
function warningOf(beforeAfter: ReturnType<typeof explainBeforeAfter>, sentence: string): string {
  if (beforeAfter === null || !beforeAfter.isWarning) return '';
  return sentence.includes(beforeAfter.sentence) ? '' : `; warning: ${beforeAfter.sentence}`;
}

/** Said whatever the verdict is, as it tells how far that can be trusted. */
function placeboWarning({ placebo, settings }: GateState): string {
  if (placeboEvidence(placebo) < placeboLimit) return '';
  const remedy = (settings.incidentMs ?? 0) > 0 ? 'raise gate.incident' : 'declare gate.incident';
  const finding = `stable instance ${placebo.instanceId} differs from the other stable ones`;
  return `; warning: ${finding}, so failures of one instance come together: ${remedy}`;
}

function differenceOf({ difference, totals }: GateState): GateExplanation['difference'] {
  const { lowRatio, highRatio } = differenceBounds(difference);
  const { candidate, stable } = totals;
  if (Math.min(candidate.requests, stable.requests) === 0) {
    return { lowRatio, highRatio, sentence: 'nothing to compare yet' };
  }
  const seen = candidate.failures / candidate.requests - stable.failures / stable.requests;
  if (lowRatio === -1 && highRatio === 1) {
    const sentence = `the candidate's failure ratio is ${marginText(seen)} against stable's; how much of that is chance is not known yet`;
    return { lowRatio, highRatio, sentence };
  }
  const within = `${marginText(lowRatio)} to ${marginText(highRatio)}`;
  const sentence = `the candidate's failure ratio is ${marginText(seen)} against stable's, with 95 % confidence ${within}`;
  return { lowRatio, highRatio, sentence };
}

function p95Of({ latency }: GateState): GateExplanation['p95'] {
  const { candidateMs, stableMs } = latencyP95(latency);
  return candidateMs === null || stableMs === null ? null : { candidateMs, stableMs };
}

/** A failure that one instance alone has brought names it, though nobody waits for a new one. */
function culpritAdvice(state: GateState): GateAdvice | null {
  if (state.peakMetric !== 'errors' || state.suspect !== null) return null;
  const stableRatio = baseRatioAt(state.errors.base, state.lastAtMs);
  const instanceId = loneCulprit(state.instances, stableRatio);
  return instanceId === null ? null : { kind: 'replace-instance', instanceId };
}

/** JSON knows no infinity. */
function finiteExp(log: number): number {
  return Math.exp(Math.min(log, 700));
}
