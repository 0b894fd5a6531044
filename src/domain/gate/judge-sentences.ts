import { baseRatioAt, keptAfter } from './base-rate.ts';
import { knowledgeOf } from './estimate-knowledge.ts';
import { requestsToPass } from './expected-requests.ts';
import { nothingJudgedText } from './explain-metrics.ts';
import type { Blocker, Findings } from './findings.ts';
import type { GateState } from './gate-state.ts';
import { latencyP95 } from './latency-metric.ts';
import { seenText } from './metric-standing.ts';
import { logMarginEvidence } from './non-inferiority.ts';
import type { ObjectiveEvidence } from './objective-evidence.ts';
import type { ParkAdvice } from './park.ts';
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

// What a verdict says: parts of one sentence, without a full stop.

/** Where the judgement stands, in numbers. */
export function standing(findings: Findings): string {
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

export function failSentence({ state }: Findings): string {
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
export function latencyText({ latency }: GateState): string {
  const { candidateMs, stableMs } = latencyP95(latency);
  if (candidateMs === null || stableMs === null) return 'no latency is known';
  const stable = `stable ${millisecondsText(stableMs)}`;
  return `p95 of the candidate about ${millisecondsText(candidateMs)}, ${stable}`;
}

/** The objective that the bake is about: the broken one, else success. */
export function bakeOf(state: GateState): { name: string; atMs: number; text: string } | null {
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

export function brokenText({ signal, allowedRatio }: ObjectiveEvidence): string {
  const many = `more than ${percentText(allowedRatio)} of the candidate's requests`;
  if (signal.kind === 'success') return `${many} fail`;
  return `${many} take longer than ${millisecondsText(signal.limitMs)}`;
}

/** What happens to the candidate's traffic, and what for. */
export function parkingText(parking: ParkAdvice): string {
  const why = 'whether it is an incident or the version';
  if (parking.kind === 'park') {
    return `much of it fails, so it gets no requests until the next window can tell ${why}`;
  }
  const probes = `${parking.requestsPerInstance} requests`;
  return `much of it failed, so each of its instances gets ${probes} in this window to tell ${why}`;
}

export function suspectText({ suspect, settings }: GateState): string {
  const within = durationText(settings.replaceWithinMs ?? 0);
  return `all errors were on instance ${suspect?.instanceId}, to be replaced within ${within}`;
}

/** What is known, what is missing, what can be done. */
export function timeLimitSentence(findings: Findings, blocker: Blocker, atMostMs: number): string {
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

/**
 * `+0.25 pp needs about 88,000 more requests in all: 15 min at 98 requests/s`, as `estimate` computes it: half of all healthy releases
 * need less.
 */
function missingText({ state, question, marginRatio, forLimit }: Findings): string {
  const target = marginText(marginRatio);
  const shareRatio = Math.min(0.99, question.weightPercent / 100);
  const { margins, stableRequests } = knowledgeOf(state);
  const margin = margins.find((each) => each.marginRatio === marginRatio);
  const arms = { shareRatio, stableRatio: baseRatioAt(state.errors.base, question.atMs) };
  const requests = requestsToPass(arms, marginRatio, {
    limit: forLimit,
    learnedRequests: stableRequests,
    ...(margin === undefined ? {} : { logMass: margin.logMass }),
  });
  if (!Number.isFinite(requests)) return `${target} can't be shown at ${question.weightPercent} %`;
  const rate = recentRequestsPerSecond(state, shareRatio, question.atMs);
  const time =
    rate > 0 ? `: ${durationText((1000 * requests) / rate)} at ${rateText(rate)} requests/s` : '';
  const needs = `${target} needs about ${roundedText(requests)} more requests`;
  return `${needs} in all at ${question.weightPercent} %${time}`;
}

/** Of both arms, over the last minutes: stable's counts fade with a half-life, and it has the rest of the share. */
function recentRequestsPerSecond(
  { errors, openedAtMs }: GateState,
  shareRatio: number,
  atMs: number,
): number {
  const { base } = errors;
  const faded = base.requests * keptAfter(atMs - base.atMs);
  // What one request a second since the beginning would have left of itself.
  const seconds = (1 - keptAfter(atMs - openedAtMs)) / (1 - keptAfter(1000));
  return seconds > 0 ? faded / seconds / (1 - shareRatio) : 0;
}

function rateText(rate: number): string {
  return rate < 10 ? String(Number(rate.toPrecision(2))) : countText(rate);
}

/** An estimate is shown with two figures. */
function roundedText(count: number): string {
  return countText(Number(Math.ceil(count).toPrecision(2)));
}
