import { latencyBucketLowerUs } from '../traffic/samples/latency-buckets.ts';

/** What flowed to a service, or along one edge of the graph, in a stretch of time. */
export interface Flow {
  readonly requests: number;
  /** 5xx and no answer. */
  readonly failures: number;
  /** Sparse, by the buckets of latency-buckets.ts, in any order; a bucket is there once. */
  readonly latency: readonly (readonly [bucket: number, count: number])[];
}

/** What was promised of a service. Both parts hold for each of its edges as well. */
export interface FlowPromise {
  /** In [0, 1]: the strictest success objective, or `undeclaredErrorRatioMax`. */
  readonly errorRatioMax: number;
  /** Whether the file says so. */
  readonly isDeclared: boolean;
  readonly latencies: readonly { readonly quantile: number; readonly limitMs: number }[];
}

/**
 * - `failing`: at least half of what was asked failed, or there is nobody to ask.
 * - `degraded`: less than was promised.
 * - `quiet`: nothing flowed, so nothing is known; neither health nor a problem.
 */
export type FlowHealth = (typeof flowHealths)[number];
export const flowHealths = ['failing', 'degraded', 'quiet', 'healthy'] as const;

export interface Judgement {
  readonly health: FlowHealth;
  /** One sentence with numbers; null: healthy or quiet. */
  readonly why: string | null;
}

/** Of a service that declares no objective of success: for showing only, nothing is decided by it. */
export const undeclaredErrorRatioMax = 0.01;

/** A single failure, or two, of a few requests is chance. */
const failuresMin = 3;
/** A quantile of fewer is an extreme value. */
const latencyRequestsMin = 20;
const failingRatio = 0.5;

/** The one rule for nodes and edges: so an edge can't be red between two green nodes. */
export function judgeFlow(flow: Flow, promise: FlowPromise): Judgement {
  const { requests, failures } = flow;
  if (requests === 0) return { health: 'quiet', why: null };
  const ratio = failures / requests;
  if (failures >= failuresMin && ratio > promise.errorRatioMax) {
    const health = ratio >= failingRatio ? 'failing' : 'degraded';
    const limit = `${promise.isDeclared ? 'promised' : 'no objective is declared; taken is'}: at most ${percentText(promise.errorRatioMax)}`;
    return { health, why: `${percentText(ratio)} of ${requests} requests failed (${limit})` };
  }
  return slowness(flow, promise) ?? { health: 'healthy', why: null };
}

function slowness(flow: Flow, { latencies }: FlowPromise): Judgement | null {
  if (flow.requests < latencyRequestsMin) return null;
  for (const { quantile, limitMs } of latencies) {
    const foundMs = latencyQuantileMs(flow, quantile);
    if (foundMs === null || foundMs <= limitMs) continue;
    const name = `p${Number((quantile * 100).toFixed(3))}`;
    const why = `${name} is ${timeText(foundMs)} (promised: at most ${timeText(limitMs)})`;
    return { health: 'degraded', why };
  }
  return null;
}

/** Where the instances of a service stand, beside its traffic. */
export interface Standing {
  readonly ready: number;
  readonly total: number;
  /** Of one that may have no instance until somebody asks. */
  readonly isAsleep: boolean;
  /** Why the least healthy instance isn't ready; null: nothing to say. */
  readonly reason: string | null;
  /** What an operator should look after in its rollout, as a sentence; null: nothing. */
  readonly trouble: string | null;
}

/** A node: its flow by the rule of edges, and what only a node has. The worst of them is said, and all that is wrong told. */
export function judgeNode(flow: Flow, promise: FlowPromise, standing: Standing): Judgement {
  const parts = [judgeFlow(flow, promise), judgeInstances(standing), judgeRollout(standing)];
  const worst = parts.reduce((a, b) => (rankOf(b.health) < rankOf(a.health) ? b : a));
  const reasons = parts
    .filter(({ why }) => why !== null)
    .toSorted((a, b) => rankOf(a.health) - rankOf(b.health))
    .map(({ why }) => why);
  // Without a flow a service whose instances are all there is quiet, not healthy: nobody has asked it anything.
  const health = worst.health === 'healthy' && flow.requests === 0 ? 'quiet' : worst.health;
  return { health, why: reasons.length === 0 ? null : reasons.join('; ') };
}

function judgeInstances({ ready, total, isAsleep, reason }: Standing): Judgement {
  if (isAsleep || (total > 0 && ready === total)) return { health: 'healthy', why: null };
  const because = reason === null ? '' : `: ${reason}`;
  if (ready === 0) {
    const what = total === 0 ? 'there is no instance' : `none of ${total} instances is ready`;
    return { health: 'failing', why: `${what}${because}` };
  }
  return { health: 'degraded', why: `${ready} of ${total} instances are ready${because}` };
}

function judgeRollout({ trouble }: Standing): Judgement {
  return { health: trouble === null ? 'healthy' : 'degraded', why: trouble };
}

/** Worst first. */
export function rankOf(health: FlowHealth): number {
  return flowHealths.indexOf(health);
}

export function isProblem(health: FlowHealth): boolean {
  return health === 'failing' || health === 'degraded';
}

/** In ms, the lower limit of its bucket (at most 6.25 % below the truth); null: there are no latencies. */
export function latencyQuantileMs({ latency }: Pick<Flow, 'latency'>, quantile: number) {
  const sorted = latency.toSorted(([a], [b]) => a - b);
  const total = sorted.reduce((sum, [, count]) => sum + count, 0);
  let below = 0;
  for (const [bucket, count] of sorted) {
    below += count;
    if (below >= quantile * total) return latencyBucketLowerUs(bucket) / 1000;
  }
  return null;
}

export function addFlows(flows: readonly Flow[]): Flow {
  const latency = new Map<number, number>();
  let [requests, failures] = [0, 0];
  for (const flow of flows) {
    requests += flow.requests;
    failures += flow.failures;
    for (const [bucket, count] of flow.latency) {
      latency.set(bucket, (latency.get(bucket) ?? 0) + count);
    }
  }
  return { requests, failures, latency: [...latency] };
}

function percentText(ratio: number): string {
  return `${Number((ratio * 100).toPrecision(3))} %`;
}

function timeText(ms: number): string {
  return ms >= 1000 ? `${Number((ms / 1000).toPrecision(3))} s` : `${Number(ms.toPrecision(3))} ms`;
}
