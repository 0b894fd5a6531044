import { secondsText } from '../release/wording/amount-text.ts';
import type { Plan, Step } from '../release/revision.ts';
import {
  type ArmInstanceCounts,
  type DetectionEstimate,
  detectionsAt,
  finite,
  type Flow,
  msOf,
} from './estimate-detections.ts';
import { type GateKnowledge, openingKnowledge } from './estimate-knowledge.ts';
import { requestsToPass } from './expected-requests.ts';
import { slowMarginRatio } from './latency-metric.ts';
import { requirementOf } from './non-inferiority.ts';
import { natsFor } from './required-requests.ts';
import { countText, marginText } from './wording.ts';

export type { ArmInstanceCounts, DetectionEstimate } from './estimate-detections.ts';

/**
 * What a rollout will take, or still takes: how many requests and how long each gated step needs to pass a healthy candidate,
 * and what bad candidates would cost at each step. Half of all releases need less; the formulas are in expected-requests.ts
 * and required-requests.ts.
 */
export function estimateRollout({
  requestsPerSecond,
  baseErrorRatio,
  plan,
  instances = null,
  from = null,
}: {
  /** Of both arms together. 0 is allowed and makes every gated step infeasible. */
  readonly requestsPerSecond: number;
  /** Stable's failure ratio, in [0, 1). */
  readonly baseErrorRatio: number;
  readonly plan: Plan;
  /** Of each arm; only where the gate judges by instance and window. Null: not known, so nothing can be said of those. */
  readonly instances?: ArmInstanceCounts | null;
  /** Where it stands; null: it has not begun. */
  readonly from?: RolloutPlace | null;
}): RolloutEstimate {
  requireInput(requestsPerSecond, baseErrorRatio);
  let knowledge = from?.knowledge ?? openingKnowledge(plan.gate);
  const steps: StepEstimate[] = [];
  let totalMs: number | null = 0;
  const lastGate = plan.steps.findLastIndex(isJudged);
  for (const [index, step] of plan.steps.entries()) {
    if (from !== null && index < from.stepIndex) continue;
    const isNow = index === from?.stepIndex;
    const ageMs = isNow ? from.stepAgeMs : 0;
    let lastsMs: number | null = Math.max(0, step.atLeastMs - ageMs);
    if (isJudged(step) && !(isNow && from.isGatePassed)) {
      const flow = { requestsPerSecond, baseErrorRatio, plan, instances, knowledge };
      const estimate = estimateStep(step, flow, { isLastGate: index === lastGate, ageMs });
      steps.push(estimate);
      lastsMs = estimate.lastsMs;
    }
    const waitMs = isNow && from.isGatePassed ? from.waitLeftMs : waitOf(step);
    if (lastsMs !== null) lastsMs += waitMs;
    totalMs = totalMs === null || lastsMs === null ? null : totalMs + lastsMs;
    knowledge = laterKnowledge(knowledge, step, {
      baseErrorRatio,
      requests: (requestsPerSecond * (lastsMs ?? 0)) / 1000,
    });
  }
  const tooSlow = steps.find((step) => step.kind === 'infeasible');
  if (tooSlow === undefined) return { kind: 'feasible', steps, totalMs };
  return { kind: 'infeasible', steps, totalMs, sentence: tooSlow.sentence };
}

/** Where a rollout under way stands. */
export interface RolloutPlace {
  readonly stepIndex: number;
  /** Since the step's weight is in force. */
  readonly stepAgeMs: number;
  /** It is in the wait after the gate. */
  readonly isGatePassed: boolean;
  readonly waitLeftMs: number;
  readonly knowledge: GateKnowledge;
}

export type RolloutEstimate =
  | {
      readonly kind: 'feasible';
      readonly steps: readonly StepEstimate[];
      readonly totalMs: EstimatedMs;
    }
  | {
      /** Some step can't have its verdict within the plan's `atMostMs`; the sentence is the first such step's. */
      readonly kind: 'infeasible';
      readonly steps: readonly StepEstimate[];
      readonly totalMs: EstimatedMs;
      readonly sentence: string;
    };

/** Until 100 %, bake and people's approvals left out; null: never. */
type EstimatedMs = number | null;

/** A gated step below 100 %. */
export interface StepEstimate {
  readonly kind: 'feasible' | 'infeasible';
  readonly weightPercent: number;
  readonly marginRatio: number;
  /** Requests of both arms from now on in this step until a healthy candidate has shown enough; null: never. */
  readonly requests: number | null;
  readonly verdictMs: number | null;
  /** With soak and minimum time; null: never. */
  readonly lastsMs: number | null;
  readonly sentence: string;
  readonly detections: readonly DetectionEstimate[];
}

/** A gate at 100 % has nothing to compare with; the bake watches there. */
export function isJudged(step: Step): boolean {
  return step.gated && step.weightPercent < 100;
}

interface StepPlace {
  readonly isLastGate: boolean;
  readonly ageMs: number;
}

function estimateStep(step: Step, flow: Flow, place: StepPlace): StepEstimate {
  const { weightPercent } = step;
  const { plan, requestsPerSecond, baseErrorRatio, knowledge } = flow;
  const { gate } = plan;
  const { isLastGate, ageMs } = place;
  const { marginRatio, forLimit } = requirementOf(gate, { weightPercent, isLastGate });
  const margin = knowledge.margins.find((each) => each.marginRatio === marginRatio);
  const shareRatio = weightPercent / 100;
  const arms = { shareRatio, stableRatio: baseErrorRatio };
  const forErrors = requestsToPass(arms, marginRatio, {
    limit: forLimit,
    learnedRequests: knowledge.stableRequests,
    ...(margin === undefined ? {} : { logMass: margin.logMass }),
  });
  const wanted = Math.ceil(Math.max(forErrors, requestsForLatency(shareRatio, flow, isLastGate)));
  const requests = finite(wanted);
  const verdictMs = requests === null ? null : finite(msOf(requests, requestsPerSecond));
  const isInTime = verdictMs !== null && ageMs + verdictMs <= gate.atMostMs;
  const leastMs = Math.max(0, step.atLeastMs - ageMs, gate.soakMs - ageMs);
  return {
    kind: isInTime ? 'feasible' : 'infeasible',
    weightPercent,
    marginRatio,
    requests,
    verdictMs,
    lastsMs: verdictMs === null ? null : Math.max(verdictMs, leastMs),
    sentence: sentenceOf({ step, flow, marginRatio, requests, verdictMs, isInTime }),
    detections: detectionsAt(shareRatio, flow),
  };
}

/**
 * Requests until "not slower" is shown, from stable's p95 by whatever latencies: its share of slow requests is 5 % by
 * definition, so nothing has to be known of them. How soon a slower candidate is found does depend on them.
 */
function requestsForLatency(
  shareRatio: number,
  { plan, knowledge }: Flow,
  isLastGate: boolean,
): number {
  const { latency = 'auto', falsePromotionRatio } = plan.gate;
  const hasObjective = plan.objectives.some((objective) => objective.kind === 'latency');
  const isAsked = isLastGate && (latency === 'on' || (latency === 'auto' && hasObjective));
  if (!isAsked || shareRatio <= 0) return 0;
  const arms = { shareRatio, stableRatio: slowShare };
  const { notSlowerLog: logMass } = knowledge;
  return requestsToPass(arms, slowMarginRatio, { limit: 1 / falsePromotionRatio, logMass });
}

const slowShare = 0.05;

/** What a step shows counts for the steps after it. */
function laterKnowledge(
  knowledge: GateKnowledge,
  step: Step,
  seen: { readonly baseErrorRatio: number; readonly requests: number },
): GateKnowledge {
  const shareRatio = step.weightPercent / 100;
  if (shareRatio <= 0 || shareRatio >= 1 || seen.requests <= 0) return knowledge;
  const { baseErrorRatio, requests } = seen;
  const arms = { shareRatio, stableRatio: baseErrorRatio };
  const slow = natsFor({ shareRatio, stableRatio: slowShare }, slowMarginRatio);
  return {
    ...knowledge,
    margins: knowledge.margins.map(({ marginRatio, logMass }) => {
      return { marginRatio, logMass: logMass + natsFor(arms, marginRatio) * requests };
    }),
    notSlowerLog: knowledge.notSlowerLog + slow * requests,
    stableRequests: knowledge.stableRequests + (1 - shareRatio) * requests,
  };
}

function waitOf({ wait }: Step): number {
  return wait.kind === 'pause' ? wait.durationMs : 0;
}

function sentenceOf(told: {
  readonly step: Step;
  readonly flow: Flow;
  readonly marginRatio: number;
  readonly requests: number | null;
  readonly verdictMs: number | null;
  readonly isInTime: boolean;
}): string {
  const { step, flow, marginRatio, requests, verdictMs, isInTime } = told;
  const goal = `show "not worse than ${marginText(marginRatio)}" at ${step.weightPercent} %`;
  if (requests === null) {
    return `cannot tell how long it takes to ${goal}: the step's share of the traffic is unknown`;
  }
  if (requests === 0) {
    return `"not worse than ${marginText(marginRatio)}" is shown before ${step.weightPercent} %`;
  }
  const rate = `${Number(flow.requestsPerSecond.toPrecision(3))} requests/s`;
  const needs = `${countText(Number(requests.toPrecision(2)))} requests`;
  const time = verdictMs === null ? 'never' : secondsText(verdictMs);
  if (isInTime) return `about ${needs} = ${time} at ${rate} to ${goal}`;
  const within = secondsText(flow.plan.gate.atMostMs);
  const remedy = 'raise worseBy, atMost, the weight or the traffic';
  return `${rate} are too few to ${goal} in ${within}: needs ${needs} = ${time}; ${remedy}`;
}

function requireInput(requestsPerSecond: number, baseErrorRatio: number): void {
  if (!Number.isFinite(requestsPerSecond) || requestsPerSecond < 0) {
    throw new RangeError(`cannot estimate with ${requestsPerSecond} requests/s: must be >= 0`);
  }
  if (!(baseErrorRatio >= 0 && baseErrorRatio < 1)) {
    throw new RangeError(
      `cannot estimate with base error ratio ${baseErrorRatio}: must be in [0, 1)`,
    );
  }
}
