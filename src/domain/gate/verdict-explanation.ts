import { baseRatioAt } from './base-rate.ts';
import { differenceBounds } from './difference-interval.ts';
import { explainBeforeAfter } from './explain-metrics.ts';
import { adviceOf, type Findings } from './findings.ts';
import { type GateState, leadingPart } from './gate-state.ts';
import { latencyP95 } from './latency-metric.ts';
import { notesText } from './metric-standing.ts';
import { placeboEvidence, placeboLimit } from './placebo.ts';
import { loneCulprit } from './suspect.ts';
import type { GateAdvice, GateExplanation, Verdict } from './verdict.ts';
import { marginText } from './wording.ts';

/** A verdict with everything it rests on, in numbers and in a sentence. */
export function explained(
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
