import type { Plan } from '../release/revision.ts';
import { blockRequestsMin } from './arm-block.ts';
import { requestsToFindSlower } from './estimate-latency.ts';
import type { GateKnowledge } from './estimate-knowledge.ts';
import { requestsAlone, requestsToRollBack, sharesIn } from './expected-requests.ts';
import { natsPerWindow, natsToRollBackByWindows } from './required-requests.ts';

/** What a bad candidate would cost, were it bad from now on at this share. */
export interface DetectionEstimate {
  /** `fails 100 %`, `+5 pp`, `2x`; of latency `slower by 20 %`, `2x slower`. */
  readonly name: string;
  readonly candidateRatio: number;
  /** Null: can't be told from stable. */
  readonly candidateRequests: number | null;
  readonly failedRequests: number | null;
  readonly detectedMs: number | null;
}

/** How much latency is worse, and how long until it shows; null: can't be told from stable. */
export interface SlowerEstimate {
  readonly name: string;
  readonly factor: number;
  readonly candidateRequests: number | null;
  readonly detectedMs: number | null;
}

/** Traffic and plan that an estimate is about. */
export interface Flow {
  readonly requestsPerSecond: number;
  readonly baseErrorRatio: number;
  readonly plan: Plan;
  readonly instances: ArmInstanceCounts | null;
  readonly knowledge: GateKnowledge;
}

export interface ArmInstanceCounts {
  readonly candidate: number;
  readonly stable: number;
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

type BadCandidate = (typeof badCandidates)[number];

export function detectionsAt(shareRatio: number, flow: Flow): readonly DetectionEstimate[] {
  const isByWindows = (flow.plan.gate.incidentMs ?? 0) > 0;
  return badCandidates.map((bad) =>
    isByWindows ? detectionByWindows(bad, shareRatio, flow) : plainDetection(bad, shareRatio, flow),
  );
}

const slowerCandidates = [
  { name: '20 % slower', factor: 1.2 },
  { name: '50 % slower', factor: 1.5 },
  { name: '2x slower', factor: 2 },
] as const;

/** `stable`: its latencies, as counts on the gate's scale. By windows of incidents there is no formula, so nothing is said. */
export function slowerAt(
  shareRatio: number,
  flow: Flow,
  stable: readonly number[],
): readonly SlowerEstimate[] {
  const { gate } = flow.plan;
  if ((gate.incidentMs ?? 0) > 0 || sharesIn(gate).latency === 0) return [];
  return slowerCandidates.map(({ name, factor }) => {
    const requests = finite(requestsToFindSlower({ factor, shareRatio }, stable, gate));
    return {
      name,
      factor,
      candidateRequests: requests === null ? null : Math.ceil(requests * shareRatio),
      detectedMs: requests === null ? null : finite(msOf(requests, flow.requestsPerSecond)),
    };
  });
}

/** A candidate that has all traffic, judged by what it may fail. */
export function detectionsAlone(
  flow: Pick<Flow, 'requestsPerSecond' | 'baseErrorRatio' | 'plan'>,
  alone: { readonly allowedRatio: number; readonly promiseCount: number },
): readonly DetectionEstimate[] {
  const { requestsPerSecond, baseErrorRatio, plan } = flow;
  const { allowedRatio, promiseCount } = alone;
  const { falseRollbackRatio } = plan.gate;
  return badCandidates.map(({ name, ratio }) => {
    const candidateRatio = Math.min(1, ratio(baseErrorRatio));
    const requests = finite(
      requestsAlone(candidateRatio, allowedRatio, { falseRollbackRatio, promiseCount }),
    );
    const candidateRequests = requests === null ? null : Math.ceil(requests);
    return {
      name,
      candidateRatio,
      candidateRequests,
      failedRequests:
        candidateRequests === null ? null : Math.ceil(candidateRequests * candidateRatio),
      detectedMs: requests === null ? null : finite(msOf(requests, requestsPerSecond)),
    };
  });
}

/** By instance and window: what single requests would take to park, and probes until the windows have shown it. */
function detectionByWindows(bad: BadCandidate, shareRatio: number, flow: Flow): DetectionEstimate {
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

function plainDetection(bad: BadCandidate, shareRatio: number, flow: Flow): DetectionEstimate {
  const { requestsPerSecond, baseErrorRatio, plan, knowledge } = flow;
  const candidateRatio = Math.min(1, bad.ratio(baseErrorRatio));
  const rates = { shareRatio, stableRatio: baseErrorRatio, candidateRatio };
  const told = finite(requestsToRollBack(rates, plan.gate, { logMasses: knowledge.worseLogs }));
  // Nothing is evidence before a block is complete.
  const requests = told === null ? null : Math.max(told, blockRequestsMin / shareRatio);
  const candidateRequests = requests === null ? null : Math.ceil(requests * shareRatio - 1e-9);
  const failedRequests =
    candidateRequests === null ? null : Math.ceil(candidateRequests * candidateRatio);
  const detectedMs = requests === null ? null : finite(msOf(requests, requestsPerSecond));
  return { name: bad.name, candidateRatio, candidateRequests, failedRequests, detectedMs };
}

export function msOf(requests: number, requestsPerSecond: number): number {
  return requests === 0 ? 0 : Math.ceil((1000 * requests) / requestsPerSecond);
}

export function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
