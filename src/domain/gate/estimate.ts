import type { Plan, Step } from '../release/revision.ts';
import { blockRequestsMin } from './arm-block.ts';
import { marginRatiosOf, requirementOf } from './non-inferiority.ts';
import { slowMarginRatio } from './latency-metric.ts';
import {
  natsAgainst,
  natsFor,
  natsPerWindow,
  natsToPass,
  natsToRollBack,
  natsToRollBackByWindows,
} from './required-requests.ts';
import { countText, durationText, marginText } from './wording.ts';

/**
 * What a rollout will take, told before it starts: how many requests and how long each gated step needs to pass a healthy
 * candidate, and what bad candidates would cost at each step. The formulas are in required-requests.ts.
 */
export function estimateRollout({
  requestsPerSecond,
  baseErrorRatio,
  plan,
  instances = null,
}: {
  /** Of both arms together. 0 is allowed and makes every gated step infeasible. */
  readonly requestsPerSecond: number;
  /** Stable's failure ratio, in [0, 1). */
  readonly baseErrorRatio: number;
  readonly plan: Plan;
  /** Of each arm; only where the gate judges by instance and window. Null: not known, so nothing can be said of those. */
  readonly instances?: ArmInstanceCounts | null;
}): RolloutEstimate {
  requireInput(requestsPerSecond, baseErrorRatio);
  const nats = marginRatiosOf(plan.gate).map((marginRatio) => ({ marginRatio, value: 0 }));
  const steps: StepEstimate[] = [];
  let totalMs: number | null = 0;
  const lastGate = plan.steps.findLastIndex(isJudged);
  for (const [index, step] of plan.steps.entries()) {
    let lastsMs: number | null = isJudged(step) ? 0 : step.atLeastMs;
    if (isJudged(step)) {
      const isLastGate = index === lastGate;
      const flow = { requestsPerSecond, baseErrorRatio, plan, isLastGate, instances };
      const estimate = estimateStep(step, flow, nats);
      steps.push(estimate);
      lastsMs = estimate.lastsMs;
    }
    if (step.wait.kind === 'pause' && lastsMs !== null) lastsMs += step.wait.durationMs;
    totalMs = totalMs === null || lastsMs === null ? null : totalMs + lastsMs;
    // What a step shows counts for the steps after it.
    for (const margin of nats) {
      const shareRatio = step.weightPercent / 100;
      if (shareRatio <= 0 || shareRatio >= 1) continue;
      const perRequest = natsFor({ shareRatio, stableRatio: baseErrorRatio }, margin.marginRatio);
      margin.value += perRequest * requestsPerSecond * ((lastsMs ?? 0) / 1000);
    }
  }
  const tooSlow = steps.find((step) => step.kind === 'infeasible');
  if (tooSlow === undefined) return { kind: 'feasible', steps, totalMs };
  return { kind: 'infeasible', steps, totalMs, sentence: tooSlow.sentence };
}

export interface ArmInstanceCounts {
  readonly candidate: number;
  readonly stable: number;
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
  /** Requests of both arms in this step until a healthy candidate has shown enough; null: never. */
  readonly requests: number | null;
  readonly verdictMs: number | null;
  /** With soak and minimum time; null: never. */
  readonly lastsMs: number | null;
  readonly sentence: string;
  readonly detections: readonly DetectionEstimate[];
}

/** What a bad candidate would cost at a step, were it bad from the step's beginning. */
export interface DetectionEstimate {
  /** `fails 100 %`, `+5 pp`, `2x`. */
  readonly name: string;
  readonly candidateRatio: number;
  /** Null: can't be told from stable. */
  readonly candidateRequests: number | null;
  readonly failedRequests: number | null;
  readonly detectedMs: number | null;
}

/** Candidates to be told, by stable's failure ratio. */
const badCandidates: readonly {
  readonly name: string;
  readonly ratio: (base: number) => number;
}[] = [
  { name: 'fails 100 %', ratio: () => 1 },
  { name: 'fails 50 %', ratio: () => 0.5 },
  { name: '+5 pp', ratio: (base) => base + 0.05 },
  { name: '+1 pp', ratio: (base) => base + 0.01 },
  { name: '5x', ratio: (base) => 5 * base },
  { name: '2x', ratio: (base) => 2 * base },
];

interface Flow {
  readonly requestsPerSecond: number;
  readonly baseErrorRatio: number;
  readonly plan: Plan;
  readonly isLastGate: boolean;
  readonly instances: ArmInstanceCounts | null;
}

function estimateStep(
  step: Step,
  flow: Flow,
  nats: readonly { readonly marginRatio: number; readonly value: number }[],
): StepEstimate {
  const { weightPercent } = step;
  const { isLastGate, plan, requestsPerSecond, baseErrorRatio } = flow;
  const { marginRatio, forLimit } = requirementOf(plan.gate, { weightPercent, isLastGate });
  const shown = nats.find((margin) => margin.marginRatio === marginRatio)?.value ?? 0;
  const shareRatio = weightPercent / 100;
  const missing = Math.max(0, natsToPass(forLimit) - shown);
  const perRequest =
    shareRatio > 0 ? natsFor({ shareRatio, stableRatio: baseErrorRatio }, marginRatio) : 0;
  const forErrors = Math.ceil(missing / perRequest);
  const requests = finite(Math.max(forErrors, requestsForLatency(shareRatio, flow)));
  const verdictMs = requests === null ? null : finite(msOf(requests, requestsPerSecond));
  const isInTime = verdictMs !== null && verdictMs <= plan.gate.atMostMs;
  const lastsMs = verdictMs === null ? null : Math.max(verdictMs, step.atLeastMs, plan.gate.soakMs);
  return {
    kind: isInTime ? 'feasible' : 'infeasible',
    weightPercent,
    marginRatio,
    requests,
    verdictMs,
    lastsMs,
    sentence: sentenceOf({ step, flow, marginRatio, requests, verdictMs, isInTime }),
    detections: badCandidates.map((bad) => detection(bad, shareRatio, flow)),
  };
}

/**
 * Requests until "not slower" is shown, from stable's p95 by whatever latencies: its share of slow requests is 5 % by
 * definition, so nothing has to be known of them. How soon a slower candidate is found does depend on them.
 */
function requestsForLatency(shareRatio: number, { plan, isLastGate }: Flow): number {
  const { latency = 'auto', falsePromotionRatio } = plan.gate;
  const hasObjective = plan.objectives.some((objective) => objective.kind === 'latency');
  const isAsked = isLastGate && (latency === 'on' || (latency === 'auto' && hasObjective));
  if (!isAsked || shareRatio <= 0) return 0;
  const perRequest = natsFor({ shareRatio, stableRatio: 0.05 }, slowMarginRatio);
  return Math.ceil(natsToPass(1 / falsePromotionRatio) / perRequest);
}

/** By instance and window: what single requests would take to park, and probes until the windows have shown it. */
function detectionByWindows(
  bad: (typeof badCandidates)[number],
  shareRatio: number,
  flow: Flow,
): DetectionEstimate {
  const { requestsPerSecond, baseErrorRatio, plan, instances } = flow;
  const { incidentMs = 0, falseRollbackRatio } = plan.gate;
  const candidateRatio = Math.min(1, bad.ratio(baseErrorRatio));
  const unknown = {
    name: bad.name,
    candidateRatio,
    candidateRequests: null,
    failedRequests: null,
    detectedMs: null,
  };
  if (instances === null || candidateRatio <= baseErrorRatio || shareRatio <= 0) return unknown;
  const perSecond = (requestsPerSecond * shareRatio) / instances.candidate;
  const perWindow = natsPerWindow({
    candidateUnits: instances.candidate,
    stableUnits: instances.stable,
    requestsPerUnit: (perSecond * incidentMs) / 1000,
    stableRatio: baseErrorRatio,
    candidateRatio,
  });
  const windows = Math.ceil(natsToRollBackByWindows(falseRollbackRatio) / perWindow);
  const detectedMs = finite(windows * incidentMs);
  if (detectedMs === null) return unknown;
  const plain = plainDetection(bad, shareRatio, flow);
  const isParked = candidateRatio >= parkedFrom;
  const probes = 2 * instances.candidate * Math.ceil(windows / 2);
  const candidateRequests = isParked
    ? (plain.candidateRequests ?? 0) + probes
    : Math.ceil((requestsPerSecond * shareRatio * detectedMs) / 1000);
  const failedRequests = Math.ceil(candidateRequests * candidateRatio);
  return { ...unknown, candidateRequests, failedRequests, detectedMs };
}

/** From about this ratio on a candidate is parked. */
const parkedFrom = 0.2;

function detection(
  bad: (typeof badCandidates)[number],
  shareRatio: number,
  flow: Flow,
): DetectionEstimate {
  const isByWindows = (flow.plan.gate.incidentMs ?? 0) > 0;
  return isByWindows
    ? detectionByWindows(bad, shareRatio, flow)
    : plainDetection(bad, shareRatio, flow);
}

function plainDetection(
  bad: (typeof badCandidates)[number],
  shareRatio: number,
  { requestsPerSecond, baseErrorRatio, plan }: Flow,
): DetectionEstimate {
  const candidateRatio = Math.min(1, bad.ratio(baseErrorRatio));
  const perRequest =
    candidateRatio > baseErrorRatio
      ? natsAgainst({ shareRatio, stableRatio: baseErrorRatio, candidateRatio })
      : 0;
  const told = finite(natsToRollBack(plan.gate.falseRollbackRatio) / perRequest);
  // Nothing is evidence before a block is complete.
  const requests = told === null ? null : Math.max(told, blockRequestsMin / shareRatio);
  const candidateRequests = requests === null ? null : Math.ceil(requests * shareRatio - 1e-9);
  const failedRequests =
    candidateRequests === null ? null : Math.ceil(candidateRequests * candidateRatio);
  const detectedMs = requests === null ? null : finite(msOf(requests, requestsPerSecond));
  return { name: bad.name, candidateRatio, candidateRequests, failedRequests, detectedMs };
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
  const time = verdictMs === null ? 'never' : durationText(verdictMs);
  if (isInTime) return `about ${needs} = ${time} at ${rate} to ${goal}`;
  const within = durationText(flow.plan.gate.atMostMs);
  const remedy = 'raise worseBy, atMost, the weight or the traffic';
  return `${rate} are too few to ${goal} in ${within}: needs ${needs} = ${time}; ${remedy}`;
}

/** A gate at 100 % has nothing to compare with; the bake watches there. */
function isJudged(step: Step): boolean {
  return step.gated && step.weightPercent < 100;
}

function msOf(requests: number, requestsPerSecond: number): number {
  return requests === 0 ? 0 : Math.ceil((1000 * requests) / requestsPerSecond);
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
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
