import type { EstimateItem } from '../../../api/estimate-wire.ts';
import { type RolloutEstimate, estimateRollout } from '../../../domain/gate/estimate.ts';
import { openingKnowledge } from '../../../domain/gate/estimate-knowledge.ts';
import { countText, percentText } from '../../../domain/release/wording/amount-text.ts';
import { strategyText } from '../../../domain/release/strategies/blue-green.ts';
import type { ServiceSpec } from '../../../domain/release/revision.ts';
import {
  bakeSentences,
  customSentences,
  faultSentences,
  totalSentences,
  voteSentences,
} from './estimate-sentences.ts';

/** Assumed failure ratio of stable when neither the caller nor the gateway knows one. */
export const baseErrorRatioAssumed = 0.001;

export interface KnownTraffic {
  readonly requestsPerSecond: number | null;
  readonly baseErrorRatio: number | null;
  /** The rate has changed lately; null: it has not, or somebody has said what it is. */
  readonly change: { readonly earlier: number; readonly later: number } | null;
  /** Of the stable revision; null: there is none. */
  readonly stableInstances: number | null;
  /** Stable's latencies on the gate's scale; null: not known. */
  readonly latency: readonly number[] | null;
}

/** The pre-flight of one service, ready to read. */
export function estimateView(spec: ServiceSpec, known: KnownTraffic): EstimateItem {
  const baseErrorRatio = Math.min(known.baseErrorRatio ?? baseErrorRatioAssumed, 0.999);
  const { requestsPerSecond, stableInstances } = known;
  const { plan } = spec;
  const item = { service: spec.name, rolloutId: null, requestsPerSecond, baseErrorRatio };
  if (requestsPerSecond === null) {
    const sentence = `nothing is known of the traffic of ${spec.name}: say it with --rps, or send some through the gateway first`;
    return { ...item, sentences: [sentence], totalMs: null, steps: [], detections: [] };
  }
  const instances =
    stableInstances === null
      ? null
      : { candidate: spec.revision.instances, stable: stableInstances };
  const estimate = estimateRollout({ requestsPerSecond, baseErrorRatio, plan, instances });
  const [first] = estimate.steps;
  const knowledge = openingKnowledge(plan.gate);
  const flow = { requestsPerSecond, baseErrorRatio, plan, instances, knowledge };
  const { latency } = known;
  const weightPercent = first?.weightPercent ?? 0;
  const assumed = known.baseErrorRatio === null ? ' (assumed)' : '';
  return {
    ...item,
    sentences: [
      `at ${countText(requestsPerSecond)} requests/s with ${percentText(100 * baseErrorRatio)} failing${assumed}`,
      ...[strategyText(plan)].filter((each) => each !== null),
      ...voteSentences(plan),
      ...changeSentences(known.change),
      ...estimate.steps.map((step) => step.sentence),
      ...totalSentences(plan, estimate, { when: 'after', bakeMs: plan.bakeMs, people: '' }),
      ...(first === undefined
        ? []
        : faultSentences(first.detections, {
            flow,
            weightPercent,
            latency,
            where: 'at the first step',
          })),
      ...customSentences(plan, null),
      ...(first === undefined ? bakeSentences(flow, plan.bakeMs) : []),
    ],
    totalMs: estimate.totalMs,
    ...estimateData(estimate),
  };
}

/** Said where the rate is not what it was: no time can be promised then. */
export function changeSentences(change: KnownTraffic['change']): readonly string[] {
  if (change === null) return [];
  const { earlier, later } = change;
  return [
    `the rate has changed within the last minute, from ${countText(earlier)} to ${countText(later)} requests/s: times are those of the later one and can't be promised`,
  ];
}

/** The same as data. */
export function estimateData({
  steps,
}: RolloutEstimate): Pick<EstimateItem, 'steps' | 'detections'> {
  return {
    steps: steps.map(({ weightPercent, marginRatio, requests, verdictMs, lastsMs, kind }) => {
      const isInTime = kind === 'feasible';
      return { weightPercent, marginRatio, requests, verdictMs, lastsMs, isInTime };
    }),
    detections: (steps[0]?.detections ?? []).map((detection) => ({ ...detection })),
  };
}
